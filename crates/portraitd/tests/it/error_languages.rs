//! Errors of the admin API and of the control API: a stable code, and a sentence in the language of `Accept-Language`. The
//! command line asks for its own language.

use crate::harness::{Answer, Connection, TestServer, binary};
use serde_json::{Value, json};

/// A call that is refused, and the code of its error. `APP` stands for the number of the emulator's app.
type Case = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const ADMIN: &[Case] = &[
    ("GET", "/nothing", "", "no_such_resource"),
    ("POST", "/apps/APP", "{}", "method_not_allowed"),
    ("GET", "/apps/x", "", "invalid_request"),
    ("GET", "/apps/7", "", "no_such_app"),
    ("POST", "/apps", "{", "invalid_request"),
    ("POST", "/apps", "", "invalid_request"),
    ("POST", "/apps", r#"{"sdkappid":1,"nam":1}"#, "invalid_request"),
    ("POST", "/apps", r#"{"sdkappid":0}"#, "invalid_request"),
    ("POST", "/apps", r#"{"sdkappid":APP}"#, "already_exists"),
    ("POST", "/apps", r#"{"sdkappid":1,"key":" x"}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"sensitive_code":1}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"allow_ips":["x"]}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"screened_tags":["x"]}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"limits":{"x":1}}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"location_bytes_max":501}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"custom_fields_max":201}"#, "invalid_request"),
    ("PATCH", "/apps/APP", r#"{"enabled":"yes"}"#, "invalid_request"),
    ("DELETE", "/apps/APP/keys/99", "", "no_such_item"),
    ("DELETE", "/apps/APP/admins/bob", "", "no_such_item"),
    ("DELETE", "/apps/APP/admins/administrator", "", "invalid_request"),
    ("PUT", "/apps/APP/admins/@TLS%23x", "", "invalid_request"),
    ("PUT", "/apps/APP/fields/x1", r#"{"type":"string","read":["app"],"write":["app"]}"#, "invalid_request"),
    ("PUT", "/apps/APP/fields/X", r#"{"type":"x","read":["app"],"write":["app"]}"#, "invalid_request"),
    ("PUT", "/apps/APP/fields/X", r#"{"type":"string","read":["x"],"write":["app"]}"#, "invalid_request"),
    ("PUT", "/apps/APP/fields/X", r#"{"type":"string","read":[],"write":[]}"#, "invalid_request"),
    ("PUT", "/apps/APP/fields/Used", r#"{"type":"uint64","read":["app"],"write":["app"]}"#, "in_use"),
    ("DELETE", "/apps/APP/fields/X", "", "no_such_item"),
    ("PUT", "/apps/APP/words", "\u{feff}LONG", "invalid_request"),
    ("POST", "/apps/APP/words/test", r#"{"text":5}"#, "invalid_request"),
    ("GET", "/apps/APP/accounts?limit=x", "", "invalid_request"),
    ("GET", "/apps/APP/accounts?x=1", "", "invalid_request"),
    ("GET", "/apps/APP/accounts?after=", "", "invalid_request"),
    ("GET", "/apps/APP/accounts/nobody", "", "no_such_account"),
    ("GET", "/apps/APP/accounts/%FF", "", "invalid_request"),
    ("DELETE", "/apps/APP/accounts/administrator", "", "in_use"),
    ("PATCH", "/apps/APP/accounts/nobody/profile", r#"{"Tag_Profile_IM_Nick":"x"}"#, "no_such_account"),
    ("PATCH", "/apps/APP/accounts/nobody/profile", "{}", "invalid_request"),
    ("PATCH", "/apps/APP/accounts/nobody/profile", "[]", "invalid_request"),
    ("PATCH", "/apps/APP/accounts/nobody/profile", r#"{"Tag_Profile_IM_Nick":null}"#, "invalid_request"),
    ("PATCH", "/apps/APP/accounts/nobody/profile", r#"{"Tag_Profile_IM_Level":"x"}"#, "invalid_request"),
    ("GET", "/apps/APP/export?user=nobody", "", "no_such_account"),
    ("GET", "/apps/APP/export?stream=true&limit=1", "", "invalid_request"),
    ("GET", "/apps/APP/export?ticket=x", "", "invalid_request"),
    ("GET", "/apps/APP/export?stream=true&ticket=x", "", "unauthenticated"),
    ("POST", "/apps/APP/export-ticket", r#"{"user":""}"#, "invalid_request"),
    ("GET", "/jobs/x", "", "invalid_request"),
    ("GET", "/jobs/1", "", "no_such_item"),
    ("GET", "/apps/APP/export?store=x", "", "invalid_request"),
    ("GET", "/apps/APP/export?store=00000000000000000000000000000000", "", "other_store"),
    ("GET", "/apps/APP/webhook/events?state=x", "", "invalid_request"),
    ("PUT", "/apps/APP/webhook", r#"{"url":"x"}"#, "invalid_request"),
    ("PUT", "/apps/APP/webhook", r#"{"url":"http://192.0.2.1/","token":"a b"}"#, "invalid_request"),
    ("DELETE", "/apps/APP/webhook", "", "no_such_item"),
    ("POST", "/apps/APP/webhook/test", "", "no_such_item"),
    ("POST", "/apps/APP/webhook/replay", r#"{"state":"waiting"}"#, "invalid_request"),
    ("POST", "/apps/APP/usersig", r#"{"identifier":"a","expire":0}"#, "invalid_request"),
    ("POST", "/apps/APP/usersig", r#"{"identifier":"","expire":1}"#, "invalid_request"),
    ("POST", "/apps/APP/try", r#"{"path":"/x","identifier":"a","body":""}"#, "invalid_request"),
    ("POST", "/apps/APP/try", r#"{"path":"/v4/x","identifier":"a","body":"","usersig":"x"}"#, "invalid_request"),
    ("POST", "/tokens", r#"{"name":"a b"}"#, "invalid_request"),
    ("POST", "/tokens", r#"{"name":"a","role":"x"}"#, "invalid_request"),
    ("POST", "/tokens", r#"{"name":"local"}"#, "already_exists"),
    ("DELETE", "/tokens/local", "", "not_possible"),
    ("DELETE", "/tokens/nothing", "", "no_such_item"),
    ("GET", "/reference/codes/1", "", "no_such_item"),
    ("POST", "/backup", r#"{"directory":"/tmp/x"}"#, "not_possible"),
];

#[rustfmt::skip]
const CONTROL: &[Case] = &[
    ("PATCH", "/clock", "", "method_not_allowed"),
    ("PUT", "/clock", "{}", "invalid_request"),
    ("PUT", "/clock", r#"{"now":"x"}"#, "invalid_request"),
    ("PUT", "/clock", r#"{"advance":"x"}"#, "invalid_request"),
    ("PUT", "/clock", r#"{"x":1}"#, "invalid_request"),
    ("POST", "/reset", r#"{"app":7}"#, "no_such_app"),
    ("POST", "/reset", r#"{"to":"x"}"#, "invalid_request"),
    ("POST", "/snapshots/x/restore", "", "no_such_item"),
    ("PUT", "/snapshots/..", "", "invalid_request"),
    ("PUT", "/snapshots/a%2Fb", "", "invalid_request"),
    ("PUT", "/snapshots/x", r#"{"app":7}"#, "no_such_app"),
    ("DELETE", "/snapshots/x", "", "no_such_item"),
    ("POST", "/apps", r#"{"like":7}"#, "no_such_app"),
    ("DELETE", "/apps/x", "", "invalid_request"),
    ("DELETE", "/apps/7", "", "no_such_app"),
    ("GET", "/requests?command=x", "", "invalid_request"),
    ("GET", "/requests?command=portrait_sett", "", "invalid_request"),
    ("GET", "/requests?count=1", "", "invalid_request"),
    ("GET", "/requests?count=1&wait_ms=60001", "", "invalid_request"),
    ("GET", "/requests?code=x", "", "invalid_request"),
    ("GET", "/live?x=1", "", "invalid_request"),
    ("POST", "/faults", "{}", "invalid_request"),
    ("POST", "/faults", r#"{"code":1}"#, "invalid_request"),
    ("POST", "/faults", r#"{"code":40006,"app":7}"#, "invalid_request"),
    ("POST", "/faults", r#"{"code":40006,"close":"before"}"#, "invalid_request"),
    ("DELETE", "/faults/x", "", "invalid_request"),
    ("DELETE", "/faults/99", "", "no_such_item"),
    ("DELETE", "/faults?app=7", "", "no_such_app"),
    ("POST", "/webhooks/...", "", "invalid_request"),
];

/// Calls the admin listener; an empty language sends no `Accept-Language`.
fn call(
    server: &TestServer,
    token: &str,
    language: &str,
    (method, path, body): (&str, &str, &str),
) -> Answer {
    let asked = if language.is_empty() { String::new() } else { format!("Accept-Language: {language}\r\n") };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{asked}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap()
}

fn is_han(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

/// Whether a text has three English words in a row, outside of what is quoted with backticks.
pub(crate) fn has_english_sentence(text: &str) -> bool {
    let unquoted: String = text.split('`').step_by(2).collect::<Vec<_>>().join("，");
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let words: Vec<&str> = unquoted.split(' ').collect();
    words.windows(3).any(|three| three.iter().all(|word| is_word(word)))
}

/// The code and the sentence of an error.
fn error(answer: &Answer) -> (String, String) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    (body["code"].as_str().unwrap().to_owned(), body["error"].as_str().unwrap().to_owned())
}

/// Makes a call in both languages and in one that there is not.
fn check(server: &TestServer, token: &str, request: (&str, &str, &str), code: &str) {
    let shown = format!("{request:?}");
    let english = call(server, token, "", request);
    let (found, sentence) = error(&english);
    assert_eq!(found, code, "{shown}: {sentence}");
    assert!(!sentence.is_empty() && !sentence.chars().any(is_han), "{shown}: {sentence}");
    assert_eq!(error(&call(server, token, "fr", request)), (found.clone(), sentence), "{shown}");
    let chinese = call(server, token, "zh-CN,zh;q=0.9,en;q=0.8", request);
    assert_eq!(chinese.status, english.status, "{shown}");
    let (same, sentence) = error(&chinese);
    assert_eq!(same, found, "{shown}");
    assert!(sentence.chars().any(is_han) && !has_english_sentence(&sentence), "{shown}: {sentence}");
}

fn check_all(server: &TestServer, prefix: &str, cases: &[Case]) {
    let app = server.dev_app().id.to_string();
    for (method, path, body, code) in cases {
        let [path, body] =
            [path, body].map(|text| text.replace("APP", &app).replace("LONG", &"x".repeat(201)));
        let path = format!("{prefix}{path}");
        check(server, &server.admin_token, (method, &path, &body), code);
    }
}

#[test]
fn the_admin_api_refuses_in_the_language_that_is_asked_for() {
    let server = TestServer::dev();
    let app = server.dev_app();
    app.put("/fields/Used", r#"{"type":"string","read":["app"],"write":["app"]}"#);
    let (status, answer) = server.admin("PUT", &format!("/apps/{}/accounts/holder", app.id), "");
    assert_eq!(status, 201, "{answer}");
    let path = format!("/apps/{}/accounts/holder/profile", app.id);
    let (status, answer) = server.admin("PATCH", &path, r#"{"Tag_Profile_Custom_Used":"x"}"#);
    assert_eq!(status, 200, "{answer}");
    check_all(&server, "/admin/v1", ADMIN);
}

/// An emulator calls webhooks at every address, and has nothing to back up.
#[test]
fn a_server_refuses_in_the_language_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let server = TestServer::serve(directory.path(), "");
    let (status, made) = server.admin("POST", "/apps", r#"{"sdkappid":1400000000}"#);
    assert_eq!(status, 201, "{made}");
    let webhook = "/admin/v1/apps/1400000000/webhook";
    let private = r#"{"url":"http://169.254.169.254/"}"#;
    let inside = json!({"directory": directory.path()}).to_string();
    for (method, path, body, code) in [
        ("PUT", webhook, private, "invalid_request"),
        ("POST", "/admin/v1/backup", r#"{"directory":"x"}"#, "not_possible"),
        ("POST", "/admin/v1/backup", inside.as_str(), "not_possible"),
    ] {
        check(&server, &server.admin_token, (method, path, body), code);
    }
}

#[test]
fn the_control_api_refuses_in_the_language_that_is_asked_for() {
    check_all(&TestServer::dev(), "/_portraitd", CONTROL);
    let directory = tempfile::tempdir().unwrap();
    let kept = TestServer::dev_with(&["--data", directory.path().to_str().unwrap()]);
    let token = kept.admin_token.clone();
    check(&kept, &token, ("POST", "/_portraitd/reset", ""), "not_possible");
}

#[test]
fn callers_who_may_not_call_are_told_in_their_language() {
    let server = TestServer::dev();
    let (status, made) = server.admin("POST", "/tokens", &json!({"name": "v", "role": "viewer"}).to_string());
    assert_eq!(status, 201, "{made}");
    let viewer = serde_json::from_str::<Value>(&made).unwrap()["token"].as_str().unwrap().to_owned();
    for path in ["/admin/v1/tokens", "/_portraitd/reset"] {
        check(&server, "none", ("POST", path, "{}"), "unauthenticated");
        check(&server, &viewer, ("POST", path, "{}"), "role_too_low");
    }
    let large = "x".repeat(25 << 20);
    for language in ["", "zh"] {
        let head = format!(
            "PUT /admin/v1/apps/{}/words HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept-Language: {language}\r\nContent-Length: {}\r\n\r\n",
            server.dev_app().id,
            server.admin_token,
            large.len()
        );
        let answer = Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap();
        let (code, sentence) = error(&answer);
        assert_eq!(code, "body_too_large");
        assert_eq!(sentence.chars().any(is_han), language == "zh", "{sentence}");
    }
    for (headers, code) in [
        ("Origin: http://evil.example\r\n", "other_origin"),
        ("Sec-Fetch-Site: cross-site\r\n", "other_origin"),
    ] {
        for (language, chinese) in [("en", false), ("zh", true)] {
            let head = format!(
                "GET /admin/v1/apps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept-Language: {language}\r\n{headers}\r\n",
                server.admin_token
            );
            let answer = Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap();
            let (found, sentence) = error(&answer);
            assert_eq!((found.as_str(), sentence.chars().any(is_han)), (code, chinese), "{sentence}");
        }
    }
}

#[test]
fn the_public_listener_of_an_emulator_refuses_in_the_language_too() {
    let server = TestServer::dev();
    for (host, path, code) in [
        ("localhost", "/_portraitd/nothing", "no_such_resource"),
        ("evil.example", "/_portraitd/clock", "other_origin"),
    ] {
        for (language, chinese) in [("en", false), ("zh", true)] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Language: {language}\r\n\r\n");
            let answer = server.connect().exchange(head.as_bytes()).unwrap();
            let (found, sentence) = error(&answer);
            assert_eq!((found.as_str(), sentence.chars().any(is_han)), (code, chinese), "{sentence}");
        }
    }
}

#[test]
fn what_is_told_beside_errors_is_in_the_language_too() {
    let server = TestServer::dev();
    let app = server.dev_app();
    let imported = |language: &str| {
        let path = format!("/admin/v1/apps/{}/import", app.id);
        let request = ("POST", path.as_str(), "{\"UserID\":\"\"}\n{\"Nick\":1}");
        let answer = call(&server, &server.admin_token, language, request).json();
        answer["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["reason"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(imported("")[0], "the UserID is empty");
    for reason in imported("zh") {
        assert!(reason.chars().any(is_han) && !has_english_sentence(&reason), "{reason}");
    }
    app.call("portrait_set", r#"{"From_Account":"nobody_here","ProfileItem":[]}"#);
    let recorded = |language: &str| {
        let answer =
            call(&server, &server.admin_token, language, ("GET", "/_portraitd/requests?limit=1", ""));
        answer.json()[0]["detail"].as_str().unwrap().to_owned()
    };
    assert!(!recorded("").chars().any(is_han) && !recorded("en").chars().any(is_han));
    assert!(recorded("zh").chars().any(is_han), "{}", recorded("zh"));
    let meaning = |language: &str| {
        let answer = call(&server, &server.admin_token, language, ("GET", "/admin/v1/reference", ""));
        answer.json()["codes"]["40003"].clone()
    };
    assert_eq!(meaning("en")["info"], meaning("zh")["info"]);
    assert!(meaning("zh")["meaning"].as_str().unwrap().chars().any(is_han));
}

#[test]
fn the_command_line_shows_errors_of_the_server_in_its_language() {
    let server = TestServer::dev();
    let (admin, control) = (format!("http://{}", server.admin_address), format!("http://{}", server.address));
    let shown = |language: &str, words: &[&str]| {
        let output = binary().args(["--language", language]).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let of_admin = ["app", "show", "7", "--admin-url", &admin, "--admin-token", &server.admin_token];
    let of_control = ["emulator", "snapshot", "restore", "x", "--url", &control];
    assert_eq!(shown("en", &of_admin), "error: there is no app 7\n");
    assert_eq!(shown("zh", &of_admin), "错误：没有应用 7\n");
    assert_eq!(shown("en", &of_control), "error: there is no snapshot `x`; there are: none\n");
    assert_eq!(shown("zh", &of_control), "错误：没有快照 `x`；已有的快照：无\n");
    // A stopped server's data: the admin API answers in the process of the command.
    let directory = tempfile::tempdir().unwrap();
    let in_process = ["app", "show", "7", "--data", directory.path().to_str().unwrap()];
    assert_eq!(shown("zh", &in_process), "错误：没有应用 7\n");
    assert_eq!(shown("en", &in_process), "error: there is no app 7\n");
}
