//! Every mistake is explained where people look: in `dev`, in the answer's body, for every service and for the gateway.

use crate::harness::{App, TestServer, encode, path_of, post};
use serde_json::Value;

const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nik","Value":"x"}]}"#;

/// A request for each kind of failing answer: the profile service's, an account API's, the gateway's with and without an app.
fn failing(app: &App<'_>) -> Vec<(u64, Vec<u8>)> {
    let (set, check) = (path_of("portrait_set"), path_of("account_check"));
    let with_sig = |identifier: &str, sig: &str| {
        post(&format!("{check}?sdkappid={}&identifier={identifier}&usersig={}", app.id, encode(sig)), "{}")
    };
    vec![
        (40009, app.request("portrait_set", SET)),
        (60003, app.request("portrait_set", "{")),
        (70402, app.request("account_check", "{}")),
        (70009, with_sig("administrator", &forged(app))),
        (70003, with_sig("administrator", "nonsense")),
        (70020, post(&format!("{set}?sdkappid=5&identifier=a&usersig=b"), "{}")),
        (60012, post(&set, "{}")),
        (60009, post("/v4/profile/portrait_sett", "{}")),
        (60002, format!("GET {set} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()),
    ]
}

fn forged(app: &App<'_>) -> String {
    let key = "f".repeat(64);
    let now = crate::usersig::now();
    crate::usersig::Sign {
        key: &key,
        sdkappid: app.id.into(),
        identifier: "administrator",
        time: now,
        expire: 600,
    }
    .usersig()
}

fn answers(server: &TestServer, app: &App<'_>) -> Vec<(u64, Value, String)> {
    let answer = |(code, request): (u64, Vec<u8>)| {
        let answer = server.connect().exchange(&request).unwrap();
        assert_eq!(answer.code(), code, "{answer:?}");
        let detail = answer.header("x-error-detail").unwrap().to_owned();
        (code, answer.json()["ErrorDisplay"].clone(), detail)
    };
    failing(app).into_iter().map(answer).collect()
}

#[test]
fn in_dev_every_failing_answer_has_the_explanation_in_its_body() {
    let server = TestServer::dev();
    for (code, display, detail) in answers(&server, &server.dev_app()) {
        let decoded = percent_decoded(&detail);
        let display = display.as_str().unwrap_or_else(|| panic!("{code}: {detail}"));
        assert!(!display.is_empty() && display.starts_with(&decoded), "{code}: {display} {decoded}");
    }
    let mut connection = server.connect();
    connection.send(b"POST /v4/profile/portrait_set x y HTTP/1.1\r\n\r\n");
    assert!(
        connection.answer().unwrap().json()["ErrorDisplay"].as_str().unwrap().contains("percent-encoded")
    );
    let chinese = TestServer::dev_with(&["--language", "zh"]);
    for (code, display, _) in answers(&chinese, &chinese.dev_app()) {
        assert!(display.as_str().is_some_and(|text| !text.is_ascii()), "{code}: {display}");
    }
}

/// The answer stays the cloud's; the reasons are in the header and in the call log.
#[test]
fn entries_that_fail_inside_a_success_are_explained() {
    let servers = [TestServer::dev(), TestServer::dev_with(&["--language", "zh"])];
    let long = "x".repeat(501);
    let accounts = |ids: &[&str]| ids.iter().map(|id| serde_json::json!({ "UserID": id })).collect::<Value>();
    let calls = [
        (
            "portrait_get",
            serde_json::json!({
                "To_Account": ["alice", "n1", "n2", "n3", "n4"], "TagList": ["Tag_Profile_IM_Nick"],
            }),
            [
                r#""n1", "n2", "n3" and 1 more: The account does not exist"#,
                r#""n1"、"n2"、"n3" 等 4 个账号：该账号未导入"#,
            ],
        ),
        (
            "multiaccount_import",
            serde_json::json!({ "AccountList": [{ "UserID": "good" }, { "UserID": "bad", "Nick": long }] }),
            [r#""bad": "#, r#""bad"："#],
        ),
        (
            "account_delete",
            serde_json::json!({ "DeleteItem": accounts(&["ghost", "administrator"]) }),
            [
                r#""ghost": The account does not exist in this app.; "administrator": an admin"#,
                r#""administrator"：不能删除应用管理员的账号"#,
            ],
        ),
    ];
    for (command, body, words) in calls {
        for (server, words) in servers.iter().zip(words) {
            let app = server.dev_app();
            let answer = server.connect().exchange(&app.request(command, &body.to_string())).unwrap();
            assert_eq!(answer.code(), 0, "{answer:?}");
            let detail = percent_decoded(answer.header("x-error-detail").unwrap());
            assert!(detail.contains(words), "{detail}");
            assert!(!answer.body.contains(words), "{answer:?}");
            let list = "GET /_portraitd/requests HTTP/1.1\r\nHost: localhost\r\n\r\n";
            let calls = server.connect().exchange(list.as_bytes()).unwrap().json();
            assert_eq!(calls.as_array().unwrap().last().unwrap()["detail"], detail);
        }
    }
    // An id that is none refuses the whole call, and its place is named.
    for (server, words) in
        servers.iter().zip(["item 2: the UserID is 33 bytes long", "第 2 项：UserID 长度为 33 字节"])
    {
        let body = serde_json::json!({ "Accounts": ["good", "x".repeat(33)] }).to_string();
        let answer =
            server.connect().exchange(&server.dev_app().request("multiaccount_import", &body)).unwrap();
        assert_eq!(answer.code(), 70402);
        assert!(answer.json()["ErrorDisplay"].as_str().unwrap().starts_with(words), "{answer:?}");
    }
}

#[test]
fn in_serve_and_when_switched_off_the_body_is_the_clouds() {
    let server = TestServer::dev_with(&["--no-error-detail"]);
    check_as_in_cloud(&answers(&server, &server.dev_app()), "");
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("a"), "");
    check_as_in_cloud(&answers(&server, &server.app()), "");
    // In `serve` the setting explains only where the cloud's answers have the member.
    let server = TestServer::serve(&dir.path().join("b"), "[server]\nerror_detail = true\n");
    check_as_in_cloud(&answers(&server, &server.app()), "Tag_Profile_IM_Nick");
}

fn check_as_in_cloud(answers: &[(u64, Value, String)], part: &str) {
    for (code, display, _) in answers {
        match display.as_str() {
            Some(text) => assert!(
                *code == 40009 && text.contains(part) && text.is_empty() == part.is_empty(),
                "{code}: {text}"
            ),
            None => assert_ne!(*code, 40009),
        }
    }
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at(2);
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}

/// What people paste with a key would be part of it, and no UserSig of theirs would ever verify.
#[test]
fn a_key_with_white_space_is_refused_by_the_admin_api_and_in_seeds() {
    let server = TestServer::dev();
    let app = server.app();
    for (key, why) in
        [("a b\\n", "white space"), ("\\\"ab\\\"", "quotation marks"), ("a\\nb", "more than one line")]
    {
        let body = format!("{{\"key\":\"{key}\"}}");
        let (status, told) = server.admin("POST", &format!("/apps/{}/keys", app.id), &body);
        assert!(status == 400 && told.contains(why), "{status} {told}");
        let (status, told) = server.admin("POST", "/apps", &body.replace('{', "{\"sdkappid\":1500000077,"));
        assert!(status == 400 && told.contains(why), "{status} {told}");
        let dir = tempfile::tempdir().unwrap();
        let seed = dir.path().join("seed.toml");
        std::fs::write(&seed, format!("[[app]]\nsdkappid = 1500000001\nkeys = [\"{key}\"]\n")).unwrap();
        let output = crate::harness::binary()
            .args(["dev", "--listen", "127.0.0.1:0", "--seed"])
            .arg(&seed)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(why), "{told}");
    }
}
