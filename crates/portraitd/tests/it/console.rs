//! What the console's pages call: tried calls, UserSigs, the live stream, and the names under which the admin API answers.

use crate::authorization::{call_with, create_token};
use crate::cli::{on, refused, run};
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
        Self::open_at(&server.address, "", query)
    }

    /// With a token, on the admin listener.
    fn open_with(server: &TestServer, token: &str) -> (u16, Self) {
        Self::open_at(&server.admin_address, &format!("Authorization: Bearer {token}\r\n"), "")
    }

    fn open_at(address: &str, authorization: &str, query: &str) -> (u16, Self) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = format!("GET /_portraitd/live{query} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n");
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

    /// Reads until the stream ends; a stream that goes on fails the test.
    fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            // The last chunk is empty.
            if self.0.read_line(&mut line).unwrap() == 0 || line == "0\r\n" {
                return text;
            }
            text += &line;
        }
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
        live.read_to_end();
    }
    server.kill();
}

#[test]
fn a_live_stream_tells_which_start_of_the_emulator_it_is_of() {
    let [one, two] = [TestServer::dev(), TestServer::dev()];
    for server in [&one, &two] {
        server.dev_app().call("kick", r#"{"UserID":"bob"}"#);
    }
    let start = |server: &TestServer| Live::open(server, "").1.next("start").as_str().unwrap().to_owned();
    assert_eq!(start(&one), start(&one));
    let (known, other) = (start(&one), start(&two));
    assert_ne!(known, other);
    let (_, mut same) = Live::open(&one, &format!("?start={known}&after=1"));
    one.dev_app().call("kick", r#"{"UserID":"alice"}"#);
    assert_eq!(same.next("calls")[0]["number"], 2, "nothing is told twice");
    // The other emulator's first call has the number of one that the client has.
    let (_, mut moved) = Live::open(&two, &format!("?start={known}&after=1"));
    assert_eq!(moved.next("start"), other.as_str());
    assert_eq!(moved.next("restarted"), true);
    assert_eq!(moved.next("calls")[0]["number"], 1);
}

#[test]
fn a_live_stream_ends_with_its_token_and_with_its_session() {
    let server = TestServer::dev();
    let (token, kept) = (create_token(&server, "ci"), create_token(&server, "kept"));
    let session = |token: &str| {
        let (_, answer) = call_with(&server, token, "POST", "/admin/v1/session", "");
        serde_json::from_str::<Value>(&answer).unwrap()["session"].as_str().unwrap().to_owned()
    };
    let (ended, dependent) = (session(&token), session(&token));
    let mut open = [&token, &ended, &dependent, &kept].map(|secret| {
        let (status, mut live) = Live::open_with(&server, secret);
        assert_eq!(status, 200);
        live.next("start");
        live
    });
    assert_eq!(call_with(&server, &ended, "DELETE", "/admin/v1/session", "").0, 204);
    open[1].read_to_end();
    server.dev_app().call("kick", r#"{"UserID":"bob"}"#);
    for index in [0, 2, 3] {
        assert_eq!(open[index].next("calls")[0]["number"], 1, "the others go on: {index}");
    }
    assert_eq!(server.admin("DELETE", "/tokens/ci", "").0, 204);
    server.dev_app().call("kick", r#"{"UserID":"alice"}"#);
    for index in [0, 2] {
        assert!(!open[index].read_to_end().contains("alice"), "{index} tells what its caller may not see");
    }
    assert_eq!(open[3].next("calls")[0]["number"], 2);
    assert_eq!(Live::open_with(&server, &token).0, 401);
}

#[test]
fn without_the_console_its_paths_are_unknown_and_the_admin_api_stays() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |server: &TestServer, path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
        Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap()
    };
    let paths = ["/", "/console", "/console/", "/console/0/app.js", "/api-test.html"];
    let with = TestServer::serve(&dir.path().join("with"), "");
    assert_eq!(paths.map(|path| ask(&with, path).status), [302, 302, 200, 404, 302]);
    let without = TestServer::serve(&dir.path().join("without"), "[server]\nconsole = false\n");
    let unknown = ask(&without, "/nope");
    for path in paths {
        let answer = ask(&without, path);
        assert_eq!((answer.status, &answer.body), (404, &unknown.body), "{path}");
        assert_eq!(answer.header("content-security-policy"), None, "{path}");
    }
    assert_eq!(without.admin("GET", "/apps", "").0, 200);
    assert!(!without.log().contains("/console/"), "{}", without.log());
    refused(&mut on(&dir.path().join("without"), &["console"]), 1, "server.console is false");
    assert!(run(&mut on(&dir.path().join("with"), &["console"])).contains("/console/#login=pl_"));
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
