//! Webhooks: the requests that a receiver gets, receivers that misbehave, and the addresses that may be called.

use crate::harness::{App, Connection, TestServer, binary};
use crate::receiver::{Call, Receiver, Reply};
use crate::tls;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Quick retries, and receivers on this machine.
const CONFIG: &str = r#"
[limits]
enabled = false
[webhook]
timeout_ms = 300
retry_schedule = ["0s", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms"]
allow_networks = ["127.0.0.0/8"]
"#;

pub(crate) fn set(app: &App<'_>, user: &str, nick: &str) {
    assert_eq!(app.code("portrait_set", &nick_body(user, nick)), 0);
}

pub(crate) fn nick_body(user: &str, nick: &str) -> String {
    json!({"From_Account": user, "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]}).to_string()
}

fn show(app: &App<'_>) -> Value {
    let (status, answer) = app.server.admin("GET", &format!("/apps/{}/webhook", app.id), "");
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// Asks until something is true of what `webhook show` tells.
fn show_until(app: &App<'_>, what: &str, is_true: impl Fn(&Value) -> bool) -> Value {
    let started = std::time::Instant::now();
    loop {
        let view = show(app);
        if is_true(&view) {
            return view;
        }
        assert!(started.elapsed().as_secs() < 60, "waited in vain for {what}: {view}");
        std::thread::yield_now();
    }
}

fn has_webhook(app: &App<'_>, url: &str) {
    app.put("/webhook", &json!({"url": url, "token": "xxxxyyyy"}).to_string());
}

fn nothing_waits(view: &Value) -> bool {
    view["waiting"]["events"] == 0
}

#[test]
fn a_change_is_told_as_the_cloud_tells_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), CONFIG);
    let (app, receiver) = (server.app(), Receiver::polite());
    app.import("爱丽丝");
    has_webhook(&app, &format!("{}?from=im", receiver.url()));
    let items = json!([
        {"Tag": "Tag_Profile_IM_Nick", "Value": "新昵称"},
        {"Tag": "Tag_Profile_IM_Level", "Value": 7},
        {"Tag": "Tag_Profile_IM_Nick", "Value": "last"},
    ]);
    let body = json!({"From_Account": "爱丽丝", "ProfileItem": items}).to_string();
    assert_eq!(app.code("portrait_set", &body), 0);
    let call = receiver.wait_for(1).remove(0);
    let id = app.id;
    let expected = format!(
        "/hook?from=im&SdkAppid={id}&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI&Sign="
    );
    assert!(call.target.starts_with(&expected), "{}", call.target);
    let time = call.header("x-portraitd-timestamp").unwrap();
    assert!(call.target.ends_with(&format!("&RequestTime={time}")), "{}", call.target);
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.event_id().len(), 32);
    assert!(call.header("x-portraitd-signature").unwrap().starts_with("v1="));
    let mut told = call.body.clone();
    assert!(told["EventTime"].take().as_u64().unwrap() > 1_700_000_000_000);
    let items =
        json!([{"Tag": "Tag_Profile_IM_Nick", "Value": "last"}, {"Tag": "Tag_Profile_IM_Level", "Value": 7}]);
    assert_eq!(
        told,
        json!({"CallbackCommand": "Profile.CallbackPortraitSet", "Operator_Account": "administrator",
               "From_Account": "爱丽丝", "EventTime": null, "ProfileItem": items})
    );
    show_until(&app, "the outbox to be empty", nothing_waits);
}

