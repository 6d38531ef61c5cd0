//! The rest of the cloud's REST commands in `dev`: refused with an explanation, or answered with success and recorded.

use crate::emulator::{control, done};
use crate::explained::percent_decoded;
use crate::harness::{App, KEY, TestServer, binary, post};
use portraitd_model::OtherCommand;
use serde_json::{Value, json};

const GROUP: &str = "/v4/group_open_http_svc/create_group";
const FRIEND: &str = "/v4/sns/friend_add";

fn call_as(app: &App<'_>, identifier: &str, path: &str, body: &str) -> Value {
    app.server.connect().exchange(&post(&format!("{path}?{}", app.query(identifier)), body)).unwrap().json()
}

fn call(app: &App<'_>, path: &str, body: &str) -> Value {
    call_as(app, "administrator", path, body)
}

fn code(answer: &Value) -> u64 {
    answer["ErrorCode"].as_u64().unwrap()
}

fn success_body(one: &OtherCommand) -> Value {
    let mut body = serde_json::json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0});
    body.as_object_mut().unwrap().extend(one.success_members());
    body
}

#[test]
fn by_default_they_are_refused_and_the_explanation_says_what_they_are() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let answer = call(&app, GROUP, "{}");
    assert_eq!(code(&answer), 60009);
    let display = answer["ErrorDisplay"].as_str().unwrap();
    assert!(display.contains("is a command of the cloud") && display.contains("--others ok"), "{display}");
    assert_eq!(
        done(&server, "GET", "/requests?command=create_group&code=60009", "").as_array().unwrap().len(),
        1
    );
    // A fault rule for it would never match.
    let (status, why) = control(&server, "POST", "/faults", r#"{"command":"create_group","code":60007}"#);
    assert!(status == 400 && why["error"].as_str().unwrap().contains("start portraitd dev with --others ok"));
    // In `serve` the body is the cloud's, and the header explains.
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "[log]\nfilter = \"debug\"\n");
    for (path, part) in [
        (GROUP, "is a command of the cloud"),
        ("/v4/profile/portrait_sett", "did you mean /v4/profile/portrait_set?"),
    ] {
        let answer = server.connect().exchange(&post(path, "{}")).unwrap();
        assert_eq!(
            answer.body,
            r#"{"ActionStatus":"FAIL","ErrorCode":60009,"ErrorInfo":"Requested resource does not exist"}"#
        );
        assert!(percent_decoded(answer.header("x-error-detail").unwrap()).contains(part));
        assert!(server.log().contains(part));
    }
}

