//! Commands of `portraitd app`, `words` and `account` that list, page, guard and apply.

use crate::cli::{on, refused, run, stderr_of};
use crate::harness::{KEY, TestServer, binary};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Runs a walk on a running server, and on a stopped one's data.
fn on_both(walk: impl Fn(&Path, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = TestServer::serve(&data, "");
    for app in ["1400000001", "1400000002"] {
        run(&mut on(&data, &["app", "create", app, "--key", KEY]));
    }
    walk(&data, "1400000001");
    server.signal("-TERM");
    server.child.wait().unwrap();
    walk(&data, "1400000002");
}

#[test]
fn the_last_key_is_guarded() {
    on_both(|data, app| {
        refused(&mut on(data, &["app", "key", "revoke", app, "1"]), 1, "is the only one of app");
        run(&mut on(data, &["app", "key", "add", app]));
        let listed = run(&mut on(data, &["app", "key", "list", app]));
        let numbers: Vec<_> = listed.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(numbers, ["KEY", "1", "2"], "{listed}");
        assert!(listed.contains(&format!("…{}", &KEY[60..])) && !listed.contains(KEY), "{listed}");
        let keys: Value =
            serde_json::from_str(&run(&mut on(data, &["app", "key", "list", app, "--json"]))).unwrap();
        assert_eq!(
            (&keys[0]["id"], &keys[0]["last4"], &keys[1]["id"]),
            (&1.into(), &KEY[60..].into(), &2.into())
        );
        run(&mut on(data, &["app", "key", "revoke", app, "1"]));
        // One that is not there is that, and not the last.
        refused(&mut on(data, &["app", "key", "revoke", app, "1"]), 1, "has no key 1");
        refused(&mut on(data, &["app", "key", "revoke", app, "2"]), 1, "--last");
        run(&mut on(data, &["app", "key", "revoke", app, "2", "--last"]));
        assert_eq!(run(&mut on(data, &["app", "key", "list", app, "--json"])), "[]\n");
    });
}

#[test]
fn words_are_added_and_removed() {
    on_both(|data, app| {
        let list = || run(&mut on(data, &["words", "list", app]));
        assert_eq!(
            run(&mut on(data, &["words", "add", app, "bad", "敏感", "two words", "bad"])),
            format!("3 added, 0 removed; app {app} has 3 sensitive words\n")
        );
        assert_eq!(list(), "bad\n敏感\ntwo words\n");
        assert_eq!(
            run(&mut on(data, &["words", "remove", app, "敏感", "absent"])),
            format!("0 added, 1 removed; app {app} has 2 sensitive words\n")
        );
        run(&mut on(data, &["words", "add", app, "bad"]));
        assert_eq!(list(), "bad\ntwo words\n");
        refused(&mut on(data, &["words", "add", app, "a\nb"]), 1, "has a line break");
        let long = "word 2: `xxxxxxxxxxxxxxxxxxxx…` has 201 bytes; a word has at most 200";
        refused(&mut on(data, &["words", "add", app, "y", &"x".repeat(201)]), 1, long);
        assert_eq!(list(), "bad\ntwo words\n");
        // A word that is not there is named; case does not matter, as it does not in values.
        let output = on(data, &["words", "remove", app, "BAD", "absent"]).output().unwrap();
        assert_eq!(
            (String::from_utf8(output.stdout.clone()).unwrap(), stderr_of(&output)),
            (
                format!("0 added, 1 removed; app {app} has 1 sensitive word\n"),
                "not in the list: `absent`\n".to_owned()
            )
        );
        assert_eq!(list(), "two words\n");
        let file = data.with_extension("words");
        std::fs::write(&file, "from\na file\n\n").unwrap();
        let name = file.to_str().unwrap();
        refused(&mut on(data, &["words", "add", app, &format!("@{name}")]), 1, &format!("--file {name}"));
        run(&mut on(data, &["words", "add", app, "@all", "--file", name]));
        assert_eq!(list(), "two words\n@all\nfrom\na file\n");
        run(&mut on(data, &["words", "remove", app, "--file", name]));
        std::fs::write(&file, format!("ok\n{}\n", "x".repeat(201))).unwrap();
        refused(&mut on(data, &["words", "add", app, "--file", name]), 1, &format!("{name}: line 2: `xxx"));
        assert_eq!(list(), "two words\n@all\n");
    });
}

#[test]
fn a_list_of_accounts_says_that_there_are_more() {
    on_both(|data, app| {
        let names: BTreeSet<String> = (0..250).map(|number| format!("user {number:03}")).collect();
        let file = data.with_extension("csv");
        std::fs::write(&file, format!("UserID\n{}\n", names.iter().cloned().collect::<Vec<_>>().join("\n")))
            .unwrap();
        run(on(data, &["import", app]).arg(&file));
        let mut found = Vec::new();
        let mut next: Vec<String> = vec![
            "account".into(),
            "list".into(),
            app.into(),
            "--prefix".into(),
            "user ".into(),
            "--limit".into(),
            "120".into(),
        ];
        for round in 0.. {
            let words: Vec<&str> = next.iter().map(String::as_str).collect();
            let output = on(data, &words).output().unwrap();
            found.extend(String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned));
            let said = stderr_of(&output);
            let Some(more) = said.strip_prefix("more: portraitd ") else {
                assert_eq!((said.as_str(), round), ("", 2));
                break;
            };
            // As a shell would read the line.
            let words = std::process::Command::new("sh")
                .args(["-c", &format!("printf '%s\\n' {more}")])
                .output()
                .unwrap();
            next = String::from_utf8(words.stdout).unwrap().lines().map(str::to_owned).collect();
            // The store is named too; `on` names it again.
            let store = next.split_off(next.len() - 2);
            assert_eq!(store, ["--data", data.to_str().unwrap()]);
        }
        assert_eq!(found, names.into_iter().collect::<Vec<_>>());
        let output = on(data, &["account", "list", app, "--json", "--limit", "1"]).output().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json!(["administrator"]));
        assert!(
            stderr_of(&output).contains("--after administrator --limit 1 --data "),
            "{}",
            stderr_of(&output)
        );
    });
}