#[test]
fn what_changes_a_profile_is_told_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), CONFIG);
    let (app, receiver) = (server.app(), Receiver::polite());
    has_webhook(&app, &receiver.url());
    let ok = |command: &str, body: Value| assert_eq!(app.code(command, &body.to_string()), 0, "{command}");
    ok("account_import", json!({"UserID": "bare"}));
    ok("account_import", json!({"UserID": "full", "Nick": "F", "FaceUrl": "http://a/b"}));
    ok("multiaccount_import", json!({"Accounts": ["one", "two"]}));
    ok("multiaccount_import", json!({"AccountList": [{"UserID": "three", "Nick": "T"}, {"UserID": "four"}]}));
    ok("portrait_get", json!({"To_Account": ["full"], "TagList": ["Tag_Profile_IM_Nick"]}));
    // Refused: nothing is stored, nothing is told.
    assert_eq!(app.code("portrait_set", &nick_body("bare", &"x".repeat(501))), 40601);
    assert_eq!(app.code("portrait_set", &nick_body("nobody", "x")), 40003);
    ok("account_delete", json!({"DeleteItem": [{"UserID": "one"}]}));
    set(&app, "bare", "last");
    let calls = receiver.wait_for(3);
    let mut told: Vec<(&str, &Value)> = calls.iter().map(|call| (call.user(), call.value())).collect();
    told.sort_by_key(|(user, _)| *user);
    assert_eq!(told, [("bare", &json!("last")), ("full", &json!("F")), ("three", &json!("T"))]);
    let mut ids: Vec<&str> = calls.iter().map(Call::event_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each event has its own id");
    show_until(&app, "the outbox to be empty", nothing_waits);
    assert_eq!(receiver.calls().len(), 3);

    let silent = server.app();
    silent.import("u");
    set(&silent, "u", "x");
    assert_eq!(show(&silent)["waiting"]["events"], 0, "an app without a webhook keeps no events");
}

/// Each is called again, with the same event, until it says yes.
#[test]
fn receivers_without_manners_get_the_event_again() {
    let elsewhere = Receiver::polite();
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
    let huge = format!("HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n{}", "x".repeat(10 << 20));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"ErrorCode\":0".to_vec();
    let bad: Vec<(&str, Reply, &str)> = vec![
        ("hangs", Reply::Hang, "no answer within 300 ms"),
        ("garbage", Reply::Raw(b"\x00\x01garbage\r\n\r\n".to_vec()), "invalid HTTP"),
        ("closes", Reply::Raw(Vec::new()), "connection closed"),
        ("closes mid-answer", Reply::Raw(cut), "end of file"),
        ("answers 10 MB", Reply::Raw(huge.into_bytes()), "larger than 65536 bytes"),
        ("redirects", Reply::Raw(redirect.into_bytes()), "HTTP 302"),
        ("500", Reply::Http(500, r#"{"ErrorCode":0}"#.into()), "HTTP 500"),
        ("says no", Reply::Http(200, r#"{"ActionStatus":"FAIL","ErrorCode":1}"#.into()), "ErrorCode 1"),
        ("no JSON", Reply::Http(200, "OK".into()), "not a JSON object"),
        ("empty", Reply::Http(204, String::new()), "not a JSON object"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), CONFIG);
    for (name, reply, why) in bad {
        let (app, polite) = (server.app(), AtomicBool::new(false));
        let receiver =
            Receiver::start(
                move |_| if polite.swap(true, Ordering::Relaxed) { Reply::Yes } else { reply.clone() },
            );
        app.import("u");
        has_webhook(&app, &receiver.url());
        set(&app, "u", name);
        let calls = receiver.wait_for(2);
        assert_eq!(calls[0].event_id(), calls[1].event_id(), "{name}");
        assert_eq!(calls[0].raw_body, calls[1].raw_body, "{name}");
        let view = show_until(&app, "the outbox to be empty", nothing_waits);
        let failure = view["last_failure"].as_str().unwrap();
        assert!(failure.contains(why), "{name}: {failure}");
        assert_eq!((view["failed"].as_u64(), view["delivered"].as_u64()), (Some(1), Some(1)), "{name}");
    }
    assert!(elsewhere.calls().is_empty(), "a redirect is not followed");
}

#[test]
fn certificates_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let authority = tls::Authority::new("ours");
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let config = format!("{CONFIG}\nca_file = {:?}\n", ca_file.display().to_string());
    let server = TestServer::serve(&dir.path().join("data"), &config);
    let check = |certificate: tls::Certificate, host: &str, why: Option<&str>| {
        let (app, receiver) = (server.app(), certificate.receiver());
        app.import("u");
        let port = receiver.address.rsplit(':').next().unwrap();
        has_webhook(&app, &format!("https://{host}:{port}/"));
        set(&app, "u", "x");
        match why {
            None => assert_eq!(receiver.wait_for(1)[0].user(), "u"),
            Some(why) => {
                let view = show_until(&app, "a failure", |view| view["failed"].as_u64() > Some(0));
                let failure = view["last_failure"].as_str().unwrap();
                assert!(failure.to_lowercase().contains(why), "{failure}");
                assert!(receiver.calls().is_empty(), "nothing was told to a stranger");
            }
        }
    };
    check(authority.certificate("localhost"), "localhost", None);
    check(authority.expired("localhost"), "localhost", Some("expired"));
    check(authority.certificate("example.com"), "localhost", Some("not valid for name"));
    check(tls::Authority::new("a stranger").certificate("localhost"), "localhost", Some("unknownissuer"));
}

#[test]
fn an_account_waits_for_its_event_and_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), CONFIG);
    let app = server.app();
    let refused: Mutex<HashMap<String, u32>> = Mutex::default();
    // The first event of `a` is refused six times.
    let receiver = Receiver::start(move |call| {
        let mut refused = refused.lock().unwrap();
        let times = refused.entry(call.event_id().to_owned()).or_default();
        *times += 1;
        if call.value() == "a1" && *times <= 6 { Reply::Http(503, String::new()) } else { Reply::Yes }
    });
    for user in ["a", "b"] {
        app.import(user);
    }
    has_webhook(&app, &receiver.url());
    for (user, nick) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"), ("b", "b2")] {
        set(&app, user, nick);
    }
    let calls = receiver.wait_for(11);
    let of = |user: &str| -> Vec<String> {
        let values =
            calls.iter().filter(|call| call.user() == user).map(|call| call.value().as_str().unwrap());
        values.map(str::to_owned).collect()
    };
    assert_eq!(of("b"), ["b1", "b2"]);
    assert_eq!(of("a"), ["a1", "a1", "a1", "a1", "a1", "a1", "a1", "a2", "a3"]);
    let last = calls.last().unwrap();
    assert_eq!(last.value(), "a3", "b did not have to wait");
}

