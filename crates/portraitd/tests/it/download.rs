//! The download of an export: the bytes of `portraitd export`, opened by a ticket that is good for nothing else.

use crate::authorization::{call_with, create_token_with};
use crate::cli::{on, run};
use crate::harness::{Connection, KEY, TestServer, encode, flip_a_bit_of_carol};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// An answer without `Authorization`: its head, its body out of its chunks, and whether it came whole.
fn download(server: &TestServer, path: &str) -> (String, Vec<u8>, bool) {
    let mut connection = Connection::open(&server.admin_address);
    let request = format!("GET /admin/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection.send(request.as_bytes());
    let answer = connection.read_to_end();
    let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
    if !head.contains("transfer-encoding: chunked") {
        return (head.to_owned(), rest.as_bytes().to_vec(), true);
    }
    let (mut body, mut rest) = (Vec::new(), rest.as_bytes());
    loop {
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return (head.to_owned(), body, false);
        };
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (head.to_owned(), body, true);
        }
        rest = &rest[end + 2..];
        body.extend_from_slice(&rest[..length.min(rest.len())]);
        rest = &rest[(length + 2).min(rest.len())..];
    }
}

fn status(server: &TestServer, path: &str) -> u16 {
    let (head, ..) = download(server, path);
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A ticket for an app's export, or for one user's, made with this token.
fn ticket_by(server: &TestServer, token: &str, app: u32, user: Option<&str>) -> String {
    let path = format!("/admin/v1/apps/{app}/export-ticket");
    let (status, answer) = call_with(server, token, "POST", &path, &json!({ "user": user }).to_string());
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["expires_s"], 60);
    answer["ticket"].as_str().unwrap().to_owned()
}

fn ticket(server: &TestServer, app: u32, user: Option<&str>) -> String {
    ticket_by(server, &server.admin_token, app, user)
}

fn exported(data: &Path, app: u32, more: &[&str]) -> Vec<u8> {
    let file = data.with_extension("jsonl");
    run(on(data, &["export", &app.to_string()]).arg(&file).args(more));
    fs::read(file).unwrap()
}

#[test]
fn a_download_has_the_bytes_of_the_command_line_and_its_ticket_works_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    let (app, other) = (server.app(), server.app());
    let id = app.id;
    let url = |ticket: &str| format!("/apps/{id}/export?stream=true&ticket={ticket}");
    // An app without accounts but its admin; then several pages of them.
    let (head, bytes, whole) = download(&server, &url(&ticket(&server, id, None)));
    assert!(whole && bytes == exported(&data, id, &[]), "{head}");
    let lines = (0..450).map(|index| {
        json!({"UserID": format!("用户 {index}"), "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "\u{2028}\"x"}]}).to_string() + "\n"
    });
    let (status_of, answer) = server.admin("POST", &format!("/apps/{id}/import"), &lines.collect::<String>());
    assert_eq!(status_of, 200, "{answer}");
    let all = exported(&data, id, &[]);
    assert_eq!(std::str::from_utf8(&all).unwrap().lines().count(), 451);
    let made = ticket(&server, id, None);
    let (head, bytes, whole) = download(&server, &url(&made));
    assert!(whole && bytes == all);
    for part in [
        "application/x-ndjson",
        &format!("content-disposition: attachment; filename*=UTF-8''{id}.jsonl"),
        "cache-control: no-store",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.contains(part), "{part}: {head}");
    }
    let (head, body, _) = download(&server, &url(&made));
    let said = String::from_utf8(body).unwrap();
    assert!(head.contains(" 401 ") && said.contains("was used"), "{head} {said}");

    // One user's, by the ticket for it alone.
    let user = "用户 7";
    let of_user = |ticket: &str| format!("{}&user={}", url(ticket), encode(user));
    let (head, bytes, whole) = download(&server, &of_user(&ticket(&server, id, Some(user))));
    assert!(whole && bytes == exported(&data, id, &["--user", user]), "{head}");
    assert!(head.contains(&format!("UTF-8''{id}-%E7%94%A8%E6%88%B7%207.jsonl")), "{head}");
    assert_eq!(status(&server, &of_user(&ticket(&server, id, None))), 401, "of all, for one");
    assert_eq!(status(&server, &url(&ticket(&server, id, Some(user)))), 401, "of one, for all");
    assert_eq!(status(&server, &of_user(&ticket(&server, id, Some("用户 8")))), 401, "of another user");
    let wrong = format!("/apps/{}/export?stream=true&ticket={}", other.id, ticket(&server, id, None));
    assert_eq!(status(&server, &wrong), 401, "of another app");
    assert_eq!(status(&server, &of_user(&ticket(&server, other.id, Some(user)))), 401, "of another app");

    // With a token, a stream needs no ticket.
    let (status_of, body) = call_with(
        &server,
        &server.admin_token,
        "GET",
        &format!("/admin/v1/apps/{id}/export?stream=true&after={}", encode("用户 98")),
        "",
    );
    assert!(status_of == 200 && body.contains("用户 99") && !body.contains("用户 98"), "{body}");
}