#[test]
fn reading_limits_is_no_change() {
    on_both(|data, app| {
        let entries = || {
            run(&mut on(data, &["audit", "--app", app])).lines().filter(|line| line.contains("PATCH")).count()
        };
        let before = entries();
        let limits = run(&mut on(data, &["app", "limits", app]));
        assert!(limits.contains("portrait_set         200/s"), "{limits}");
        assert_eq!(entries(), before);
        run(&mut on(data, &["app", "limits", app, "portrait_set=7"]));
        assert_eq!(entries(), before + 1);
    });
}

#[test]
fn an_app_is_shown_with_its_accounts_and_its_last_call() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::serve(&data, "");
    let app = server.app();
    let id = app.id.to_string();
    let show = || run(&mut on(&data, &["app", "show", &id]));
    assert!(show().contains("Last call           not since the server's start"), "{}", show());
    app.import("alice");
    let shown = show();
    assert!(shown.contains("Accounts            2\n"), "{shown}");
    let year = shown.lines().find_map(|line| line.strip_prefix("Last call           20"));
    assert!(year.is_some(), "{shown}");
    assert!(shown.contains("Calls               account_import 1\n"), "{shown}");
}

/// The settings of an app without what differs between servers.
fn settings(data: &Path, app: &str) -> Value {
    let mut shown: Value =
        serde_json::from_str(&run(&mut on(data, &["app", "show", app, "--json"]))).unwrap();
    let members = shown.as_object_mut().unwrap();
    members.remove("usage");
    for key in members["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("created_ms");
    }
    shown
}