/// One app's receiver answers nobody until the other app's events have all arrived.
#[test]
fn a_slow_receiver_delays_no_other_app() {
    let dir = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("timeout_ms = 300", "timeout_ms = 60000");
    let server = TestServer::serve(&dir.path().join("data"), &config);
    let (slow, quick) = (server.app(), server.app());
    let (hanging, polite) = (Receiver::start(|_| Reply::Hang), Receiver::polite());
    for (app, receiver) in [(&slow, &hanging), (&quick, &polite)] {
        has_webhook(app, &receiver.url());
        for number in 0..40 {
            app.import(&format!("u{number}"));
            set(app, &format!("u{number}"), "x");
        }
    }
    assert_eq!(polite.wait_for(40).len(), 40);
    assert_eq!(hanging.calls().len(), 16, "as many at once as parallel_per_app says");
    let signalled =
        std::process::Command::new("kill").arg("-KILL").arg(server.child.id().to_string()).status();
    assert!(signalled.unwrap().success());
}

/// `http://127.0.0.1` has many names. None of them is called unless the operator allows it.
#[test]
fn private_addresses_are_not_called() {
    let dir = tempfile::tempdir().unwrap();
    let config = CONFIG.replace(r#"["127.0.0.0/8"]"#, "[]");
    let server = TestServer::serve(&dir.path().join("data"), &config);
    let receiver = Receiver::polite();
    let port = receiver.address.rsplit(':').next().unwrap();
    let app = server.app();
    app.import("u");
    for literal in
        ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "169.254.169.254", "[fe80::1]"]
    {
        let body = json!({"url": format!("http://{literal}:{port}/")}).to_string();
        let (status, answer) = server.admin("PUT", &format!("/apps/{}/webhook", app.id), &body);
        assert!(status == 400 && answer.contains("not a public address"), "{literal}: {status} {answer}");
    }
    // What only the resolver knows to be private is found out when it is connected to.
    for name in ["localhost", "LOCALHOST", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"] {
        let app = server.app();
        app.import("u");
        app.put("/webhook", &json!({"url": format!("http://{name}:{port}/")}).to_string());
        set(&app, "u", "x");
        let view = show_until(&app, "a failure", |view| view["failed"].as_u64() > Some(0));
        let failure = view["last_failure"].as_str().unwrap();
        assert!(
            failure.contains("not a public address") || failure.contains("dns error"),
            "{name}: {failure}"
        );
    }
    assert!(receiver.calls().is_empty());
}