#[test]
fn no_secret_is_taken_for_one_of_another_kind() {
    for server in [
        TestServer::dev(),
        TestServer::dev_with(&["--data", tempfile::tempdir().unwrap().path().to_str().unwrap()]),
    ] {
        let app = server.dev_app().id;
        let url = |ticket: &str| format!("/apps/{app}/export?stream=true&ticket={ticket}");
        let made = |secret: &str, path: &str, member: &str| {
            let (status, answer) = call_with(&server, secret, "POST", &format!("/admin/v1/{path}"), "");
            assert!(status < 300, "{answer}");
            serde_json::from_str::<Value>(&answer).unwrap()[member].as_str().unwrap().to_owned()
        };
        let session = made(&server.admin_token, "session", "session");
        let by_session = ticket_by(&server, &session, app, None);
        let (head, bytes, whole) = download(&server, &url(&by_session));
        assert!(whole && bytes.starts_with(b"{\"UserID\":"), "{head}");
        // Tokens, sessions and links open no download.
        let link = made(&session, "login-link", "ticket");
        for secret in [&server.admin_token, &session, &link, &"pd_0".to_owned(), &String::new()] {
            assert_eq!(status(&server, &url(secret)), 401, "{secret}");
        }
        assert_eq!(
            call_with(&server, &link, "POST", "/admin/v1/session", "").0,
            201,
            "a link in a download's URL is not used up"
        );
        // A download's ticket is no sign-in and opens nothing else, neither as a token nor in a URL.
        let download_ticket = ticket(&server, app, None);
        for (method, path) in
            [("POST", "/session"), ("GET", "/apps"), ("GET", &*format!("/apps/{app}/export"))]
        {
            let path = format!("/admin/v1{path}");
            assert_eq!(call_with(&server, &download_ticket, method, &path, "").0, 401, "{path}");
        }
        for path in [
            format!("/apps?ticket={download_ticket}"),
            format!("/apps/{app}/export?ticket={download_ticket}"),
            format!("/apps/{app}/export?stream=false&ticket={download_ticket}"),
            format!("/apps/{app}/accounts?stream=true&ticket={download_ticket}"),
        ] {
            assert_eq!(status(&server, &path), 401, "{path}");
        }
        assert_eq!(status(&server, &url(&download_ticket)), 200, "none of these has used it up");
        assert!(!server.log().contains(&download_ticket) && !server.log().contains(KEY));
    }
}

#[test]
fn a_ticket_has_the_role_of_its_maker_and_dies_with_its_token() {
    let server = TestServer::dev();
    let app = server.dev_app().id;
    let url = |ticket: &str| format!("/apps/{app}/export?stream=true&ticket={ticket}");
    let [viewer, operator] =
        ["viewer", "operator"].map(|role| create_token_with(&server, &json!({"name": role, "role": role})));
    let path = format!("/admin/v1/apps/{app}/export-ticket");
    let (status_of, answer) = call_with(&server, &viewer, "POST", &path, "{}");
    assert!(status_of == 403 && answer.contains("wants operator"), "{answer}");
    let [used, unused] = [(); 2].map(|()| ticket_by(&server, &operator, app, None));
    assert_eq!(status(&server, &url(&used)), 200);
    assert_eq!(server.admin("DELETE", "/tokens/operator", "").0, 204);
    assert_eq!(status(&server, &url(&unused)), 401);
    create_token_with(&server, &json!({"name": "operator", "role": "operator"}));
    assert_eq!(status(&server, &url(&unused)), 401);

    for (body, expected, part) in
        [(r#"{"user":""}"#, 400, "empty"), (r#"{"usr":"a"}"#, 400, "usr"), ("[", 400, "can't be used")]
    {
        let (status_of, answer) = server.admin("POST", &format!("/apps/{app}/export-ticket"), body);
        assert!(status_of == expected && answer.contains(part), "{answer}");
    }
    assert_eq!(server.admin("POST", "/apps/1/export-ticket", "{}").0, 404);
    for (query, expected, part) in [
        ("stream=true&limit=5", 400, "limit"),
        ("ticket=x", 400, "stream=true"),
        ("stream=true&user=none", 404, "no account none"),
        ("stream=yes", 400, "stream"),
        ("stream=true&store=0", 400, "store"),
    ] {
        let (status_of, answer) = server.admin("GET", &format!("/apps/{app}/export?{query}"), "");
        assert!(status_of == expected && answer.contains(part), "{query}: {status_of} {answer}");
    }
}

#[test]
fn an_export_that_is_not_whole_does_not_look_whole() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    drop(server);
    flip_a_bit_of_carol(&data);
    let server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    let app = server.dev_app().id;
    let (head, bytes, whole) =
        download(&server, &format!("/apps/{app}/export?stream=true&ticket={}", ticket(&server, app, None)));
    let lines = String::from_utf8(bytes).unwrap();
    assert!(head.contains(" 200 ") && !whole, "{head}");
    assert!(lines.lines().count() == 3 && !lines.contains("carol"), "the others are there: {lines}");
    assert!(server.log().contains("a download left out accounts"), "{}", server.log());
    let of_carol =
        format!("/apps/{app}/export?stream=true&user=carol&ticket={}", ticket(&server, app, Some("carol")));
    assert_eq!(status(&server, &of_carol), 409);
}
