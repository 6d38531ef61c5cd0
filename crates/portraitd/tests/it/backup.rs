//! Backup, restore and check from the shell: a backup holds everything that was acknowledged before, and damage is named.

use crate::cli::{on, refused, run};
use crate::harness::{App, TestServer, binary, flip_a_bit_of_carol, path_of, post};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn set_level(user: &str, level: u64) -> String {
    json!({"From_Account": user, "ProfileItem": [{"Tag": "Tag_Profile_IM_Level", "Value": level}]})
        .to_string()
}

fn level(app: &App<'_>, user: &str) -> u64 {
    let body = json!({"To_Account": [user], "TagList": ["Tag_Profile_IM_Level"]}).to_string();
    app.call("portrait_get", &body)["UserProfileItem"][0]["ProfileItem"][0]["Value"].as_u64().unwrap_or(0)
}

#[test]
fn a_backup_during_writes_is_restored_with_all_that_was_acknowledged() {
    const WRITERS: usize = 4;
    let dir = tempfile::tempdir().unwrap();
    let (data, backup, restored) = (dir.path().join("data"), dir.path().join("b"), dir.path().join("r"));
    let server = TestServer::serve(&data, "[limits]\nenabled = false\n");
    let app = server.app();
    let users: Vec<String> = (0..WRITERS).map(|n| format!("writer{n}")).collect();
    for user in &users {
        app.import(user);
    }
    let acknowledged: Vec<AtomicU64> = users.iter().map(|_| AtomicU64::new(0)).collect();
    let stop = AtomicBool::new(false);
    let known: Vec<u64> = std::thread::scope(|scope| {
        for (user, acknowledged) in users.iter().zip(&acknowledged) {
            let (app, stop) = (&app, &stop);
            scope.spawn(move || {
                let mut connection = app.server.connect();
                let target = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
                for number in 1.. {
                    let answer = connection.exchange(&post(&target, &set_level(user, number))).unwrap();
                    assert_eq!(answer.code(), 0);
                    acknowledged.store(number, Ordering::SeqCst);
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
        while acknowledged.iter().any(|number| number.load(Ordering::SeqCst) < 20) {
            std::thread::yield_now();
        }
        let known = acknowledged.iter().map(|number| number.load(Ordering::SeqCst)).collect();
        run(on(&data, &["backup"]).arg(&backup));
        stop.store(true, Ordering::SeqCst);
        known
    });
    refused(on(&data, &["backup"]).arg(&backup), 1, "is not empty (there is portraitd.db)");
    refused(binary().arg("restore").arg(&backup).arg("--data").arg(&data), 1, "is not empty");
    refused(binary().arg("check").arg("--data").arg(&data), 1, "in use by another portraitd");
    run(binary().arg("restore").arg(&backup).arg("--data").arg(&restored));
    let copy = TestServer::serve(&restored, "[limits]\nenabled = false\n");
    let copied = App { server: &copy, id: app.id };
    for (user, known) in users.iter().zip(known) {
        let found = level(&copied, user);
        assert!(found >= known, "{user}: {known} was acknowledged before the backup, {found} is in it");
    }
    assert_eq!(copied.code("portrait_set", &set_level("writer0", 1)), 0, "keys and all: it serves");
}

#[test]
fn a_stopped_store_is_backed_up_checked_and_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("deep/er/b"));
    let server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    drop(server);
    run(on(&data, &["backup"]).arg(&backup));
    let checked = run(binary().arg("check").arg("--data").arg(&backup));
    assert_eq!(checked, "1 app and 4 accounts checked, 0 damaged\n");
    run(&mut on(&data, &["account", "delete", "1400000000", "carol"]));
    assert!(run(&mut on(&data, &["compact"])).contains("was rewritten"));
    assert!(!holds(&data, "carol") && holds(&data, "alice"));
    assert_eq!(run(&mut on(&data, &["check"])), "1 app and 3 accounts checked, 0 damaged\n");
    let none = dir.path().join("none");
    refused(&mut on(&none, &["check"]), 1, "holds no data of portraitd");
    refused(&mut on(&none, &["compact"]), 1, "holds no data of portraitd");
    assert!(!none.exists());
}

fn holds(dir: &Path, text: &str) -> bool {
    let files = fs::read_dir(dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let mut files = files;
    files.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn a_deleted_profile_is_gone_from_the_disk_when_the_server_stops() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    let app = server.dev_app();
    let secret = "ganz geheim";
    app.call("account_import", &json!({"UserID": "verschwunden", "Nick": secret}).to_string());
    assert!(holds(&data, secret));
    let deleted = app.call("account_delete", r#"{"DeleteItem":[{"UserID":"verschwunden"}]}"#);
    assert_eq!(deleted["ResultItem"][0]["ResultCode"], 0);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    assert!(!holds(&data, secret) && !holds(&data, "verschwunden"));
}

#[test]
fn a_flipped_byte_is_found_and_its_user_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    drop(server);
    flip_a_bit_of_carol(&data);
    let output = on(&data, &["check"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("app 1400000000, user carol: the profile does not read back"), "{said}");
    let output = on(&data, &["check", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["damaged"], &report["damage"][0]["user"]), (&json!(1), &json!("carol")), "{report}");
    refused(
        binary().arg("restore").arg(&data).arg("--data").arg(dir.path().join("new")),
        1,
        "use another backup",
    );
    // What can be read is exported, and what can't is named; an import leaves it alone.
    let exported = on(&data, &["export", "1400000000"]).output().unwrap();
    assert_eq!(
        (exported.status.code(), String::from_utf8(exported.stdout).unwrap().lines().count()),
        (Some(1), 3)
    );
    assert!(String::from_utf8(exported.stderr).unwrap().contains("the profile of carol is damaged"));
    let file = dir.path().join("in.jsonl");
    fs::write(&file, "{\"UserID\":\"carol\"}\n{\"UserID\":\"new\"}\n").unwrap();
    refused(on(&data, &["import", "1400000000"]).arg(&file), 1, "1 row refused");
    let why = fs::read_to_string(dir.path().join("in.jsonl.refused")).unwrap();
    assert!(why.contains("carol") && why.contains("is damaged"), "{why}");
}

#[test]
fn a_server_in_memory_has_nothing_to_back_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::dev();
    let to = dir.path().join("b");
    let (status, answer) = server.admin("POST", "/backup", &json!({ "directory": to }).to_string());
    assert!(status == 409 && answer.contains("--data DIR"), "{answer}");
    let (status, answer) = server.admin("POST", "/backup", r#"{"directory":"b"}"#);
    assert!(status == 409 && answer.contains("--data DIR"), "{answer}");
    assert!(!to.exists());
}