#[test]
fn given_up_events_are_listed_replayed_and_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let config = CONFIG.replace(
        r#", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms", "20ms""#,
        "",
    );
    let server = TestServer::serve(&data, &config);
    let (app, id) = (server.app(), server.app().id - 1);
    assert_eq!(app.id, id);
    let polite = std::sync::Arc::new(AtomicBool::new(false));
    let mood = std::sync::Arc::clone(&polite);
    let receiver = Receiver::start(move |_| {
        if mood.load(Ordering::Relaxed) { Reply::Yes } else { Reply::Http(500, String::new()) }
    });
    for user in ["a", "b", "c"] {
        app.import(user);
    }
    has_webhook(&app, &receiver.url());
    for user in ["a", "b", "c"] {
        set(&app, user, "x");
    }
    show_until(&app, "three parked events", |view| view["parked"]["events"] == 3);
    let id = id.to_string();
    let run = |args: &[&str]| {
        let output = binary().args(["webhook"]).args(args).arg("--data").arg(&data).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let listed: Value = serde_json::from_str(&run(&["parked", &id, "--json"])).unwrap();
    let events = listed["events"].as_array().unwrap();
    assert_eq!(
        events.iter().map(|event| event["event"]["user"].as_str().unwrap()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert!(
        events.iter().all(|event| event["failure"] == "HTTP 500" && event["attempts"] == 1),
        "{events:?}"
    );
    assert!(run(&["parked", &id]).contains("HTTP 500"));
    assert!(run(&["parked", &id, "--limit", "2"]).contains("more: portraitd webhook parked"));
    polite.store(true, Ordering::Relaxed);
    assert_eq!(receiver.calls().len(), 3, "a parked event is left alone");
    let place = events[1]["place"].to_string();
    assert_eq!(run(&["replay", &id, &place]), "delivering 1 event again\n");
    let calls = receiver.wait_for(4);
    assert_eq!((calls[3].user(), calls[3].event_id()), ("b", events[1]["event"]["id"].as_str().unwrap()));
    assert_eq!(run(&["drop", &id, &events[0]["place"].to_string()]), "dropped 1 event\n");
    assert_eq!(run(&["replay", &id, "--all"]), "delivering 1 event again\n");
    assert_eq!(receiver.wait_for(5)[4].user(), "c");
    show_until(&app, "the outbox to be empty", |view| nothing_waits(view) && view["parked"]["events"] == 0);
    let tested = run(&["test", &id]);
    assert!(tested.contains("delivered") && tested.contains("x-portraitd-test: 1"), "{tested}");
}

/// The bound holds, profile changes are never refused for it, and what was lost is counted.
#[test]
fn a_full_backlog_costs_the_oldest_events_and_no_change() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), &format!("{CONFIG}\nbacklog_max = \"20KiB\"\n"));
    let (app, receiver) = (server.app(), Receiver::start(|_| Reply::Http(500, String::new())));
    has_webhook(&app, &receiver.url());
    for number in 0..300 {
        app.import(&format!("u{number}"));
        set(&app, &format!("u{number}"), &"x".repeat(100));
    }
    let view = show_until(&app, "the bound to be kept", |view| {
        let kept = view["waiting"]["bytes"].as_u64().unwrap() + view["parked"]["bytes"].as_u64().unwrap();
        kept <= 20 << 10 && view["dropped"].as_u64() > Some(100)
    });
    assert!(view["waiting"]["events"].as_u64().unwrap() > 10, "not more than needed: {view}");
    assert!(server.log().contains("backlog_max"));
    let kept =
        app.server.admin("GET", &format!("/apps/{}/webhook/events?state=waiting&limit=1", app.id), "").1;
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert!(kept["events"][0]["event"]["user"] != "u0", "the oldest went first");
}