#[test]
fn when_asked_each_is_answered_with_the_cloud_s_success_shape() {
    let server = TestServer::dev_with(&["--others", "ok"]);
    let app = server.dev_app();
    for other in OtherCommand::all() {
        assert_eq!(call(&app, other.path(), "{}"), success_body(other), "{}", other.path());
    }
    let count =
        |filter: &str| done(&server, "GET", &format!("/requests?{filter}"), "").as_array().unwrap().len();
    assert_eq!(
        (count("command=create_group"), count("command=sns/friend_add"), count("command=kick")),
        (1, 1, 0)
    );
    call(&app, FRIEND, r#"{"From_Account":"alice","AddFriendItem":[{"To_Account":"bob"}]}"#);
    assert_eq!(count("command=friend_add&user=alice"), 1);
    let recorded = done(&server, "GET", "/requests?user=alice", "");
    assert_eq!((&recorded[0]["command"], &recorded[0]["code"]), (&json!("friend_add"), &json!(0)));
    let listed = binary()
        .args([
            "emulator",
            "requests",
            "--command",
            "create_group",
            "--url",
            &format!("http://{}", server.address),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains("create_group"), "{text} {}", String::from_utf8_lossy(&listed.stderr));
    // A path that the cloud does not have either.
    assert_eq!(code(&call(&app, "/v4/sns/friend_ad", "{}")), 60009);
}

#[test]
fn they_are_checked_as_every_call_is() {
    let server = TestServer::dev_with(&["--others", "ok"]);
    let app = server.dev_app();
    assert_eq!(code(&call_as(&app, "alice", FRIEND, "{}")), 60010, "admins only");
    assert_eq!(code(&call(&app, FRIEND, "{")), 60003);
    assert_eq!(code(&call(&app, FRIEND, "")), 0);
    let send =
        |query: &str| server.connect().exchange(&post(&format!("{FRIEND}?{query}"), "{}")).unwrap().code();
    assert_eq!(send(""), 60012);
    assert_eq!(send("sdkappid=5&identifier=a&usersig=b"), 70020);
    assert_eq!(send(&format!("sdkappid={}&identifier=administrator&usersig=b", app.id)), 70003);
    let get = format!("GET {FRIEND}?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", app.query("administrator"));
    assert_eq!(server.connect().exchange(get.as_bytes()).unwrap().code(), 60002);
    // The account's kick is in force here too.
    assert_eq!(app.code("kick", r#"{"UserID":"administrator"}"#), 0);
    assert_eq!(code(&call(&app, FRIEND, "{}")), 70052);
}

#[test]
fn fault_rules_name_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faults.toml");
    std::fs::write(&file, "[[fault]]\ncommand = \"sns/friend_add\"\ncode = 60008\nnext = 1\n").unwrap();
    let server =
        TestServer::start_with(binary().args(["dev", "--key", KEY, "--others", "ok", "--faults"]).arg(&file));
    let app = server.dev_app();
    assert_eq!([FRIEND, FRIEND, GROUP].map(|path| code(&call(&app, path, "{}"))), [60008, 0, 0]);
    done(&server, "POST", "/faults", r#"{"command":"create_group","code":60007,"next":1}"#);
    assert_eq!([FRIEND, GROUP, GROUP].map(|path| code(&call(&app, path, "{}"))), [0, 60007, 0]);
    done(&server, "POST", "/faults", r#"{"command":"sns/friend_add","close":"after","next":1}"#);
    let lost = server.connect().exchange(&post(&format!("{FRIEND}?{}", app.query("administrator")), "{}"));
    assert!(lost.is_none());
}

#[test]
fn they_are_answered_codes_that_portraitd_does_not_have() {
    let server = TestServer::dev_with(&["--others", "ok"]);
    let app = server.dev_app();
    let rule = |rule: Value| control(&server, "POST", "/faults", &rule.to_string());
    let (status, added) = rule(json!({"command": "friend_add", "code": 30010, "next": 1}));
    assert_eq!((status, &added["effect"]), (201, &json!("code 30010")));
    let answer = call(&app, FRIEND, "{}");
    assert_eq!((&answer["ActionStatus"], code(&answer)), (&json!("FAIL"), 30010));
    assert_eq!(answer["ErrorInfo"], "Error 30010");
    let display = answer["ErrorDisplay"].as_str().unwrap();
    assert!(display.contains("portraitd does not know what it means: look it up"), "{display}");
    assert_eq!(done(&server, "GET", "/requests?code=30010", "").as_array().unwrap().len(), 1);
    // One that the cloud's pages explain is explained.
    rule(json!({"command": "create_group", "code": 60020, "next": 1}));
    let answer = call(&app, GROUP, "{}");
    assert_eq!(code(&answer), 60020);
    assert!(answer["ErrorDisplay"].as_str().unwrap().contains("not available to this app"), "{answer}");
    assert_eq!([FRIEND, GROUP].map(|path| code(&call(&app, path, "{}"))), [0, 0]);
    // portraitd's own commands answer what the contract has.
    for refused in [json!({"command": "portrait_set", "code": 30010}), json!({"code": 30010})] {
        let (status, why) = rule(refused);
        let why = why["error"].as_str().unwrap();
        assert!(
            status == 400 && why.contains("there is no code 30010; the nearest of portraitd's is"),
            "{why}"
        );
        assert!(why.contains("set command, for example friend_add"), "{why}");
    }
}
