//! Frequency limits: 60007, 60011, 70050.

use crate::harness::TestServer;
use serde_json::json;

#[test]
fn a_command_beyond_its_limit_is_60007_and_others_go_on() {
    let server = TestServer::dev_with(&["--limits"]);
    let app = server.app();
    app.patch(&json!({"limits": {"account_check": 20}}));
    let check = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;
    let codes: Vec<u64> = (0..200).map(|_| app.code("account_check", check)).collect();
    assert!(codes.iter().take(20).all(|code| *code == 0), "a second's worth may come at once: {codes:?}");
    assert!(codes.contains(&60007), "{codes:?}");
    assert!(codes.iter().all(|code| [0, 60007].contains(code)));
    assert_eq!(app.code("account_import", r#"{"UserID":"a"}"#), 0);
    let other = server.app();
    assert_eq!(other.code("account_check", check), 0, "apps have limits of their own");
    app.patch(&json!({"limits": {"account_check": 0}}));
    assert!((0..100).all(|_| app.code("account_check", check) == 0), "0 = no limit, at once");
}

#[test]
fn all_calls_of_an_app_beyond_its_limit_are_60011() {
    let server = TestServer::dev_with(&["--limits"]);
    let app = server.app();
    app.patch(&json!({"limits": {"total": 10}}));
    let check = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;
    let codes: Vec<u64> = (0..100).map(|_| app.code("account_check", check)).collect();
    assert!(codes.contains(&60011) && codes.iter().all(|code| [0, 60011].contains(code)), "{codes:?}");
}

#[test]
fn strangers_do_not_use_up_an_allowance_and_are_slowed_down() {
    let server = TestServer::dev_with(&["--limits"]);
    let app = server.app();
    app.patch(&json!({"limits": {"account_check": 5}}));
    let target = format!(
        "/v4/im_open_login_svc/account_check?sdkappid={}&identifier=administrator&usersig=bad",
        app.id
    );
    let bad = crate::harness::post(&target, "{}");
    let mut connection = server.connect();
    let codes: Vec<u64> = (0..200).map(|_| connection.exchange(&bad).unwrap().code()).collect();
    assert!(codes[..50].iter().all(|code| *code == 70003), "{codes:?}");
    assert!(codes.contains(&70050), "{codes:?}");
}

#[test]
fn dev_has_no_limits() {
    let server = TestServer::dev();
    let app = server.app();
    let mut connection = server.connect();
    let good = app.request("account_check", r#"{"CheckItem":[{"UserID":"administrator"}]}"#);
    assert!((0..500).all(|_| connection.exchange(&good).unwrap().code() == 0));
    let bad = crate::harness::post(
        &format!("/v4/profile/portrait_get?sdkappid={}&identifier=a&usersig=bad", app.id),
        "{}",
    );
    assert!((0..500).all(|_| connection.exchange(&bad).unwrap().code() == 70003));
}
