//! Apps and their settings: isolated from each other, changed at once, and never shown to callers without a token.

use crate::harness::{App, Connection, KEY, TestServer, path_of, post};
use crate::usersig::{Sign, now};
use serde_json::{Value, json};

const CHECK: &str = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;

fn code_with_key(app: &App<'_>, key: &str) -> u64 {
    let sign = Sign { key, sdkappid: app.id.into(), identifier: "administrator", time: now(), expire: 60 };
    let target = format!(
        "{}?sdkappid={}&identifier=administrator&usersig={}",
        path_of("account_check"),
        app.id,
        sign.usersig()
    );
    app.server.connect().exchange(&post(&target, CHECK)).unwrap().code()
}

/// Revoked under one number, it would still be in force under another.
#[test]
fn a_key_is_there_once() {
    let server = TestServer::dev();
    let app = server.app();
    let add =
        || server.admin("POST", &format!("/apps/{}/keys", app.id), r#"{"key":"a-key-that-is-given-twice"}"#);
    let (status, first) = add();
    assert_eq!(status, 201, "{first}");
    let (status, refused) = add();
    assert_eq!(status, 409);
    assert!(
        refused.contains(&format!("it is key {}", serde_json::from_str::<Value>(&first).unwrap()["id"])),
        "{refused}"
    );
}

#[test]
fn keys_are_rotated_without_a_gap() {
    let server = TestServer::dev();
    let app = server.app();
    let (status, answer) = server.admin("POST", &format!("/apps/{}/keys", app.id), "{}");
    assert_eq!(status, 201);
    let created: Value = serde_json::from_str(&answer).unwrap();
    let (second, id) = (created["key"].as_str().unwrap(), &created["id"]);
    assert_eq!((second.len(), id), (64, &json!(2)));
    assert_eq!((code_with_key(&app, KEY), code_with_key(&app, second)), (0, 0));
    assert_eq!(server.admin("DELETE", &format!("/apps/{}/keys/1", app.id), "").0, 200);
    assert_eq!((code_with_key(&app, KEY), code_with_key(&app, second)), (70009, 0));
    let (_, shown) = server.admin("GET", &format!("/apps/{}", app.id), "");
    assert!(!shown.contains(second) && shown.contains(&second[60..]), "{shown}");
}

#[test]
fn apps_do_not_see_each_other() {
    let server = TestServer::dev();
    let (one, other) = (server.app(), server.app());
    one.import("u");
    assert_eq!(other.code("kick", r#"{"UserID":"u"}"#), 70107);
    assert_eq!(
        other.code(
            "portrait_set",
            r#"{"From_Account":"u","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#
        ),
        40003
    );
    one.put("/fields/Mine", r#"{"type":"string","read":["admin"],"write":["admin"]}"#);
    assert_eq!(
        other.code("portrait_get", r#"{"To_Account":["u"],"TagList":["Tag_Profile_Custom_Mine"]}"#),
        40009
    );
    let crossed = format!(
        "{}?sdkappid={}&identifier=administrator&usersig={}",
        path_of("account_check"),
        other.id,
        one.sign("administrator")
    );
    assert_eq!(server.connect().exchange(&post(&crossed, CHECK)).unwrap().code(), 70014);
}

#[test]
fn an_operator_sees_when_a_key_was_added_and_last_used() {
    let server = TestServer::dev();
    let app = server.app();
    let read = |path: &str| -> Value {
        serde_json::from_str(&server.admin("GET", &format!("/apps/{}{path}", app.id), "").1).unwrap()
    };
    let used = || -> Vec<Option<u64>> {
        let usage = read("/usage");
        let keys = usage["keys"].as_array().unwrap().clone();
        assert_eq!(keys.iter().map(|key| key["id"].clone()).collect::<Vec<_>>(), json_ids(&read("")));
        keys.iter().map(|key| key["last_used_ms"].as_u64()).collect()
    };
    let since = read("/usage")["since_ms"].as_u64().unwrap();
    assert!(read("")["keys"][0]["created_ms"].as_u64().unwrap() >= since);
    assert_eq!(used(), [None]);
    assert_eq!(app.code("account_check", CHECK), 0);
    let first = used()[0].unwrap();
    assert!(first >= since);
    let (status, added) = server.admin("POST", &format!("/apps/{}/keys", app.id), "{}");
    assert_eq!(status, 201, "{added}");
    let added: Value = serde_json::from_str(&added).unwrap();
    assert_eq!(used(), [Some(first), None], "a change of the settings forgets nothing");
    let keys = &read("")["keys"];
    assert!(keys[1]["created_ms"].as_u64() >= keys[0]["created_ms"].as_u64(), "{keys}");
    let call = |key: &str, time: u64| {
        let sig = Sign { key, sdkappid: app.id.into(), identifier: "administrator", time, expire: 60 };
        let target = format!(
            "{}?sdkappid={}&identifier=administrator&usersig={}",
            path_of("account_check"),
            app.id,
            sig.usersig()
        );
        server.connect().exchange(&post(&target, CHECK)).unwrap().code()
    };
    assert_eq!(
        (call("another key", now()), call(added["key"].as_str().unwrap(), now() - 100)),
        (70009, 70001)
    );
    assert_eq!(used(), [Some(first), None], "a refused UserSig is no use of a key");
    assert_eq!(call(added["key"].as_str().unwrap(), now()), 0);
    let second = used()[1].unwrap();
    assert!(second >= first);
    // A UserSig that was verified before counts at each call.
    while used()[0] == Some(first) {
        assert_eq!(app.code("account_check", CHECK), 0);
    }
    assert_eq!(used()[1], Some(second));
    assert_eq!(server.admin("DELETE", &format!("/apps/{}/keys/1", app.id), "").0, 200);
    assert_eq!(used(), [Some(second)]);
}

fn json_ids(app: &Value) -> Vec<Value> {
    app["keys"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect()
}

#[test]
fn admins_are_named_removed_and_kicked() {
    let server = TestServer::dev();
    let app = server.app();
    assert_eq!(app.call_as("ops", "account_check", CHECK)["ErrorCode"], 70403);
    app.put("/admins/ops", "");
    assert_eq!(
        app.call_as("ops", "account_check", r#"{"CheckItem":[{"UserID":"ops"}]}"#)["ResultItem"][0]["AccountStatus"],
        "Imported"
    );
    assert_eq!(app.code("kick", r#"{"UserID":"ops"}"#), 0);
    assert_eq!(
        app.call_as("ops", "account_check", CHECK)["ErrorCode"],
        70052,
        "issued in the second of the kick"
    );
    let later =
        Sign { key: KEY, sdkappid: app.id.into(), identifier: "ops", time: now() + 60, expire: 60 }.usersig();
    let target = format!("{}?sdkappid={}&identifier=ops&usersig={later}", path_of("account_check"), app.id);
    assert_eq!(server.connect().exchange(&post(&target, CHECK)).unwrap().code(), 0);
    assert_eq!(server.admin("DELETE", &format!("/apps/{}/admins/ops", app.id), "").0, 200);
    assert_eq!(server.connect().exchange(&post(&target, CHECK)).unwrap().code(), 70403);
    assert_eq!(server.admin("DELETE", &format!("/apps/{}/admins/administrator", app.id), "").0, 400);
    let many: Vec<u16> =
        (0..12).map(|n| server.admin("PUT", &format!("/apps/{}/admins/a{n}", app.id), "").0).collect();
    assert_eq!(
        many.iter().filter(|status| **status == 200).count(),
        9,
        "at most 10 with administrator: {many:?}"
    );
}

#[test]
fn fields_are_retired_restored_and_never_change_type() {
    let server = TestServer::dev();
    let app = server.app();
    app.import("u");
    let define = |keyword: &str, value_type: &str| {
        let body = json!({"type": value_type, "read": ["app", "admin"], "write": ["app", "admin"]});
        server.admin("PUT", &format!("/apps/{}/fields/{keyword}", app.id), &body.to_string()).0
    };
    let set = r#"{"From_Account":"u","ProfileItem":[{"Tag":"Tag_Profile_Custom_F","Value":"kept"}]}"#;
    let get = r#"{"To_Account":["u"],"TagList":["Tag_Profile_Custom_F"]}"#;
    assert_eq!(app.code("portrait_set", set), 40009);
    assert_eq!(define("F", "string"), 200);
    assert_eq!(app.code("portrait_set", set), 0);
    assert_eq!(define("F", "uint64"), 409, "a value is there");
    assert_eq!(app.code("portrait_get", get), 0, "a refused change leaves the field in use");
    assert_eq!(server.admin("DELETE", &format!("/apps/{}/fields/F", app.id), "").0, 200);
    assert_eq!(app.code("portrait_get", get), 40009);
    assert_eq!(define("F", "string"), 200);
    assert_eq!(app.call("portrait_get", get)["UserProfileItem"][0]["ProfileItem"][0]["Value"], "kept");
    for (keyword, value_type) in [("F1", "string"), ("NineLette", "string"), ("G", "uint32"), ("G", "text")] {
        assert_eq!(define(keyword, value_type), 400, "{keyword} {value_type}");
    }
    let statuses: Vec<u16> = ('a'..='z').map(|letter| define(&format!("K{letter}"), "string")).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 19, "at most 20 in use");
}

#[test]
fn the_admin_api_asks_for_its_token_and_names_mistakes() {
    let server = TestServer::dev();
    let app = server.app();
    for authorization in ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic YTpi\r\n"] {
        let request = format!("GET /admin/v1/apps HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n");
        let answer = Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap();
        assert_eq!(answer.status, 401);
        assert!(!answer.body.contains("sdkappid"));
    }
    let patch = |body: &str| server.admin("PATCH", &format!("/apps/{}", app.id), body);
    for (body, part) in [
        (r#"{"enabledd":true}"#, "enabledd"),
        (r#"{"limits":{"nope":1}}"#, "no limit is named `nope`"),
        (r#"{"allow_ips":["x"]}"#, "`x` is neither an address nor a network"),
        (r#"{"location_bytes_max":501}"#, "from 1 to 500"),
        (r#"{"screened_tags":["Nick"]}"#, "`Nick` is not a tag"),
        ("{", "can't be used"),
    ] {
        let (status, answer) = patch(body);
        assert!(status == 400 && answer.contains(part), "{body}: {status} {answer}");
    }
    assert_eq!(server.admin("GET", "/apps/7", "").0, 404);
    assert_eq!(server.admin("GET", "/apps/x", "").0, 400);
    assert_eq!(server.admin("POST", "/apps", &json!({"sdkappid": app.id}).to_string()).0, 409);
    for path in ["/healthz", "/readyz"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(
            Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap().body,
            "ok\n"
        );
    }
}

#[test]
fn error_details_are_for_people_and_can_be_switched() {
    let server = TestServer::dev_with(&["--language", "zh"]);
    let app = server.app();
    app.import("u");
    let set = r#"{"From_Account":"u","ProfileItem":[{"Tag":"nickName","Value":"x"}]}"#;
    let answer = app.call("portrait_set", set);
    assert_eq!(answer["ErrorInfo"], "Err_Profile_Invalid_Tag", "the name is the same in every language");
    assert_eq!(
        answer["ErrorDisplay"],
        "第 1 项（nickName）：这是客户端 SDK 中的字段名，REST API 中该字段为 Tag_Profile_IM_Nick"
    );
    app.patch(&json!({"error_detail": false}));
    assert_eq!(app.call("portrait_set", set)["ErrorDisplay"], "");
    app.patch(&json!({"error_detail": null}));
    assert_ne!(app.call("portrait_set", set)["ErrorDisplay"], "");
}

#[test]
fn behind_a_trusted_proxy_callers_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let server =
        TestServer::serve(&dir.path().join("data"), "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n");
    let app = server.app();
    app.patch(&json!({"allow_ips": ["203.0.113.0/24"]}));
    let code = |forwarded: &str, sig: &str| {
        let path = path_of("account_check");
        let length = CHECK.len();
        let request = format!(
            "POST {path}?sdkappid={}&identifier=administrator&usersig={sig} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {forwarded}\r\nContent-Length: {length}\r\n\r\n{CHECK}",
            app.id
        );
        server.connect().exchange(request.as_bytes()).unwrap().code()
    };
    let good = app.sign("administrator");
    assert_eq!(code("203.0.113.9", &good), 0);
    assert_eq!(code("203.0.113.9, 192.0.2.1", &good), 60021, "what the caller wrote is not believed");
    let bad: Vec<u64> = (0..200).map(|_| code("203.0.113.66", "bad")).collect();
    assert!(bad.contains(&70050));
    assert_eq!(code("203.0.113.9", &good), 0, "others behind the same proxy go on");
}

/// Keys, tokens and UserSigs in no log, at the most talkative level, whatever is asked.
#[test]
fn secrets_never_reach_the_log() {
    let server = TestServer::dev_with(&["--log", "trace"]);
    let app = server.dev_app();
    let sig = app.sign("administrator");
    let target =
        format!("{}?sdkappid={}&identifier=administrator&usersig={sig}", path_of("account_check"), app.id);
    for (body, code) in [(CHECK, 0), ("{", 60003)] {
        assert_eq!(server.connect().exchange(&post(&target, body)).unwrap().code(), code);
    }
    server.connect().exchange(&post(&format!("/v4/nope?usersig={sig}"), "{}")).unwrap();
    server.connect().exchange(format!("GET /v4/x?usersig={sig} HTTP/1.1\r\nA B\r\n\r\n").as_bytes());
    server.admin(
        "POST",
        &format!("/apps/{}/keys", app.id),
        &json!({"key": "canary-key-canary-key"}).to_string(),
    );
    let log = server.log();
    assert!(log.contains("account_check"), "the log says something:\n{log}");
    for secret in [sig.as_str(), KEY, &server.admin_token, "canary-key"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn calls_are_counted_by_command_and_code() {
    let server = TestServer::dev();
    let (app, other) = (server.app(), server.app());
    let usage = |app: &App<'_>| -> Value {
        let (_, answer) = server.admin("GET", &format!("/apps/{}/usage", app.id), "");
        let mut usage: Value = serde_json::from_str(&answer).unwrap();
        // Another test looks at these.
        for name in ["since_ms", "keys"] {
            usage.as_object_mut().unwrap().remove(name).unwrap();
        }
        usage
    };
    assert_eq!(usage(&app), json!({"accounts": 1, "last_call_ms": null, "calls": {}}));
    (0..3).for_each(|_| app.import("u"));
    app.code("kick", r#"{"UserID":"nobody"}"#);
    app.code("portrait_set", "{");
    let mut found = usage(&app);
    let last = found["last_call_ms"].take().as_u64().unwrap();
    assert!(last / 1000 <= now() && last / 1000 + 600 > now(), "{last}");
    let calls = json!({"account_import": {"0": 3}, "kick": {"70107": 1}, "portrait_set": {"60003": 1}});
    assert_eq!(found, json!({"accounts": 2, "last_call_ms": null, "calls": calls}));
    app.patch(&json!({"name": "counters live on"}));
    assert_eq!(usage(&app)["calls"], calls);
    assert_eq!(usage(&other)["calls"], json!({}));
}
