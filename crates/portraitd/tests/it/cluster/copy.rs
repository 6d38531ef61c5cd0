//! `portraitd store copy`: everything arrives, also after interruptions; a side that is in use or not empty is refused.

use super::nodes::{CONFIG, Place};
use crate::harness::{App, KEY, TestServer, binary};
use crate::receiver::{Call, Receiver, Reply};
use crate::webhook::{nick_body, set};
use portraitd_test_support::galera;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A store with something of everything in it. Returns the app's number.
fn furnish(data: &Path) -> u32 {
    let server = TestServer::serve(data, CONFIG);
    let app = server.app();
    for user in ["alice", "bob", "carol", "dave"] {
        app.import(user);
    }
    app.put("/admins/ops", "");
    assert_eq!(app.code("kick", r#"{"UserID":"alice"}"#), 0);
    assert_eq!(app.code("kick", r#"{"UserID":"ops"}"#), 0);
    app.patch(&json!({"reimport_after": 3600}));
    assert_eq!(app.code("account_delete", r#"{"DeleteItem":[{"UserID":"dave"}]}"#), 0);
    app.put("/words", "verboten\n敏感\n");
    // Events of bob are given up after some attempts, then the receiver is gone: those of carol wait.
    let gone = Receiver::start(|_| Reply::Http(500, String::new()));
    app.put("/webhook", &json!({"url": gone.url(), "token": "secret"}).to_string());
    set(&app, "bob", "parked");
    let parked = || backlog(&app)["parked"]["events"].as_u64();
    super::nodes::wait_for("an event is parked", Duration::from_mins(1), || parked() == Some(1));
    for number in 0..5 {
        set(&app, "carol", &format!("nick {number}"));
    }
    let (status, answer) = server.admin("POST", "/tokens", r#"{"name":"ci","role":"viewer"}"#);
    assert_eq!(status, 201, "{answer}");
    app.id
}

fn backlog(app: &App<'_>) -> Value {
    let (status, answer) = app.server.admin("GET", &format!("/apps/{}/webhook", app.id), "");
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// Runs `store copy` to its end; returns what it said.
fn copy(from: &str, to: &str) -> (bool, String) {
    let output = binary().args(["store", "copy", "--from", from, "--to", to]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn copied(from: &str, to: &str) -> String {
    let (done, said) = copy(from, to);
    assert!(done, "{said}");
    said
}

fn refused(from: &str, to: &str, named: &str) {
    let (done, said) = copy(from, to);
    assert!(!done && said.contains(named), "`{named}` is missing: {said}");
}

/// What the command line reads from a stopped store.
fn read(data: &Path, arguments: &[&str]) -> String {
    let output = binary().args(arguments).arg("--data").arg(data).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines with the checksums of the apps.
fn checksums(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("app ")).collect()
}

#[test]
fn a_store_goes_into_a_database_and_back_with_everything() {
    let Some(cluster) = galera::shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    let [first, back] = ["first", "back"].map(|name| dir.path().join(name));
    let (from, to_back) = (first.to_str().unwrap(), back.to_str().unwrap());
    let app = furnish(&first);
    let url = cluster.url(&cluster.new_database());
    refused(from, &url, "portraitd store migrate");
    let place = Place::at(&url, CONFIG);
    let there = copied(from, &url);
    assert!(there.contains("6 events") && there.contains("compared with the source"), "{there}");
    assert!(!there.contains(cluster.state()["users"]["all"]["password"].as_str().unwrap()), "{there}");
    let home = copied(&url, to_back);
    assert_eq!(checksums(&there), checksums(&home));
    for arguments in [vec!["token", "list"], vec!["audit"], vec!["words", "list", &app.to_string()]] {
        assert_eq!(read(&first, &arguments), read(&back, &arguments), "{arguments:?}");
    }
    assert!(read(&back, &["check"]).contains("0 damaged"));
    // What is there already is never copied over.
    refused(from, &url, "holds data of its own");
    refused(&url, from, "holds data of its own");

    // A node serves what was copied: kicks, the note of the deletion, words, and the events in their order.
    let node = place.node("a");
    let here = App { server: &node, id: app };
    assert_eq!(here.code("portrait_set", &nick_body("carol", "so verboten")), 40005);
    assert_eq!(here.code("account_import", r#"{"UserID":"dave"}"#), 70399);
    assert_eq!(backlog(&here)["parked"]["events"], 1);
    let receiver = Receiver::polite();
    here.put("/webhook", &json!({"url": receiver.url()}).to_string());
    let told = receiver.wait_for(5);
    let nicks: Vec<String> = told.iter().map(|call| call.value().to_string()).collect();
    assert_eq!(told.iter().map(Call::user).collect::<Vec<_>>(), ["carol"; 5]);
    assert!(
        nicks.iter().enumerate().all(|(number, nick)| nick.contains(&format!("nick {number}"))),
        "{nicks:?}"
    );
    set(&here, "carol", "after the copy");
    assert!(receiver.wait_for(6)[5].value().to_string().contains("after the copy"));
    refused(&url, dir.path().join("other").to_str().unwrap(), "stop every portraitd");
    assert_eq!(KEY.len(), 64, "the key was copied: the calls above were signed with it");
}

/// Killed at any moment, the same command goes on; nothing starts on what is not complete.
#[test]
fn an_interrupted_copy_goes_on_and_nothing_serves_half_of_it() {
    const ACCOUNTS: usize = 30_000;
    let Some(cluster) = galera::shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    let [first, back, other] = ["first", "back", "other"].map(|name| dir.path().join(name));
    let (from, to_back) = (first.to_str().unwrap(), back.to_str().unwrap());
    for data in [&first, &other] {
        std::fs::create_dir(data).unwrap();
        read(data, &["app", "create", "1400000001"]);
    }
    let file = dir.path().join("accounts.jsonl");
    let line = |number: usize| {
        format!(
            "{{\"UserID\":\"u{number:06}\",\"ProfileItem\":[{{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"{number}\"}}]}}\n"
        )
    };
    std::fs::write(&file, (0..ACCOUNTS).map(line).collect::<String>()).unwrap();
    read(&first, &["import", "1400000001", file.to_str().unwrap()]);
    let place = Place::new(&cluster, CONFIG);
    let url = cluster.url(place.database());

    let interrupted = |from: &str, to: &str| {
        let mut kills = 0;
        for number in 0..20_u64 {
            let mut command = binary();
            command
                .args(["store", "copy", "--from", from, "--to", to])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(150 + 40 * number));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            if kills == 4 {
                break;
            }
        }
        assert!(kills > 0, "it was never interrupted");
    };
    interrupted(from, &url);
    refused(other.to_str().unwrap(), &url, "part of a copy of the store");
    let mut waiting = place.serve("waiting");
    let mut waiting = waiting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(waiting.try_wait().unwrap(), None, "it waits for the copy");
    waiting.kill().unwrap();
    let waited = waiting.wait_with_output().unwrap();
    let waited = String::from_utf8_lossy(&waited.stderr);
    assert!(waited.contains("not complete"), "{waited}");
    let there = copied(from, &url);
    assert!(
        there.contains("is continued") && there.contains(&format!("{} accounts", ACCOUNTS + 1)),
        "{there}"
    );

    interrupted(&url, to_back);
    let (done, said) = run_refused(&back);
    assert!(!done && said.contains("not complete"), "{said}");
    let home = copied(&url, to_back);
    assert_eq!(checksums(&there), checksums(&home));
    let export = |data: &Path| read(data, &["export", "1400000001", "-"]);
    assert_eq!(export(&first), export(&back));
    assert!(read(&back, &["check"]).contains(&format!("{} accounts checked, 0 damaged", ACCOUNTS + 1)));
}

fn run_refused(data: &Path) -> (bool, String) {
    let output = binary().args(["token", "list", "--data"]).arg(data).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn ends_that_make_no_sense_are_refused_without_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    for (from, to, named) in [
        (data, data, "the other a database"),
        ("mysql://u:geheim@h/a", "mysql://u:geheim@h/b", "the other a database"),
        (data, "store.url", "store.url is not set"),
        (data, "mysql://u:geheim@h", "names no database"),
        (data, "postgres://u:geheim@h/d", "does not begin with mysql://"),
        (data, "mysql://u:geheim@127.0.0.1:1/d", "holds no data of portraitd"),
        ("mysql://u:geheim@127.0.0.1:1/d", data, "no host of mysql://127.0.0.1:1/d can serve"),
    ] {
        let (done, said) = copy(from, to);
        assert!(!done && said.contains(named) && !said.contains("geheim"), "{from} {to}: {said}");
    }
    assert!(!Path::new(data).exists());
}
