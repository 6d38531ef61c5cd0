//! What only some apps of the cloud do, as settings: each takes effect with the next call. And ids that are the cloud's own
//! markers, which no account can be created with.

use crate::cli::{on, refused, run};
use crate::emulator::{Made, done, set};
use crate::harness::{App, TestServer, binary};
use serde_json::{Value, json};

const IMPORT: &str = r#"{"UserID":"u"}"#;
const DELETE: &str = r#"{"DeleteItem":[{"UserID":"u"}]}"#;
const GHOST: &str = r#"{"To_Account":["ghost"],"TagList":["Tag_Profile_IM_Nick"]}"#;

fn deleted(app: &App<'_>) -> u64 {
    let answer = app.call("account_delete", DELETE);
    answer["ResultItem"][0]["ResultCode"].as_u64().unwrap_or_else(|| answer["ErrorCode"].as_u64().unwrap())
}

#[test]
fn each_setting_takes_effect_with_the_next_call() {
    let server = TestServer::dev();
    let app = server.app();
    app.put("/words", "badword\n");
    app.import("u");
    let named = || app.call("portrait_get", GHOST)["UserProfileItem"][0]["To_Account"].clone();
    let bad = || app.code("portrait_set", &set("u", "badword").to_string());
    for _ in 0..2 {
        app.patch(&json!({"echo_unknown": true}));
        assert_eq!(named(), "ghost");
        app.patch(&json!({"echo_unknown": false}));
        assert_eq!(named(), "@TLS#NOT_FOUND");

        app.patch(&json!({"sensitive_code": 80001}));
        assert_eq!(bad(), 80001);
        app.patch(&json!({"sensitive_code": 40005}));
        assert_eq!(bad(), 40005);

        app.patch(&json!({"deletion_forbidden": true}));
        assert_eq!(deleted(&app), 71000);
        app.patch(&json!({"deletion_forbidden": false, "reimport_after": 90}));
        assert_eq!(deleted(&app), 0);
        assert_eq!(app.code("account_import", IMPORT), 70399);
        assert_eq!(app.call("multiaccount_import", r#"{"Accounts":["u"]}"#)["FailAccounts"], json!(["u"]));
        app.patch(&json!({"reimport_after": 0}));
        assert_eq!(app.code("account_import", IMPORT), 0);
    }
}

/// To the millisecond, by the emulator's clock; a change of the term counts for those who are deleted already.
#[test]
fn a_term_ends_by_the_clock_of_the_emulator() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    let settings = |settings: Value| {
        let path = format!("/apps/{}", app.id);
        assert_eq!(server.admin("PATCH", &path, &settings.to_string()).0, 200);
    };
    let code = |command: &str, body: Value| app.call(command, &body)["ErrorCode"].as_u64().unwrap();
    let import = || code("account_import", json!({"UserID": "alice"}));
    let advance = |ms: u64| done(&server, "PUT", "/clock", &json!({"advance": ms}).to_string());
    settings(json!({"reimport_after": 7_776_000}));
    done(&server, "PUT", "/clock", r#"{"frozen":true}"#);
    let delete = json!({"DeleteItem": [{"UserID": "alice"}]});
    assert_eq!(code("account_delete", delete.clone()), 0);
    assert_eq!(import(), 70399);
    advance(7_776_000_000 - 1);
    assert_eq!(import(), 70399);
    settings(json!({"reimport_after": 7_776_000 + 1}));
    advance(1);
    assert_eq!(import(), 70399);
    settings(json!({"reimport_after": 7_776_000}));
    assert_eq!(import(), 0);
    assert_eq!(app.nick("alice"), None, "it starts empty");
    // A clock that is set back ends no term.
    assert_eq!(code("account_delete", delete), 0);
    done(&server, "PUT", "/clock", r#"{"now":"2020-01-01T00:00:00Z"}"#);
    assert_eq!(import(), 70399);
}

#[test]
fn a_snapshot_knows_who_was_deleted_and_a_reset_does_not() {
    let server = TestServer::dev();
    let app = server.dev_app();
    app.patch(&json!({"reimport_after": 90}));
    let delete = r#"{"DeleteItem":[{"UserID":"alice"}]}"#;
    let import = || app.code("account_import", r#"{"UserID":"alice"}"#);
    assert_eq!(app.code("account_delete", delete), 0);
    done(&server, "PUT", "/snapshots/deleted", "");
    done(&server, "POST", "/reset", "");
    app.patch(&json!({"reimport_after": 90}));
    let check = app.call("account_check", r#"{"CheckItem":[{"UserID":"alice"}]}"#);
    assert_eq!(check["ResultItem"][0]["AccountStatus"], "Imported");
    done(&server, "POST", "/snapshots/deleted/restore", "");
    assert_eq!(import(), 70399);
    app.patch(&json!({"reimport_after": 0}));
    assert_eq!(import(), 0);
}

/// The cloud's rules are for /v4: an operator deletes, imports and names admins whatever an app's settings say.
#[test]
fn an_operator_is_not_bound_and_ends_a_term() {
    let server = TestServer::dev();
    let app = server.app();
    app.patch(&json!({"reimport_after": 7_776_000, "deletion_forbidden": true}));
    let path = |rest: &str| format!("/apps/{}{rest}", app.id);
    let delete = || assert_eq!(server.admin("DELETE", &path("/accounts/u"), "").0, 204);
    let imported = || app.code("account_import", IMPORT);
    app.import("u");
    // By hand, from a file, as an admin: each creates it, and from then on it is an account like any other.
    let by_hand = || assert_eq!(server.admin("PUT", &path("/accounts/u"), "").0, 201);
    let from_file = || assert_eq!(server.admin("POST", &path("/import"), "{\"UserID\":\"u\"}\n").0, 200);
    let as_admin = || {
        assert_eq!(server.admin("PUT", &path("/admins/u"), "").0, 200);
        assert_eq!(server.admin("DELETE", &path("/admins/u"), "").0, 200);
    };
    for create in [&by_hand as &dyn Fn(), &from_file, &as_admin] {
        delete();
        assert_eq!(imported(), 70399, "an operator's deletion begins the term too");
        create();
        assert_eq!(imported(), 0);
    }
}

#[test]
fn notes_of_deletions_go_when_the_setting_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    run(&mut on(data, &["app", "create", "1500000000", "--key", crate::harness::KEY]));
    run(&mut on(data, &["app", "set", "1500000000", "--reimport-after", "90d"]));
    let holds = |text: &str| {
        ["portraitd.db", "portraitd.journal-0", "portraitd.journal-1"].iter().any(|name| {
            let bytes = std::fs::read(data.join(name)).unwrap();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    let visit = |visit: &dyn Fn(&App<'_>)| {
        let mut server = TestServer::serve(data, "");
        visit(&App { server: &server, id: 1_500_000_000 });
        server.signal("-TERM");
        assert!(server.child.wait().unwrap().success());
    };
    visit(&|app| {
        app.import("Geheimnis");
        assert_eq!(app.code("account_delete", r#"{"DeleteItem":[{"UserID":"Geheimnis"}]}"#), 0);
    });
    assert!(holds("Geheimnis"), "kept until the term ends");
    visit(&|app| assert_eq!(app.code("account_import", r#"{"UserID":"Geheimnis"}"#), 70399));
    run(&mut on(data, &["app", "set", "1500000000", "--reimport-after", "off"]));
    visit(&|app| {
        // The notes are looked at as soon as the server runs.
        for _ in 0..100 {
            app.patch(&json!({"reimport_after": 7_776_000}));
            let gone = app.code("account_import", r#"{"UserID":"Geheimnis"}"#) == 0;
            app.patch(&json!({"reimport_after": 0}));
            if gone {
                let delete = r#"{"DeleteItem":[{"UserID":"Geheimnis"}]}"#;
                assert_eq!(app.code("account_delete", delete), 0);
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        panic!("the note of a deletion stays");
    });
    assert!(!holds("Geheimnis"));
}

#[test]
fn no_account_is_created_with_a_marker_of_the_cloud() {
    let server = TestServer::dev();
    let app = server.app();
    let path = |rest: &str| format!("/apps/{}{rest}", app.id);
    for (method, place) in [("PUT", "/accounts/%40TLS%23x"), ("PUT", "/admins/%40TLS%23x")] {
        let (status, why) = server.admin(method, &path(place), "");
        assert_eq!(status, 400, "{place}");
        assert!(why.contains("start with @TLS#"), "{why}");
    }
    let lines = "{\"UserID\":\"a\"}\n{\"UserID\":\"@TLS#NOT_FOUND\"}\n";
    let (_, answer) = server.admin("POST", &path("/import"), lines);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["imported"], &answer["refused"][0]["line"]), (&json!(1), &json!(2)), "{answer}");
    refused(binary().args(["dev", "--admin", "@TLS#x"]), 1, "start with @TLS#");
    assert_eq!(server.admin("GET", &path("/accounts/%40TLS%23x"), "").0, 404, "reading asks like for any id");
}

#[test]
fn settings_are_shown_checked_and_set_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    run(&mut on(data, &["app", "create", "7"]));
    let set = ["--sensitive-code", "80001", "--echo-unknown", "on", "--deletion-forbidden", "on"];
    let mut words = vec!["app", "set", "7", "--reimport-after", "90d"];
    words.extend(set);
    let shown = run(&mut on(data, &words));
    for part in ["(80001)", "the id asked for", "forbidden (71000)", "after 7776000 s (70399)"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json: Value = serde_json::from_str(&run(&mut on(data, &["app", "show", "7", "--json"]))).unwrap();
    let found =
        ["sensitive_code", "echo_unknown", "deletion_forbidden", "reimport_after"].map(|name| &json[name]);
    assert_eq!(found, [&json!(80001), &json!(true), &json!(true), &json!(7_776_000)]);
    refused(
        &mut on(data, &["app", "set", "7", "--sensitive-code", "40006"]),
        1,
        "40006 is neither 40005 nor 80001",
    );
    refused(&mut on(data, &["app", "set", "7", "--reimport-after", "1500ms"]), 2, "whole seconds");
    let logged = run(&mut on(data, &["audit", "--json"]));
    assert!(logged.contains("reimport_after") && logged.contains("7776000"), "{logged}");
}
