//! Secrets stay where they belong: a run through every kind of call and failure with keys, tokens and UserSigs that are
//! known, and then a search for them, in every form, in all that came out.

use crate::cli::on;
use crate::harness::{Connection, KEY, TestServer, path_of, post};
use crate::routes::{Listener, routes};
use crate::usersig::{Sign, now};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::fmt::Write;

const SECOND_KEY: &str = "canary-key-0123456789abcdef";
const OTHER_KEY: &str = "canary-key-of-somebody-else";
const WEBHOOK_TOKEN: &str = "canary-webhook-token";

/// What must be found nowhere.
pub(crate) struct Secrets(pub(crate) Vec<String>);

impl Secrets {
    /// A secret raw, percent-encoded, in base64 whatever stands before it, and in hexadecimal.
    pub(crate) fn add(&mut self, secret: &str) {
        let encoded: String = secret
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        // The first and the last groups depend on what stands beside it.
        let base64 = (0..3).map(|before| {
            let text = STANDARD.encode([&b"xxx"[..before], secret.as_bytes()].concat());
            text[4..text.len() - 4].to_owned()
        });
        let hex = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let lower = encoded.to_lowercase();
        self.0.extend([secret.to_owned(), encoded, lower, hex].into_iter().chain(base64));
        // A part of it tells too much as well.
        self.0.extend([secret[..secret.len() / 2].to_owned(), secret[secret.len() / 2..].to_owned()]);
    }

    pub(crate) fn are_not_in(&self, what: &str, text: &str) {
        for secret in &self.0 {
            if let Some(at) = text.find(secret.as_str()) {
                let start = text[..at].char_indices().rev().nth(200).map_or(0, |(start, _)| start);
                panic!("{secret} is in {what}:\n…{}", &text[start..at + secret.len()]);
            }
        }
    }
}

/// Every command with UserSigs good and bad; gives the answers.
fn call_everything(server: &TestServer, secrets: &mut Secrets) -> String {
    let app = server.app();
    app.import("u");
    let sign = |key, identifier, sdkappid: u32, time| {
        Sign { key, sdkappid: sdkappid.into(), identifier, time, expire: 600 }.usersig()
    };
    let good = sign(KEY, "administrator", app.id, now());
    let mut cut = good.clone();
    cut.truncate(good.len() - 9);
    let signatures = [
        good.clone(),
        sign(OTHER_KEY, "administrator", app.id, now()),
        sign(KEY, "u", app.id, now()),
        sign(KEY, "administrator", app.id + 1, now()),
        sign(KEY, "administrator", app.id, 1_000_000_000),
        cut,
    ];
    let bodies = [
        "",
        "{",
        "[]",
        "{}",
        r#"{"UserID":"u"}"#,
        r#"{"UserID":7}"#,
        r#"{"CheckItem":[{"UserID":"u"}]}"#,
        r#"{"DeleteItem":[{"UserID":"nobody"}]}"#,
        r#"{"Accounts":["v"]}"#,
        r#"{"To_Account":["u"],"TagList":["Tag_Profile_IM_Nick"]}"#,
        r#"{"From_Account":"u","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#,
        r#"{"From_Account":"u","ProfileItem":[{"Tag":"Nope","Value":"x"}]}"#,
    ];
    let mut said = String::new();
    let mut send = |bytes: &[u8]| {
        // A connection that is closed without an answer says nothing.
        if let Some(answer) = server.connect().exchange(bytes) {
            writeln!(said, "{answer:?}").unwrap();
        }
    };
    for signature in &signatures {
        secrets.add(signature);
        let query = format!("sdkappid={}&identifier=administrator&usersig={signature}", app.id);
        for route in routes()
            .iter()
            .filter(|route| route.listener == Listener::Public && route.path.starts_with("/v4/"))
        {
            for body in bodies {
                send(&post(&format!("{}?{query}", route.path), body));
            }
        }
        for target in ["/v4/nope", "/", "/openapi.json"] {
            send(&post(&format!("{target}?{query}"), "{}"));
        }
        for target in [
            format!("{}?sdkappid=x&identifier=a&usersig={signature}", path_of("kick")),
            format!("{}?sdkappid=7&identifier=a&usersig={signature}", path_of("kick")),
            format!("{}?identifier=&usersig={signature}&contenttype=xml", path_of("kick")),
            format!("{}?usersig={signature}%ff%zz", path_of("kick")),
        ] {
            send(&post(&target, "{}"));
        }
        send(format!("GET /v4/x?usersig={signature} HTTP/1.1\r\nHost: localhost\r\nA B\r\n\r\n").as_bytes());
        send(format!("GET /v4/x?usersig={signature} HTTP/9.9\r\n\r\n").as_bytes());
        send(format!("{signature}\r\n\r\n").as_bytes());
        send(format!("POST {}?{query} HTTP/1.1\r\nHost: localhost\r\nX-Secret: {signature}\r\nContent-Length: 0\r\n\r\n", path_of("kick")).as_bytes());
    }
    said
}

