//! UserSigs that are refused in `dev`: the answer, its header and the recorded call name the cause.

use crate::emulator::done;
use crate::explained::percent_decoded;
use crate::harness::{KEY, TestServer, encode, path_of, post};
use crate::usersig::{Sign, now};

const APP: u64 = 1_400_000_000;

fn sign(key: &str) -> Sign<'_> {
    Sign { key, sdkappid: APP, identifier: "administrator", time: now(), expire: 600 }
}

/// Calls with a UserSig. Returns the code, the explanation in the body, and the answer's header.
fn call(server: &TestServer, usersig: &str) -> (u64, String, String) {
    let query = format!("sdkappid={APP}&identifier=administrator&usersig={}", encode(usersig));
    let answer = server
        .connect()
        .exchange(&post(
            &format!("{}?{query}", path_of("account_check")),
            r#"{"CheckItem":[{"UserID":"alice"}]}"#,
        ))
        .unwrap();
    let header = percent_decoded(answer.header("x-error-detail").unwrap_or_default());
    (answer.code(), answer.json()["ErrorDisplay"].as_str().unwrap_or_default().to_owned(), header)
}

#[test]
fn a_refused_usersig_s_cause_is_named_in_body_header_log_and_record() {
    let server = TestServer::dev_with(&["--log", "debug"]);
    let with_line_end = format!("{KEY}\n");
    let ahead = Sign { expire: 1_795_953_600, ..sign(&with_line_end) };
    let good = sign(KEY).usersig();
    let cases = [
        (70009, sign(&with_line_end).usersig(), "the key and a line end after it"),
        (70009, ahead.usersig(), "looks like a point in time"),
        (70009, sign(&KEY.to_uppercase()).usersig(), "upper case"),
        (70009, sign(&"f".repeat(64)).usersig(), "a key that no app here has"),
        (70003, good[..good.len() - 9].to_owned(), "cut short"),
        (70003, KEY.to_owned(), "a secret key itself"),
        (70003, "undefined".to_owned(), "a placeholder was not filled in"),
        (70013, Sign { identifier: "alice", ..sign(KEY) }.usersig(), "made for \"alice\""),
        (70014, Sign { sdkappid: 7, ..sign(KEY) }.usersig(), "this server has no app of that number"),
        (70001, Sign { time: now() - 7200, ..sign(KEY) }.usersig(), "expired at"),
    ];
    for (code, usersig, part) in &cases {
        let (found, display, header) = call(&server, usersig);
        assert_eq!(found, *code, "{display}");
        assert!(display.contains(part), "{code}: {display}");
        assert!(display.starts_with(&header) && !display.contains(KEY), "{display}\n{header}");
    }
    assert_eq!(call(&server, &good), (0, String::new(), String::new()));
    let calls = done(&server, "GET", "/requests", "");
    let details: Vec<&str> =
        calls.as_array().unwrap().iter().filter_map(|call| call["detail"].as_str()).collect();
    assert_eq!(details.len(), cases.len());
    for ((_, _, part), detail) in cases.iter().zip(details) {
        assert!(detail.contains(part) && server.log().contains(&part.replace('"', "\\\"")), "{detail}");
    }
    assert!(!server.log().contains(KEY) && !calls.to_string().contains(KEY));
}

#[test]
fn serve_does_not_diagnose() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "");
    let app = server.app();
    let key = format!("{KEY}\n");
    let usersig = Sign { sdkappid: app.id.into(), ..sign(&key) }.usersig();
    let query = format!("sdkappid={}&identifier=administrator&usersig={}", app.id, encode(&usersig));
    let answer = server.connect().exchange(&post(&format!("{}?{query}", path_of("kick")), "{}")).unwrap();
    assert_eq!(answer.code(), 70009);
    let detail = percent_decoded(answer.header("x-error-detail").unwrap());
    assert!(!detail.contains("line end") && detail.contains("check which key the caller uses"), "{detail}");
}

/// 200 refused calls at once wait for two diagnoses at a time, and good calls go on.
#[test]
fn many_refusals_at_once_hold_up_nobody() {
    let server = TestServer::dev();
    let (wrong, good) = (sign(&"e".repeat(64)).usersig(), sign(KEY).usersig());
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(call(&server, &wrong).0, 70009);
                }
            });
        }
        for _ in 0..20 {
            let began = std::time::Instant::now();
            assert_eq!(call(&server, &good).0, 0);
            assert!(began.elapsed().as_secs() < 5);
        }
    });
}

#[test]
fn the_cause_is_told_in_chinese() {
    let server = TestServer::dev_with(&["--language", "zh"]);
    let (code, display, header) = call(&server, &sign(&format!("{KEY}\n")).usersig());
    assert_eq!(code, 70009);
    assert!(display.contains("签名用的密钥末尾多了换行") && header == display, "{display}");
}
