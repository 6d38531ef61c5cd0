//! Hostile and broken input: nothing may panic, hang, or answer anything but the envelope or a closed connection.

use crate::harness::{Connection, TestServer, path_of, post};
use crate::usersig::enclose;
use portraitd_model::COMMANDS;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

#[test]
fn bodies_over_the_limit_are_refused_and_the_connection_closed() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let nick = |bytes: usize| {
        format!(
            r#"{{"Pad":"{}","From_Account":"alice","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":"x"}}]}}"#,
            "x".repeat(bytes)
        )
    };
    let fits = nick((1 << 20) - nick(0).len());
    assert_eq!(fits.len(), 1 << 20);
    assert_eq!(app.code("portrait_set", &fits), 0);
    let mut connection = server.connect();
    assert_eq!(connection.exchange(&app.request("portrait_set", &nick(1 << 20))).unwrap().code(), 60002);
    assert!(connection.is_closed());
    let target = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
    let mut connection = server.connect();
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 19, "x".repeat(1 << 19));
    let chunked = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}"
    );
    assert_eq!(connection.exchange(chunked.as_bytes()).unwrap().code(), 60002);
}

#[test]
fn invalid_utf8_and_truncated_bodies() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let target = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
    for (at, byte) in [(20, 0xff_u8), (0, 0xfe), (60, 0xc0)] {
        let mut request = post(&target, SET);
        let start = request.len() - SET.len();
        request[start + at] = byte;
        assert_eq!(server.connect().exchange(&request).unwrap().code(), 60003);
    }
    for cut in 0..SET.len() {
        assert_eq!(app.code("portrait_set", &SET[..cut]), 60003, "cut to {cut}");
    }
    assert_eq!(
        app.call("portrait_get", r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#)["UserProfileItem"]
            [0]["ProfileItem"][0]["Value"],
        "Alice"
    );
}

#[test]
fn usersigs_that_want_to_do_harm() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let code = |sig: &str| {
        let target =
            format!("{}?sdkappid={}&identifier=administrator&usersig={sig}", path_of("portrait_set"), app.id);
        server.connect().exchange(&post(&target, SET)).map(|answer| answer.code())
    };
    let bomb = enclose(&" ".repeat(3 << 20));
    assert!(bomb.len() < 4096 * 2);
    assert_eq!(code(&bomb), Some(70003));
    assert_eq!(code(&enclose(&" ".repeat(1 << 19))), Some(70003));
    assert_eq!(code(&"e".repeat(20_000)), Some(70003));
    // A megabyte of it is more than a request line may hold: HTTP itself is at an end.
    assert_eq!(code(&"e".repeat(1 << 20)), Some(60002));
}

#[test]
fn broken_http_gets_the_envelope_and_a_closed_connection() {
    let server = TestServer::dev();
    let long = format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(80_000));
    let headers = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(200));
    let header = format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(80_000));
    let broken = [
        "GARBAGE\r\n\r\n",
        "POST\r\n\r\n",
        "POST / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nA B: c\r\n\r\n",
        "POST /\u{80} x HTTP/1.1\r\n\r\n",
        &long,
        &headers,
        &header,
    ];
    for request in broken {
        let mut connection = server.connect();
        let answer = connection.exchange(request.as_bytes()).unwrap_or_else(|| panic!("{request:.40}"));
        assert_eq!((answer.status, answer.code()), (200, 60002), "{request:.40}");
        assert!(connection.is_closed());
    }
    // Broken behind a good request on the same connection.
    let mut connection = server.connect();
    assert_eq!(connection.exchange(&post("/nope", "{}")).unwrap().code(), 60009);
    assert_eq!(connection.exchange(b"BROKEN\r\n\r\n").unwrap().code(), 60002);
}

#[test]
fn slow_clients_run_out_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let times = "[server]\nheader_timeout_ms = 300\nbody_timeout_ms = 300\nidle_timeout_ms = 600\nwrite_timeout_ms = 300\n";
    let server = TestServer::serve(&dir.path().join("data"), times);
    let app = server.app();
    app.import("alice");
    // Silent, half a header, a header that drips: closed without an answer.
    assert!(server.connect().is_closed());
    let mut half = server.connect();
    half.send(b"POST /v4/profile/portrait_set HTTP/1.1\r\nHost: local");
    assert_eq!(half.read_to_end(), "");
    // A body that never comes.
    let request = app.request("portrait_set", SET);
    let mut slow = server.connect();
    let answer = slow.exchange(&request[..request.len() - 5]).unwrap();
    assert_eq!(answer.code(), 60008);
    assert!(slow.is_closed());
    // Idle after a good request.
    let mut idle = server.connect();
    assert_eq!(idle.exchange(&request).unwrap().code(), 0);
    assert!(idle.is_closed());
}

#[test]
fn connections_beyond_the_limit_are_closed_and_the_rest_served() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "[server]\nconnections_max = 8\n");
    let mut kept: Vec<Connection> = (0..8).map(|_| server.connect()).collect();
    for connection in &mut kept {
        assert_eq!(connection.exchange(&post("/nope", "{}")).unwrap().code(), 60009);
    }
    assert!(server.connect().is_closed());
    assert_eq!(kept[0].exchange(&post("/nope", "{}")).unwrap().code(), 60009);
}

/// Any bytes in query, UserSig and body, over real HTTP: the envelope comes back, every time.
#[test]
fn no_bytes_break_the_server() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let good = app.query("administrator");
    let json = r#"[\[\]{}",:0-9a-zA-Z_\\ ]{0,80}"#;
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..120),
        json.prop_map(String::into_bytes),
        "\\PC{0,40}".prop_map(|text| json!({"From_Account": text, "To_Account": [text], "TagList": [text], "UserID": text, "CheckItem": [{"UserID": text}], "DeleteItem": [{"UserID": text}], "Accounts": [text], "ProfileItem": [{"Tag": text, "Value": text}]}).to_string().into_bytes()),
    ];
    let query = prop_oneof![
        4 => Just(None),
        1 => "[!-~]{0,60}".prop_filter("a URL", |text| !text.contains(['#', '"', '<', '>', '\\', '^', '`', '{', '|', '}'])).prop_map(Some),
        1 => "[A-Za-z0-9*_-]{0,300}".prop_map(|sig| Some(format!("sdkappid=1400000000&identifier=administrator&usersig={sig}"))),
    ];
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let connection = std::cell::RefCell::new(server.connect());
    let tried = runner.run(&(0..COMMANDS.len(), query, body), |(command, query, body)| {
        let query = query.as_deref().unwrap_or(&good);
        let head = format!(
            "POST {}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            COMMANDS[command].path,
            body.len()
        );
        let answer = connection.borrow_mut().exchange(&[head.as_bytes(), &body].concat());
        let Some(answer) = answer else {
            return Err(TestCaseError::fail("the connection was closed"));
        };
        let json = answer.json();
        prop_assert!(json["ErrorCode"].is_u64() && json["ErrorInfo"].is_string(), "{json}");
        prop_assert!(["OK", "FAIL"].contains(&json["ActionStatus"].as_str().unwrap()));
        if answer.header("connection") == Some("close") {
            *connection.borrow_mut() = server.connect();
        }
        Ok(())
    });
    tried.unwrap();
}
