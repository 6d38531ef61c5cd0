//! A server that is asked to stop finishes what is in flight, and exits 0.

use crate::harness::{App, TestServer, path_of};
use std::sync::atomic::{AtomicUsize, Ordering};

const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

fn stops_under_load(signal: &str) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    let (answered, cut) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (server, answered, cut) = (&server, &answered, &cut);
            scope.spawn(move || {
                let app = App { server, id: 1_400_000_000 };
                let request = app.request("portrait_set", SET);
                let mut connection = server.connect();
                while let Some(answer) = connection.exchange(&request) {
                    assert_eq!(answer.code(), 0);
                    answered.fetch_add(1, Ordering::Relaxed);
                    if answer.header("connection") == Some("close") {
                        return;
                    }
                }
                cut.fetch_add(1, Ordering::Relaxed);
            });
        }
        while answered.load(Ordering::Relaxed) < 100 {
            std::thread::yield_now();
        }
        server.signal(signal);
    });
    let status = server.child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{signal}: {}", server.log());
    assert!(!data.join("admin.json").exists());
    assert!(!data.join("portraitd.db-wal").exists(), "everything is in the database itself");
}

#[test]
fn sigterm_finishes_and_exits_0() {
    stops_under_load("-TERM");
}

#[test]
fn sigint_finishes_and_exits_0() {
    stops_under_load("-INT");
}

#[test]
fn a_request_in_flight_is_answered() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let (target, length) = (format!("{}?{}", path_of("portrait_set"), app.query("administrator")), SET.len());
    let mut connection = server.connect();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.send(head.as_bytes());
    // "100 Continue" proves that the server is waiting for the body.
    assert!(connection.raw_head().unwrap().starts_with("HTTP/1.1 100"));
    server.signal("-TERM");
    // The listener is gone before the request is complete.
    while std::net::TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    connection.send(SET.as_bytes());
    assert_eq!(connection.answer().unwrap().code(), 0);
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut server = TestServer::dev();
    let mut connection = server.connect();
    let target = format!("{}?{}", path_of("portrait_set"), server.dev_app().query("administrator"));
    connection.send(
        format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        )
        .as_bytes(),
    );
    assert!(connection.raw_head().unwrap().starts_with("HTTP/1.1 100"));
    server.signal("-TERM");
    while std::net::TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(130));
}