#[test]
fn settings_are_checked_and_the_token_is_never_shown() {
    let server = TestServer::dev();
    let app = server.app();
    let path = format!("/apps/{}/webhook", app.id);
    let refused = |body: Value, why: &str| {
        let (status, answer) = server.admin("PUT", &path, &body.to_string());
        assert!(status == 400 && answer.contains(why), "{body}: {status} {answer}");
    };
    refused(json!({}), "url");
    refused(json!({"url": "example.com"}), "http");
    refused(json!({"url": "ftp://example.com/"}), "http:// or https://");
    refused(json!({"url": "http://u:p@example.com/"}), "user name");
    refused(json!({"url": "http://example.com/", "token": "two words"}), "without spaces");
    refused(json!({"url": "http://example.com/", "token": ""}), "token");
    refused(json!({"url": "http://example.com/", "tokn": "x"}), "tokn");
    assert_eq!(server.admin("DELETE", &path, "").0, 404);
    assert_eq!(server.admin("POST", &format!("{path}/test"), "").0, 404);
    app.put("/webhook", &json!({"url": "http://127.0.0.1:1/", "token": "hunter2hunter2"}).to_string());
    assert_eq!(show(&app)["signed"], true);
    app.put("/webhook", &json!({"url": "http://127.0.0.1:2/"}).to_string());
    assert_eq!(show(&app)["signed"], true, "a new URL keeps the token");
    app.put("/webhook", &json!({"url": "http://127.0.0.1:1/", "token": null}).to_string());
    assert_eq!(show(&app)["signed"], false);
    app.put("/webhook", &json!({"url": "http://127.0.0.1:1/", "token": "hunter2hunter2"}).to_string());
    app.import("u");
    set(&app, "u", "x");
    show_until(&app, "a failure", |view| view["failed"].as_u64() > Some(0));
    for path in ["", "/webhook", "/webhook/events?state=waiting"] {
        let (status, answer) = server.admin("GET", &format!("/apps/{}{path}", app.id), "");
        assert!(status == 200 && !answer.contains("hunter2"), "{answer}");
    }
    assert!(!server.log().contains("hunter2"));
    let (status, _) = server.admin("DELETE", &path, "");
    assert_eq!((status, show(&app)["url"].is_null()), (200, true));
    assert_eq!(show(&app)["waiting"]["events"], 1, "kept until a receiver is set again");
    let receiver = Receiver::polite();
    has_webhook(&app, &receiver.url());
    assert_eq!(receiver.wait_for(1)[0].user(), "u");
}

#[test]
fn metrics_tell_of_the_backlog() {
    let server = TestServer::dev();
    let app = server.app();
    app.import("u");
    app.put("/webhook", &json!({"url": "http://127.0.0.1:1/", "token": "hunter2hunter2"}).to_string());
    set(&app, "u", "x");
    show_until(&app, "a failure", |view| view["failed"].as_u64() > Some(0));
    let head = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = Connection::open(&server.admin_address).exchange(head).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for line in [
        format!("portraitd_webhook_events{{sdkappid=\"{}\",state=\"waiting\"}} 1\n", app.id),
        format!("portraitd_webhook_failed_attempts_total{{sdkappid=\"{}\"}} 1\n", app.id),
        format!("portraitd_webhook_dropped_total{{sdkappid=\"{}\"}} 0\n", app.id),
    ] {
        assert!(answer.body.contains(&line), "{line}{}", answer.body);
    }
    assert!(!answer.body.contains("hunter2"));
}

