//! `portraitd emulator`: the control API from a shell.

use crate::emulator::set;
use crate::harness::{TestServer, binary};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command against an emulator; its exit code and what it printed.
fn run(server: &TestServer, args: &[&str]) -> (i32, String) {
    let url = format!("http://{}", server.address);
    let output = binary().arg("emulator").args(args).args(["--url", &url]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn done(server: &TestServer, args: &[&str]) -> String {
    let (code, text) = run(server, args);
    assert_eq!(code, 0, "{args:?}: {text}");
    text
}

#[test]
fn everything_can_be_done_from_a_shell() {
    let server = TestServer::dev();
    let made: Value =
        serde_json::from_str(&done(&server, &["apps", "create", "--webhook", "--json"])).unwrap();
    assert_eq!(made["sdkappid"], 1_600_000_000);
    let text = done(&server, &["apps", "create", "--empty", "--like", "1400000000"]);
    assert!(text.contains("SDKAppID  1600000001") && text.contains("UserSig   eJ"), "{text}");
    assert_eq!(done(&server, &["apps", "list"]), "1600000000\n1600000001\n");
    done(&server, &["apps", "delete", "1600000001"]);
    assert_eq!(
        done(&server, &["snapshot", "save", "a b", "--app", "1600000000"]),
        "a b: app 1600000000, 4 accounts\n"
    );
    done(&server, &["snapshot", "restore", "a b"]);
    assert_eq!(done(&server, &["snapshot", "list"]), "a b: app 1600000000, 4 accounts\n");
    done(&server, &["snapshot", "delete", "a b"]);
    let rule =
        done(&server, &["faults", "add", "--command", "portrait_set", "--next", "1", "--code", "40006"]);
    assert!(rule.starts_with("1  code 40006  ") && rule.contains("no call has matched"), "{rule}");
    let call = || server.dev_app().code("portrait_set", &set("alice", "A").to_string());
    assert_eq!([call(), call()], [40006, 0]);
    assert!(done(&server, &["faults", "list"]).contains("matched 2, fired 1, 0 left"));
    done(&server, &["faults", "remove", "1"]);
    assert_eq!(done(&server, &["faults", "clear"]), "0 removed\n");
    let calls = done(&server, &["requests", "--code", "40006"]);
    assert!(calls.contains("portrait_set  1400000000  alice  40006  [code 40006]"), "{calls}");
    let calls: Value =
        serde_json::from_str(&done(&server, &["requests", "--user", "alice", "--json"])).unwrap();
    assert_eq!(calls.as_array().unwrap().len(), 2);
    assert_eq!(done(&server, &["requests", "--clear"]), "2 removed\n");
    assert_eq!(done(&server, &["webhooks", "--count", "1", "--wait-ms", "1"]), "");
    let clock = done(&server, &["clock", "set", "2040-01-01T00:00:00Z"]);
    assert!(clock.starts_with("2040-01-01T00:00:00."), "{clock}");
    assert!(done(&server, &["clock", "freeze"]).contains("frozen"));
    assert!(done(&server, &["clock", "advance", "181d"]).starts_with("2040-06-30T"));
    assert_eq!(call(), 70001);
    done(&server, &["clock", "resume"]);
    assert!(done(&server, &["clock", "release"]).contains("the machine's time"));
    assert!(done(&server, &["clock", "show"]).contains("the machine's time"));
    assert_eq!(
        done(&server, &["reset", "--app", "1600000000", "--to", "empty"]),
        "app 1600000000, 1 account\n"
    );
    assert_eq!(done(&server, &["reset"]), "1 app, 4 accounts\n");
}

/// The calls so far and those to come, until Ctrl-C.
#[test]
fn requests_are_followed() {
    let server = TestServer::dev();
    let call = |user: &str| server.dev_app().code("portrait_set", &set(user, "A").to_string());
    for user in ["alice", "bob", "nobody"] {
        call(user);
    }
    let follow = |args: &[&str]| {
        let url = format!("http://{}", server.address);
        let mut command = binary();
        command.args(["emulator", "requests", "--follow", "--url", &url]).args(args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        (child, lines)
    };
    let (mut all, mut all_lines) = follow(&["--limit", "2"]);
    let (mut refused, mut refused_lines) = follow(&["--code", "40003", "--json"]);
    assert!(all_lines.next().unwrap().contains("  bob  0"));
    assert!(all_lines.next().unwrap().contains("  nobody  40003  "));
    assert!(refused_lines.next().unwrap().contains(r#""users":["nobody"]"#));
    // Longer than one wait.
    std::thread::sleep(Duration::from_millis(1300));
    for user in ["carol", "x\u{202e}y"] {
        call(user);
    }
    assert!(all_lines.next().unwrap().contains("  carol  0"));
    assert!(all_lines.next().unwrap().contains("  x\\u{202e}y  40003"));
    let line = refused_lines.next().unwrap();
    assert!(!line.contains('\u{202e}'), "{line}");
    let found: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(found["users"][0], "x\u{202e}y");
    for child in [&mut all, &mut refused] {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let (mut left, mut lines) = follow(&["--limit", "1"]);
    lines.next().unwrap();
    let started = Instant::now();
    server.signal("-INT");
    assert_eq!(left.wait().unwrap().code(), Some(1), "the emulator is gone");
    assert!(started.elapsed() < Duration::from_secs(5), "a follower does not hold up the emulator's stop");
}

#[test]
fn mistakes_are_explained() {
    let server = TestServer::dev();
    let refused = |args: &[&str], code: i32, part: &str| {
        let (found, text) = run(&server, args);
        assert_eq!(found, code, "{args:?}: {text}");
        assert!(text.contains(part), "{args:?}: {text}");
    };
    refused(&["snapshot", "save", "a/b"], 1, "no slashes");
    refused(&["snapshot", "restore", "x"], 1, "there is no snapshot `x`");
    refused(
        &["faults", "add", "--command", "portrait_sett", "--code", "40006"],
        1,
        "did you mean portrait_set?",
    );
    refused(&["faults", "add"], 1, "say what happens");
    refused(&["faults", "add", "--close", "later"], 2, "possible values: before, after");
    refused(&["clock", "advance", "soon"], 1, "advance: write it as");
    refused(&["clock", "advance", "5"], 1, "`5` has no unit; write 5d, 5h, 5m, 5s or 5ms");
    refused(&["clock", "advance", "1.5"], 1, "`1.5` has no unit");
    refused(&["apps", "delete", "7"], 1, "7 is not a throw-away app");
    refused(&["webhooks", "--count", "1"], 2, "--wait-ms");
    let dir = tempfile::tempdir().unwrap();
    let serve = TestServer::serve(&dir.path().join("data"), "");
    let (code, text) = run(&serve, &["reset"]);
    assert_eq!(code, 1);
    assert!(text.contains("has no control API"), "{text}");
    let output = binary().args(["emulator", "reset", "--url", "http://127.0.0.1:1"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("is portraitd running there?"), "{text}");
    assert!(
        text.contains("start one with portraitd dev, or name its address with --url or PORTRAITD_URL"),
        "{text}"
    );
    let admin = format!("http://{}", server.admin_address);
    let with_token = |token: &[&str]| {
        let mut command = binary();
        let output =
            command.args(["emulator", "apps", "list", "--url", &admin]).args(token).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(with_token(&["--admin-token", &server.admin_token]), (0, String::new()));
    let (code, text) = with_token(&["--admin-token", "wrong"]);
    assert!(code == 1 && text.contains("is not the admin token of the emulator at"), "{text}");
    assert!(with_token(&[]).1.contains("send `Authorization: Bearer TOKEN`"));
    let output = binary().args(["dev", "--listen", "8080"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && text.contains("write 127.0.0.1:8080"), "{text}");
}
