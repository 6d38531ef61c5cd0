//! Texts of others in what commands print: nothing in them steers a terminal.

use crate::cli::{on, refused, run};
use crate::first_run::Running;
use crate::harness::{Connection, TestServer, binary};
use portraitd_model::terminal::steers_terminal;
use serde_json::json;

/// Clears the screen, begins a line, and turns the order of reading around.
const EVIL: &str = "\u{1b}[2J\r\nok\u{9b}1m\u{202e}gpj\u{2028}\u{feff}";

#[test]
fn no_command_prints_what_steers_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    let app = server.app();
    let (id, port) = (app.id.to_string(), &server.address);
    app.import("alice");
    app.put("/words", "\u{9b}2J\u{202e}\n");
    let set =
        json!({"From_Account": "alice", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": EVIL}]});
    assert_eq!(app.code("portrait_set", &set.to_string()), 0);
    let path = format!("/apps/{id}/accounts/alice/profile");
    let (status, body) = server.admin("PATCH", &path, &json!({"Tag_Profile_IM_Nick": EVIL}).to_string());
    assert_eq!(status, 200, "{body}");
    let url = format!("http://{port}");
    let of_app = ["--sdkappid", &id, "--url", &url];
    let mut shown = 0;
    for words in [
        &["account", "get", &id, "alice"][..],
        &["account", "get", &id, "alice", "--json"],
        &["words", "list", &id],
        &["words", "list", &id, "--json"],
        &["audit"],
        &["audit", "--json"],
    ] {
        let printed = run(&mut on(&data, words));
        assert!(!printed.contains(|c| c != '\n' && steers_terminal(c)), "{words:?}: {printed:?}");
        assert!(!printed.lines().any(|line| line.starts_with("ok")), "{words:?}: {printed}");
        shown += usize::from(printed.to_lowercase().contains("202e"));
    }
    assert!(shown >= 4, "{shown} showed the text");
    let mut get = binary();
    let printed = run(get.args(["get", "alice"]).args(of_app).env("PORTRAITD_KEY", crate::harness::KEY));
    assert!(printed.contains("gpj") && !printed.contains(|c| c != '\n' && steers_terminal(c)), "{printed:?}");
    let name = ["app", "set", &id, "--name", "a\u{202e}b"];
    refused(&mut on(&data, &name), 1, "marks of direction");
    for name in ["..", ".hidden", "a/b"] {
        refused(&mut on(&data, &["token", "create", name]), 1, "the first a letter or a digit");
    }
}

#[test]
fn a_page_s_call_is_no_event_for_the_listening_receiver() {
    let send = |address: &str, headers: &str, body: &str| {
        let length = body.len();
        let request = format!("POST /?x=1 HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        Connection::open(address).exchange(request.as_bytes()).unwrap().status
    };
    let start = |options: &[&str]| {
        let mut listener = Running::start(&[&["webhook", "listen", "--port", "0"], options].concat());
        let first = listener.line();
        let address = first.rsplit("http://").next().unwrap().trim_end_matches('/').to_owned();
        (listener, address)
    };
    let (_listener, address) = start(&[]);
    for headers in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: https://evil.example\r\n",
        "Host: 10.0.0.1\r\n",
        "Host: tunnel.example\r\n",
    ] {
        assert_eq!(send(&address, headers, "forged"), 403, "{headers}");
    }
    let (mut listener, address) = start(&["--allow-host", "tunnel.example"]);
    assert_eq!(send(&address, "Host: evil.example\r\n", "forged"), 403);
    assert_eq!(send(&address, "Host: localhost\r\n", "one"), 200);
    assert_eq!(send(&address, "Host: tunnel.example\r\n", "two"), 200);
    let events: Vec<String> = std::iter::repeat_with(|| listener.line())
        .filter(|line| !line.is_empty() && !line.contains(": ") && !line.contains('·'))
        .take(2)
        .collect();
    assert_eq!(events, ["one", "two"]);
}
