//! What the console's pages call: tried calls, UserSigs, the live stream, and the names under which the admin API answers.

use crate::emulator::{control, done};
use crate::harness::{Connection, TestServer};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Calls the admin API, asking for a language.
fn admin_in(server: &TestServer, language: &str, path: &str, body: &Value) -> Value {
    let (token, body) = (&server.admin_token, body.to_string());
    let head = format!(
        "POST /admin/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nAccept-Language: {language}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn get_of(user: &str) -> String {
    json!({"To_Account": [user], "TagList": ["Tag_Profile_IM_Nick"]}).to_string()
}

fn tried(server: &TestServer, app: u32, usersig: &Value, body: &str) -> Value {
    let call = json!({
        "path": "/v4/profile/portrait_get", "identifier": "administrator", "usersig": usersig, "body": body,
    });
    admin_in(server, "zh-CN", &format!("/apps/{app}/try"), &call)
}

fn code(tried: &Value) -> u64 {
    serde_json::from_str::<Value>(tried["body"].as_str().unwrap()).unwrap()["ErrorCode"].as_u64().unwrap()
}

#[test]
fn a_call_is_tried_with_every_usersig_and_explained_in_the_caller_s_language() {
    let dir = tempfile::tempdir().unwrap();
    for server in [TestServer::dev(), TestServer::serve(&dir.path().join("data"), "")] {
        let app = server.app();
        app.import("alice");
        for (usersig, expected) in [
            (json!("valid"), 0),
            (json!("expired"), 70001),
            (json!("wrong_key"), 70009),
            (json!("none"), 60025),
            (json!("other_user"), 70013),
            (json!({"given": "eJw"}), 70003),
        ] {
            let tried = tried(&server, app.id, &usersig, &get_of("alice"));
            assert_eq!((code(&tried), &tried["outcome"]), (expected, &json!("answered")), "{tried}");
            let request = tried["request"].as_str().unwrap();
            assert!(request.starts_with("POST /v4/profile/portrait_get?sdkappid="), "{request}");
            assert!(!request.contains("usersig=eJ"), "{request}");
            let detail = tried["detail"].as_str().unwrap_or_default();
            assert!(
                detail.is_empty() == (expected == 0) && (expected == 0 || !detail.is_ascii()),
                "{detail}"
            );
        }
        assert_eq!(code(&tried(&server, app.id, &json!("valid"), "{")), 60003, "sent as it is");
    }
}

#[test]
fn a_broken_answer_is_shown_as_it_is() {
    let server = TestServer::dev();
    let app = server.dev_app();
    for (fault, outcome) in [
        (json!({"close": "before"}), "closed"),
        (json!({"close": "after"}), "closed"),
        (json!({"malformed": "cut-body"}), "cut"),
        (json!({"malformed": "html"}), "answered"),
    ] {
        let mut rule = json!({"command": "portrait_get", "next": 1});
        rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
        done(&server, "POST", "/faults", &rule.to_string());
        let calls = || done(&server, "GET", "/requests", "").as_array().unwrap().len();
        let before = calls();
        let tried = tried(&server, app.id, &json!("valid"), &get_of("alice"));
        assert_eq!(tried["outcome"], outcome, "{tried}");
        assert_eq!(calls(), before + 1, "sent once: {rule}");
    }
}

#[test]
fn a_usersig_is_made_and_checked() {
    let server = TestServer::dev();
    let app = server.app();
    let path = format!("/apps/{}/usersig", app.id);
    let made = admin_in(&server, "en", &path, &json!({"identifier": "bob", "expire": 60}));
    let check = |given: &str, identifier: Option<&str>| {
        let body = json!({"usersig": given, "identifier": identifier});
        admin_in(&server, "en", &format!("{path}/check"), &body)
    };
    let usersig = made["usersig"].as_str().unwrap();
    let good = check(usersig, None);
    assert_eq!((&good["code"], &good["reason"]), (&json!(0), &Value::Null));
    assert_eq!(good["fields"]["identifier"], "bob");
    assert_eq!(good["fields"]["key"], 1);
    let url =
        format!("https://console.tim.qq.com/v4/x?sdkappid={}&identifier=alice&usersig={usersig}", app.id);
    assert_eq!(check(&url, None)["code"], 70013);
    assert_eq!(check(&url, Some("bob"))["code"], 0);
    assert_eq!(check(&usersig[..usersig.len() / 2], None)["code"], 70003);
    for (body, part) in [
        (json!({"identifier": "", "expire": 60}), "identifier"),
        (json!({"identifier": "bob", "expire": 0}), "expire"),
        (json!({"identifier": "bob", "expire": 1_764_000_000_000_u64}), "expire"),
    ] {
        let (status, answer) = server.admin("POST", &path, &body.to_string());
        assert!(status == 400 && answer.contains(part), "{answer}");
    }
}

/// Events of the live stream, as a page reads them.
struct Live(BufReader<TcpStream>);

impl Live {
    fn open(server: &TestServer, query: &str) -> (u16, Self) {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = format!("GET /_portraitd/live{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut live = Self(BufReader::new(stream));
        let status = live.line().split(' ').nth(1).unwrap().parse().unwrap();
        (status, live)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
        line.trim_end().to_owned()
    }

    /// The data of the next event of this name.
    fn next(&mut self, name: &str) -> Value {
        while self.line() != format!("event: {name}") {}
        serde_json::from_str(self.line().strip_prefix("data: ").unwrap()).unwrap()
    }
}

#[test]
fn calls_and_changes_are_streamed_as_they_come() {
    let server = TestServer::dev();
    let app = server.dev_app();
    app.call(
        "portrait_get",
        "{\n  \"To_Account\": [\"alice\"],\r\n  \"TagList\": [\"Tag_Profile_IM_Nick\"]\n}",
    );
    let (status, mut live) = Live::open(&server, "");
    assert_eq!(status, 200);
    let first = live.next("calls");
    assert_eq!(first[0]["body"]["To_Account"], json!(["alice"]), "a body over several lines");
    app.call("kick", r#"{"UserID":"bob"}"#);
    let second = live.next("calls");
    assert_eq!((&second[0]["command"], &second[0]["number"]), (&json!("kick"), &json!(2)));
    done(&server, "POST", "/faults", r#"{"command":"kick","code":60007}"#);
    assert_eq!(live.next("changed"), true);
    // One that has read more than there is looks at another emulator.
    let (_, mut late) = Live::open(&server, "?after=99");
    assert_eq!(late.next("restarted"), true);
    assert_eq!(late.next("calls").as_array().unwrap().len(), 2);
    let (_, mut resumed) = Live::open(&server, "?after=1");
    assert_eq!(resumed.next("calls")[0]["number"], 2);
    assert_eq!(control(&server, "GET", "/live?after=x", "").0, 400);
}

#[test]
fn live_streams_are_bounded_and_end_with_the_server() {
    let mut server = TestServer::dev();
    let mut open: Vec<Live> = (0..16)
        .map(|_| {
            let (status, live) = Live::open(&server, "");
            assert_eq!(status, 200);
            live
        })
        .collect();
    assert_eq!(Live::open(&server, "").0, 503);
    server.signal("-TERM");
    for live in &mut open {
        let mut line = String::new();
        while live.0.read_line(&mut line).unwrap() > 0 {
            line.clear();
        }
    }
    server.kill();
}

#[test]
fn the_admin_api_answers_under_private_and_listed_names() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[server]\nadmin_hosts = [\"console.example.com\"]\n";
    let server = TestServer::serve(&dir.path().join("data"), config);
    let status = |host: &str| {
        let head = format!(
            "GET /admin/v1/apps HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n",
            server.admin_token
        );
        Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap().status
    };
    for host in ["localhost:1", "127.0.0.1", "portraitd", "node.internal", "console.example.com"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in ["evil.example", "evil.example:8081", "127.0.0.1.evil.example"] {
        assert_eq!(status(host), 403, "{host}");
    }
}