#[test]
fn the_operator_s_edits_are_told_and_imports_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, CONFIG);
    let (app, receiver) = (server.app(), Receiver::polite());
    app.import("u");
    has_webhook(&app, &receiver.url());
    let path = format!("/apps/{}/accounts/u/profile", app.id);
    let (status, answer) = server.admin("PATCH", &path, r#"{"Tag_Profile_IM_Nick": "by hand"}"#);
    assert_eq!(status, 200, "{answer}");
    let file = dir.path().join("accounts.jsonl");
    let line =
        |nick: &str| json!({"UserID": "u", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]});
    let import = |nick: &str, args: &[&str]| {
        std::fs::write(&file, line(nick).to_string()).unwrap();
        let mut command = binary();
        command.args(["import", &app.id.to_string()]).arg(&file).args(args).arg("--data").arg(&data);
        assert!(command.output().unwrap().status.success());
    };
    import("quietly", &[]);
    import("aloud", &["--tell"]);
    let calls = receiver.wait_for(2);
    let told: Vec<(&Value, &Value)> =
        calls.iter().map(|call| (call.value(), &call.body["Operator_Account"])).collect();
    assert_eq!(told, [(&json!("by hand"), &json!("operator")), (&json!("aloud"), &json!("operator"))]);
    show_until(&app, "the outbox to be empty", nothing_waits);
    assert_eq!(receiver.calls().len(), 2);
}

#[test]
fn a_stop_leaves_what_was_not_delivered_for_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let polite = std::sync::Arc::new(AtomicBool::new(false));
    let mood = std::sync::Arc::clone(&polite);
    let receiver =
        Receiver::start(move |_| if mood.load(Ordering::Relaxed) { Reply::Yes } else { Reply::Hang });
    let mut server = TestServer::serve(&data, CONFIG);
    let id = {
        let app = server.app();
        app.import("u");
        has_webhook(&app, &receiver.url());
        set(&app, "u", "first");
        set(&app, "u", "second");
        app.id
    };
    receiver.wait_for(1);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    drop(server);
    polite.store(true, Ordering::Relaxed);
    let before = receiver.calls().len();
    let server = TestServer::serve(&data, CONFIG);
    let calls = receiver.wait_for(before + 2);
    let told: Vec<&Value> = calls[before..].iter().map(Call::value).collect();
    assert_eq!(told, ["first", "second"]);
    assert_eq!(calls[before].event_id(), calls[0].event_id(), "the same event as before the stop");
    show_until(&App { server: &server, id }, "the outbox to be empty", nothing_waits);
}

#[test]
fn the_client_s_address_is_told_also_behind_a_trusted_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let config = format!("[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n{CONFIG}");
    let server = TestServer::serve(&dir.path().join("data"), &config);
    let (app, receiver) = (server.app(), Receiver::polite());
    app.import("u");
    has_webhook(&app, &receiver.url());
    let request = String::from_utf8(app.request("portrait_set", &nick_body("u", "x"))).unwrap();
    let request = request.replacen("\r\n", "\r\nX-Forwarded-For: 198.51.100.7, 203.0.113.9\r\n", 1);
    assert_eq!(server.connect().exchange(request.as_bytes()).unwrap().code(), 0);
    let target = receiver.wait_for(1).remove(0).target;
    assert!(target.contains("&ClientIP=203.0.113.9&"), "{target}");
}

/// More events of one account than are kept in memory: what had no room is read again, in order.
#[test]
fn a_long_line_of_one_account_arrives_in_order() {
    let dir = tempfile::tempdir().unwrap();
    // Slow, and not failing: ten failures in a row would mean a receiver that is down, and no other account would be tried.
    let config = CONFIG.replace("timeout_ms = 300", "timeout_ms = 60000");
    let server = TestServer::serve(&dir.path().join("data"), &config);
    let app = server.app();
    let released = std::sync::Arc::new(AtomicBool::new(false));
    let waited_for = std::sync::Arc::clone(&released);
    let receiver = Receiver::start(move |call| {
        while call.user() == "busy" && !waited_for.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Reply::Yes
    });
    for user in ["busy", "other"] {
        app.import(user);
    }
    has_webhook(&app, &receiver.url());
    for number in 0..200 {
        set(&app, "busy", &number.to_string());
    }
    set(&app, "other", "x");
    receiver.wait_until("the other account", |calls| calls.iter().any(|call| call.user() == "other"));
    released.store(true, Ordering::Relaxed);
    let calls = receiver.wait_until("the last event", |calls| calls.iter().any(|call| call.value() == "199"));
    let mut told: Vec<u32> = calls.iter().filter_map(|call| call.value().as_str()?.parse().ok()).collect();
    told.dedup();
    assert_eq!(told, (0..200).collect::<Vec<_>>());
    show_until(&app, "the outbox to be empty", nothing_waits);
}