/// Every route of the admin API, with tokens good and bad; gives the answers, but for those that are to show a secret.
fn administer_everything(server: &TestServer, secrets: &mut Secrets) -> String {
    let app = server.app();
    let mut said = String::new();
    let mut call = |method: &str, path: &str, body: &str| {
        let (status, answer) = server.admin(method, path, body);
        writeln!(said, "{method} {path}: {status} {answer}").unwrap();
    };
    let (_, created) = server.admin("POST", "/tokens", r#"{"name":"canary"}"#);
    let created: serde_json::Value = serde_json::from_str(&created).unwrap();
    let token = created["token"].as_str().unwrap().to_owned();
    for secret in [KEY, SECOND_KEY, OTHER_KEY, WEBHOOK_TOKEN, &token, &server.admin_token] {
        secrets.add(secret);
    }
    let path = format!("/apps/{}", app.id);
    server.admin("POST", &format!("{path}/keys"), &json!({ "key": SECOND_KEY }).to_string());
    let bad = [
        json!({ "key": SECOND_KEY, "more": SECOND_KEY }),
        json!({ "key": [SECOND_KEY] }),
        json!({ "key": format!("{SECOND_KEY}\n") }),
    ];
    bad[..2]
        .iter()
        .chain(&bad[3..])
        .for_each(|body| call("POST", &format!("{path}/keys"), &body.to_string()));
    call("POST", "/apps", &json!({ "sdkappid": app.id, "key": SECOND_KEY }).to_string());
    let webhook = json!({ "url": "http://127.0.0.1:9/hook", "token": WEBHOOK_TOKEN });
    call("PUT", &format!("{path}/webhook"), &webhook.to_string());
    call("PUT", &format!("{path}/webhook"), &json!({ "url": 7, "token": WEBHOOK_TOKEN }).to_string());
    call("PATCH", &format!("{path}/accounts/administrator/profile"), r#"{"Tag_Profile_IM_Nick":"x"}"#);
    call("POST", &format!("{path}/webhook/test"), "");
    for route in routes()
        .iter()
        .filter(|route| route.listener == Listener::Admin && route.path.starts_with("/admin/v1"))
    {
        let parts = [
            ("{app}", app.id.to_string()),
            ("{key}", "9".into()),
            ("{user}", "u".into()),
            ("{keyword}", "F".into()),
            ("{name}", "nope".into()),
        ];
        let target = parts.iter().fold(route.path.clone(), |path, (name, value)| path.replace(name, value));
        let target = target.trim_start_matches("/admin/v1");
        // What creates shows a secret, once.
        if route.method != "POST" || target.contains("webhook") {
            call(&route.method, target, "");
        }
    }
    call("GET", "/audit?limit=1000", "");
    for wrong in [&token[..40], OTHER_KEY] {
        let request = format!(
            "GET /admin/v1/apps?token={wrong} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {wrong}\r\n\r\n"
        );
        writeln!(said, "{:?}", Connection::open(&server.admin_address).exchange(request.as_bytes())).unwrap();
    }
    for path in ["/metrics", "/openapi.json", "/healthz", "/readyz"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        writeln!(said, "{:?}", Connection::open(&server.admin_address).exchange(request.as_bytes())).unwrap();
    }
    said
}

#[test]
fn no_secret_is_in_what_a_server_says_writes_and_shows() {
    for format in ["text", "json"] {
        let (dir, mut secrets) = (tempfile::tempdir().unwrap(), Secrets(Vec::new()));
        let data = dir.path().join("data");
        let config = format!(
            "[log]\nfilter = \"trace\"\nformat = \"{format}\"\n[webhook]\nallow_networks = [\"127.0.0.0/8\"]\n"
        );
        let server = TestServer::serve(&data, &config);
        let administered = administer_everything(&server, &mut secrets);
        let called = call_everything(&server, &mut secrets);
        let mut shown = String::new();
        let app = server.app().id.to_string();
        for words in [
            &["app", "list", "--json"][..],
            &["app", "show", &app, "--json"],
            &["token", "list", "--json"],
            &["audit", "--limit", "1000", "--json"],
            &["audit"],
            &["webhook", "show", &app, "--json"],
            &["account", "get", &app, "administrator", "--json"],
            &["export", &app],
            &["field", "list", &app, "--json"],
        ] {
            let output = on(&data, words).output().unwrap();
            shown.push_str(&String::from_utf8_lossy(&output.stdout));
            shown.push_str(&String::from_utf8_lossy(&output.stderr));
        }
        for command in ["serve", "token", "app"] {
            let mut wrong = on(&data, &[command, "--nope"]);
            let output =
                wrong.env("PORTRAITD_ADMIN_TOKEN", &server.admin_token).env("PORTRAITD_KEY", KEY).output();
            shown.push_str(&String::from_utf8_lossy(&output.unwrap().stderr));
        }
        let log = server.log();
        assert!(
            log.contains("account_delete") && log.contains("an admin call without a valid token"),
            "{format}: the log says something"
        );
        for (what, text) in [
            ("an admin answer", &administered),
            ("an answer", &called),
            ("the command line's output", &shown),
            ("the log", &log),
        ] {
            assert!(text.len() > 1000, "{what}: {text}");
            secrets.are_not_in(what, text);
        }
    }
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let mut secrets = Secrets(Vec::new());
    secrets.add(SECOND_KEY);
    let found = |text: &str| std::panic::catch_unwind(|| secrets.are_not_in("a text", text)).is_err();
    assert!(!found("canary, key and much else"));
    for before in ["", "a", "ab"] {
        assert!(found(&STANDARD.encode(format!("{before}{SECOND_KEY}, and more"))), "{before}");
    }
    for text in
        [SECOND_KEY, "x canary%2dkey%2d0123456789abcdef", "canary-key-01", "canary%2Dkey%2D0123456789abcdef"]
    {
        assert!(found(text), "{text}");
    }
}