/// Settings of every kind in an emulator's directory, and the file that it writes when it ends.
fn export(source: &Path, file: &Path, app: &str) {
    let arguments = ["--data", source.to_str().unwrap(), "--export-on-exit", file.to_str().unwrap()];
    let mut server = TestServer::dev_with(&arguments);
    let change = |method: &str, path: &str, body: &str| {
        let (status, answer) = server.admin(method, &format!("/apps/{app}{path}"), body);
        assert!(status < 300, "{method} {path}: {answer}");
    };
    change(
        "PATCH",
        "",
        &json!({"name": "Shop", "self_service": true, "allow_ips": ["10.0.0.0/8", "127.0.0.0/8"],
        "limits": {"portrait_set": 500, "total": 9}, "custom_fields_max": 30, "sensitive_code": 80001,
        "deletion_forbidden": true, "reimport_after": 60, "error_detail": false, "location_bytes_max": 99})
        .to_string(),
    );
    change("PUT", "/fields/Score", r#"{"type":"uint64","read":["admin"],"write":["admin"]}"#);
    change("PUT", "/fields/Old", r#"{"type":"string","read":["app"],"write":["app"]}"#);
    change("DELETE", "/fields/Old", "");
    change("PATCH", "", r#"{"screened_tags":["Tag_Profile_IM_Nick","Tag_Profile_Custom_Test"]}"#);
    change("PUT", "/admins/%E8%BF%90%E8%90%A5", "");
    change("POST", "/keys", r#"{"key":"another-key-that-is-long-enough"}"#);
    change("PUT", "/words", "bad\n敏感\n");
    change("PUT", "/webhook", r#"{"url":"https://example.com/hook?a=b","token":"xxxxyyyy"}"#);
    server.signal("-TERM");
    server.child.wait().unwrap();
}

#[test]
fn what_dev_exports_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let (source, file) = (folder.path().join("source"), folder.path().join("apps.toml"));
    let app = "1400000000";
    export(&source, &file, app);
    let wanted = settings(&source, app);
    on_both(|data, _| {
        let apply =
            |more: &[&str]| on(data, &["app", "apply", file.to_str().unwrap()]).args(more).output().unwrap();
        let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
        let exists = || run(&mut on(data, &["app", "list"])).contains(app);
        let is_new = !exists();
        if !is_new {
            // It was applied while the server ran; now it differs in a few settings.
            for words in [
                &["app", "set", app, "--name", "Other"][..],
                &["app", "limits", app, "portrait_set=1"],
                &["app", "admin", "add", app, "eve"],
                &["field", "define", app, "Extra", "--type", "string"],
                &["field", "remove", app, "Score"],
                &["words", "add", app, "more"],
                &["webhook", "set", app, "https://example.com/other"],
            ] {
                run(&mut on(data, words));
            }
        }
        let before = run(&mut on(data, &["app", "list", "--json"]));
        let dry = apply(&["--dry-run"]);
        let end = "to make, which the server accepts; none was made\n";
        assert!(dry.status.success() && said(&dry).ends_with(end), "{dry:?}");
        assert_eq!(run(&mut on(data, &["app", "list", "--json"])), before);
        let done = apply(&[]);
        assert!(done.status.success(), "{done:?}");
        // What a dry run shows is what is made.
        let lines = |output| {
            said(output)
                .lines()
                .filter(|line| line.starts_with("app "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(&dry), lines(&done));
        if !is_new {
            let made = said(&done);
            for part in [
                "name: \"Other\" -> \"Shop\", limits.portrait_set: 1 -> 500",
                "- admin eve",
                "- field Extra",
                "~ field Score uint64",
                "words: 3 -> 2",
                "webhook: https://example.com/other -> https://example.com/hook?a=b",
            ] {
                assert!(made.contains(&format!("app {app}: {part}")), "{part}: {made}");
            }
        }
        assert_eq!(settings_without(&settings(data, app), "Extra"), wanted);
        assert_eq!(run(&mut on(data, &["words", "list", app])), "bad\n敏感\n");
        let again = said(&apply(&[]));
        // A token can't be compared.
        assert_eq!(
            again,
            format!(
                "app {app}: webhook: its token is set again, since it can't be compared\n1 change made\n"
            )
        );
        assert!(stderr_of(&apply(&[])).contains(") are left alone; to import accounts: portraitd import"));
        for secret in [KEY, "another-key-that-is-long-enough", "xxxxyyyy"] {
            assert!(!said(&done).contains(secret) && !said(&dry).contains(secret), "{secret}");
        }
    });
}

/// A field that is retired stays known.
fn settings_without(settings: &Value, keyword: &str) -> Value {
    let mut settings = settings.clone();
    settings["fields"]
        .as_array_mut()
        .unwrap()
        .retain(|field| field["keyword"] != keyword || field["retired"] != true);
    settings
}

#[test]
fn files_that_cannot_be_applied_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    run(&mut on(&data, &["app", "create", "7"]));
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let wrong = file("wrong.toml", "[[app]]\nsdkappid = 7\nlimits = { portrait_sett = 5 }\n");
    refused(&mut on(&data, &["app", "apply", &wrong]), 1, "no limit is named `portrait_sett`");
    let unknown = file("unknown.toml", "[[app]]\nsdkappid = 7\nnam = \"x\"\n");
    refused(&mut on(&data, &["app", "apply", &unknown]), 1, "nam");
    let lines = file("accounts.jsonl", "");
    refused(&mut on(&data, &["app", "apply", &lines]), 1, "settings are in a .toml file");
    // Of a file without keys nothing is said about keys, and none is made for an app that has some.
    let bare = file("bare.toml", "[[app]]\nsdkappid = 7\n");
    assert_eq!(run(&mut on(&data, &["app", "apply", &bare])), "nothing to change\n");
    let new = file("new.toml", "[[app]]\nsdkappid = 8\nname = \"x\"\n");
    let output = on(&data, &["app", "apply", &new]).output().unwrap();
    let made = String::from_utf8(output.stdout.clone()).unwrap();
    // The key as `app create` shows it: alone in its line, and named on standard error.
    let lines: Vec<&str> = made.lines().collect();
    let [first, key, second, last] = lines[..] else { panic!("{made}") };
    assert_eq!([first, second, last], ["app 8: + created", "app 8: name: \"\" -> \"x\"", "2 changes made"]);
    assert_eq!(stderr_of(&output), "the key of the new app 8; keep it, it is not shown again:\n");
    let listed = run(&mut on(&data, &["app", "key", "list", "8"]));
    assert!(key.len() == 64 && listed.contains(&key[60..]), "{made} {listed}");
    let output = binary().args(["app", "apply"]).arg(&new).output().unwrap();
    assert!(!output.status.success(), "without a store");
}

#[test]
fn an_app_is_deleted_with_everything_of_it() {
    on_both(|data, app| {
        let count = |app: &str| {
            let shown: Value =
                serde_json::from_str(&run(&mut on(data, &["app", "show", app, "--json"]))).unwrap();
            shown["usage"]["accounts"].as_u64().unwrap()
        };
        let other = "1500000000";
        run(&mut on(data, &["app", "create", other]));
        let file = data.with_extension("csv");
        let rows = (0..2500).map(|number| format!("u{number},SECRET{number}\n")).collect::<Vec<_>>().concat();
        std::fs::write(&file, format!("UserID,Nick\n{rows}")).unwrap();
        for app in [app, other] {
            run(on(data, &["import", app]).arg(&file));
        }
        run(&mut on(data, &["words", "add", app, "bad"]));
        refused(&mut on(data, &["app", "delete", app]), 1, &format!("--confirm {app}"));
        refused(&mut on(data, &["app", "delete", app, "--confirm", other]), 1, "stays");
        assert_eq!((count(app), count(other)), (2501, 2501));
        let said = run(&mut on(data, &["app", "delete", app, "--confirm", app]));
        assert_eq!(said, format!("app {app} is deleted, with 2501 accounts\n"));
        assert!(!run(&mut on(data, &["app", "list"])).contains(app));
        refused(&mut on(data, &["app", "show", app]), 1, &format!("there is no app {app}"));
        assert_eq!(count(other), 2501);
        let audit = run(&mut on(data, &["audit"]));
        assert!(audit.contains(&format!("DELETE /apps/{app}")), "{audit}");
        // A new one of the same number has nothing of it.
        run(&mut on(data, &["app", "create", app]));
        assert_eq!(run(&mut on(data, &["account", "list", app])), "administrator\n");
        assert_eq!(run(&mut on(data, &["words", "list", app])), "");
        for app in [app, other] {
            run(&mut on(data, &["app", "delete", app, "--confirm", app]));
        }
    });
}

#[test]
fn calls_of_a_deleted_app_are_refused_and_its_events_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::serve(&data, "[webhook]\nallow_networks = [\"127.0.0.0/8\"]\n");
    let app = server.app();
    // Nothing listens there: events wait.
    app.put("/webhook", r#"{"url":"http://127.0.0.1:9/"}"#);
    app.import("alice");
    let set = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;
    assert_eq!(app.code("portrait_set", set), 0);
    let id = app.id.to_string();
    assert!(run(&mut on(&data, &["webhook", "show", &id])).contains('1'));
    run(&mut on(&data, &["app", "delete", &id, "--confirm", &id]));
    assert_eq!(app.code("portrait_set", set), 70020);
    run(&mut on(&data, &["app", "create", &id, "--key", KEY]));
    let (status, shown) = server.admin("GET", &format!("/apps/{id}/webhook"), "");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (status, &shown["waiting"]["events"], &shown["parked"]["events"]),
        (200, &0.into(), &0.into())
    );
    assert_eq!(app.code("portrait_get", r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#), 0);
}
