//! Wrong tokens: counted by address, and refused for the rest of the minute. And when a token was used.

use crate::authorization::{call_with, create_token, with_token};
use crate::harness::{Answer, Connection, TestServer};
use serde_json::Value;
use std::net::Ipv4Addr;

const OTHER: Ipv4Addr = Ipv4Addr::new(127, 7, 7, 7);

fn ask(connection: &mut Connection, path: &str, authorization: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n");
    connection.exchange(request.as_bytes()).unwrap()
}

#[test]
fn ten_wrong_tokens_close_the_admin_api_to_their_address_for_a_minute() {
    let server = TestServer::dev();
    let (apps, clock) = ("/admin/v1/apps", "/_portraitd/clock");
    let right = format!("Authorization: Bearer {}\r\n", server.admin_token);
    let wrong = "Authorization: Bearer wrong\r\n";
    let mut caller = Connection::open(&server.admin_address);
    for without in ["", "Authorization: Bearer \r\n", "Authorization: Basic eDp5\r\n"].repeat(5) {
        assert_eq!(ask(&mut caller, apps, without).status, 401, "no token is no wrong one");
    }
    for number in 0..10 {
        assert_eq!(ask(&mut caller, apps, &right).status, 200, "{number}");
        let path = if number % 2 == 0 { apps } else { clock };
        assert_eq!(ask(&mut caller, path, wrong).status, 401, "{number}");
    }
    for (path, authorization) in [(apps, wrong), (apps, &right), (clock, wrong), (clock, &right)] {
        let refused = ask(&mut caller, path, authorization);
        assert_eq!(refused.status, 429, "{path} {authorization}");
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let answer: Value = serde_json::from_str(&refused.body).unwrap();
        let sentence = answer["error"].as_str().unwrap();
        assert!(
            sentence.contains("this address sent 10 wrong tokens") && sentence.contains(" s; then try again"),
            "{sentence}"
        );
    }
    assert_eq!(ask(&mut caller, apps, "").status, 401);
    for open in ["/healthz", "/_portraitd/health"] {
        assert_eq!(ask(&mut caller, open, wrong).status, 200, "{open}");
    }
    let metrics = ask(&mut caller, "/metrics", "").body;
    assert!(metrics.contains("portraitd_admin_wrong_tokens_total 10\n"), "{metrics}");
    let mut other = Connection::open_from(OTHER, &server.admin_address);
    assert_eq!(ask(&mut other, apps, &right).status, 200);
    // On the public listener of `dev` a caller on this machine needs no token.
    let mut local = server.connect();
    for authorization in ["", wrong, &right] {
        assert_eq!(ask(&mut local, apps, authorization).status, 200, "{authorization}");
        assert_eq!(ask(&mut local, clock, authorization).status, 200, "{authorization}");
    }
}

/// The token of this name in the list, as another token reads it.
fn listed(server: &TestServer, name: &str) -> Value {
    let tokens: Value = serde_json::from_str(&server.admin("GET", "/tokens", "").1).unwrap();
    tokens.as_array().unwrap().iter().find(|token| token["name"] == name).unwrap().clone()
}

#[test]
fn the_last_use_of_a_token_is_noted_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::serve(&data, "");
    let token = create_token(&server, "ci");
    let unused = listed(&server, "ci");
    assert_eq!(unused["last_used_ms"], Value::Null);
    let (created, since) = (unused["created_ms"].as_u64().unwrap(), unused["since_ms"].as_u64().unwrap());
    assert!(since <= created, "{unused}");
    assert_eq!(with_token(&server, &token), 200);
    let used = listed(&server, "ci")["last_used_ms"].as_u64().unwrap();
    assert!(used >= created, "{used} {created}");
    // A session of it is a use too.
    let (_, session) = call_with(&server, &token, "POST", "/admin/v1/session", "");
    let session: Value = serde_json::from_str(&session).unwrap();
    let before = listed(&server, "ci")["last_used_ms"].as_u64().unwrap();
    while listed(&server, "ci")["last_used_ms"] == before {
        assert_eq!(with_token(&server, session["session"].as_str().unwrap()), 200);
    }
    assert!(listed(&server, "local")["last_used_ms"].is_u64(), "it reads the list");
    // Nor is a use of it one of another token of its name.
    assert_eq!(server.admin("DELETE", "/tokens/ci", "").0, 204);
    create_token(&server, "ci");
    assert_eq!(listed(&server, "ci")["last_used_ms"], Value::Null);
    server.kill();
    let server = TestServer::serve(&data, "");
    let after = listed(&server, "ci");
    assert_eq!(after["last_used_ms"], Value::Null);
    assert!(after["since_ms"].as_u64().unwrap() > after["created_ms"].as_u64().unwrap(), "{after}");
}
