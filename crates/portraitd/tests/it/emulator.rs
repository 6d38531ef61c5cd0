//! The emulator's control API: throw-away apps, resets, snapshots, recorded calls and webhooks, the clock. None of it is
//! in `serve`.

use crate::harness::{App, Connection, KEY, TestServer, binary, path_of, post};
use crate::usersig::{Sign, now};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread;

/// Calls the control API as a caller on this machine does.
pub(crate) fn control(server: &TestServer, method: &str, path: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "{method} /_portraitd{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = server.connect().exchange(request.as_bytes()).unwrap();
    let json = if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() };
    (answer.status, json)
}

/// The same, where it must succeed.
pub(crate) fn done(server: &TestServer, method: &str, path: &str, body: &str) -> Value {
    let (status, answer) = control(server, method, path, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// A throw-away app, called with the UserSig that came with it.
pub(crate) struct Made<'a> {
    pub server: &'a TestServer,
    pub id: u64,
    answer: Value,
}

impl<'a> Made<'a> {
    pub(crate) fn new(server: &'a TestServer, body: &str) -> Self {
        let answer = done(server, "POST", "/apps", body);
        Self { server, id: answer["sdkappid"].as_u64().unwrap(), answer }
    }

    pub(crate) fn request(&self, command: &str, body: &str) -> Vec<u8> {
        let (id, sig) = (self.id, self.answer["usersig"].as_str().unwrap());
        let query = format!("sdkappid={id}&identifier=administrator&usersig={sig}&random=1&contenttype=json");
        post(&format!("{}?{query}", path_of(command)), body)
    }

    pub(crate) fn call(&self, command: &str, body: &Value) -> Value {
        self.server.connect().exchange(&self.request(command, &body.to_string())).unwrap().json()
    }

    pub(crate) fn set(&self, user: &str, nick: &str) -> u64 {
        self.call("portrait_set", &set(user, nick))["ErrorCode"].as_u64().unwrap()
    }

    /// The nickname, `None` without an account or a nickname.
    pub(crate) fn nick(&self, user: &str) -> Option<String> {
        let got =
            self.call("portrait_get", &json!({"To_Account": [user], "TagList": ["Tag_Profile_IM_Nick"]}));
        got["UserProfileItem"][0]["ProfileItem"][0]["Value"].as_str().map(str::to_owned)
    }
}

pub(crate) fn set(user: &str, nick: &str) -> Value {
    json!({"From_Account": user, "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]})
}

#[test]
fn a_throw_away_app_is_like_its_model_and_gone_when_thrown_away() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    assert_eq!(app.nick("alice").as_deref(), Some("Alice"));
    assert_eq!(app.set("alice", "A"), 0);
    let model = server.dev_app();
    let got = model.call("portrait_get", r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#);
    assert_eq!(got["UserProfileItem"][0]["ProfileItem"][0]["Value"], "Alice", "the model is untouched");
    let empty = Made::new(&server, r#"{"empty":true}"#);
    assert_eq!(empty.set("alice", "A"), 40003);
    assert_ne!(app.id, empty.id);
    assert_ne!(app.answer["key"], empty.answer["key"]);
    // Its key signs as any app's does.
    let sig = Sign {
        key: app.answer["key"].as_str().unwrap(),
        sdkappid: app.id,
        identifier: "administrator",
        time: now(),
        expire: 60,
    };
    let query = format!("sdkappid={}&identifier=administrator&usersig={}", app.id, sig.usersig());
    let call = post(&format!("{}?{query}", path_of("portrait_set")), &set("bob", "B").to_string());
    assert_eq!(server.connect().exchange(&call).unwrap().code(), 0);
    assert_eq!(done(&server, "GET", "/apps", ""), json!([app.id, empty.id]));
    done(&server, "DELETE", &format!("/apps/{}", app.id), "");
    assert_eq!(app.set("alice", "A"), 70020);
    assert_eq!(control(&server, "DELETE", &format!("/apps/{}", app.id), "").0, 404);
    assert_eq!(control(&server, "DELETE", "/apps/1400000000", "").0, 404, "not a throw-away app");
    let next = Made::new(&server, "{}");
    assert!(next.id > empty.id, "no number is given twice");
}

/// What waits for the emulator asks without a token, often from outside its container, and often with HEAD.
#[test]
fn its_health_needs_no_token() {
    let server = TestServer::dev();
    assert_eq!(control(&server, "GET", "/health", ""), (200, json!({"status": "ok"})));
    let ask = |address: &str, method: &str, host: &str| {
        let request =
            format!("{method} /_portraitd/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut connection = Connection::open(address);
        connection.send(request.as_bytes());
        connection.read_to_end()
    };
    assert!(ask(&server.address, "HEAD", "localhost").starts_with("HTTP/1.1 200 "));
    assert!(ask(&server.admin_address, "GET", "localhost").starts_with("HTTP/1.1 200 "));
    assert!(ask(&server.address, "GET", "evil.example").starts_with("HTTP/1.1 403 "));
    assert!(ask(&server.address, "POST", "localhost").starts_with("HTTP/1.1 405 "));
    let dir = tempfile::tempdir().unwrap();
    let serve = TestServer::serve(&dir.path().join("data"), "");
    assert!(!ask(&serve.address, "GET", "localhost").contains("\"status\""), "only dev has it");
}

#[test]
fn throw_away_apps_are_bounded_and_a_reset_makes_room() {
    let server = TestServer::dev();
    let mut connection = server.connect();
    let mut make = || connection.exchange(&post("/_portraitd/apps", r#"{"empty":true}"#)).unwrap();
    for _ in 0..250 {
        assert_eq!(make().status, 201);
    }
    let refused = make();
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("there are 250 throw-away apps"), "{}", refused.body);
    done(&server, "POST", "/reset", "");
    assert_eq!(make().status, 201);
}

#[test]
fn a_reset_goes_back_to_the_start_of_one_app_or_of_all() {
    let server = TestServer::dev();
    let (one, other) = (Made::new(&server, "{}"), Made::new(&server, "{}"));
    let dev = server.dev_app();
    dev.import("dora");
    for app in [&one, &other] {
        assert_eq!(app.set("alice", "changed"), 0);
        assert_eq!(app.call("account_import", &json!({"UserID": "dora"}))["ErrorCode"], 0);
    }
    // Settings go back as well.
    let words = server.admin("PUT", &format!("/apps/{}/words", one.id), "Alice\n");
    assert_eq!(words.0, 200, "{}", words.1);
    assert_eq!(one.set("alice", "Alice"), 40005);
    let reset = done(&server, "POST", "/reset", &json!({"app": one.id}).to_string());
    assert_eq!(reset, json!({"app": one.id, "apps": 1, "accounts": 4}));
    assert_eq!((one.nick("alice").as_deref(), one.set("dora", "D")), (Some("Alice"), 40003));
    assert_eq!(one.set("alice", "Alice"), 0);
    assert_eq!((other.nick("alice").as_deref(), other.set("dora", "D")), (Some("changed"), 0));
    done(&server, "POST", "/reset", &json!({"app": other.id, "to": "empty"}).to_string());
    assert_eq!((other.nick("alice"), other.set("alice", "A")), (None, 40003));
    assert_eq!(other.set("administrator", "A"), 0, "admins are accounts");
    done(&server, "POST", "/reset", r#"{"to":"seed"}"#);
    assert_eq!(one.set("alice", "A"), 70020, "a reset of all throws apps away");
    assert_eq!(dev.code("portrait_set", &set("dora", "D").to_string()), 40003);
    assert_eq!(dev.code("portrait_set", &set("alice", "A").to_string()), 0);
    let made = server.app();
    let (status, why) = control(&server, "POST", "/reset", &json!({"app": made.id}).to_string());
    assert_eq!(status, 409, "{why}");
    assert_eq!(control(&server, "POST", "/reset", r#"{"app":5}"#).0, 404);
}

#[test]
fn snapshots_are_saved_restored_listed_and_deleted() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    let of_app = json!({"app": app.id}).to_string();
    app.set("alice", "one");
    let saved = done(&server, "PUT", "/snapshots/one", &of_app);
    assert_eq!(saved, json!({"name": "one", "app": app.id, "apps": 1, "accounts": 4}));
    app.set("alice", "two");
    server.dev_app().import("dora");
    done(&server, "PUT", "/snapshots/%E4%B8%A4%20two", "");
    app.set("alice", "three");
    done(&server, "POST", "/snapshots/one/restore", "");
    assert_eq!(app.nick("alice").as_deref(), Some("one"));
    assert_eq!(server.dev_app().code("portrait_set", &set("dora", "D").to_string()), 0, "another app stays");
    done(&server, "POST", "/reset", "");
    assert_eq!(app.set("alice", "x"), 70020);
    done(&server, "POST", "/snapshots/%E4%B8%A4%20two/restore", "");
    assert_eq!(app.nick("alice").as_deref(), Some("two"), "throw-away apps come back with everything");
    assert_eq!(done(&server, "GET", "/apps", ""), json!([app.id]));
    let names: Vec<String> = done(&server, "GET", "/snapshots", "")
        .as_array()
        .unwrap()
        .iter()
        .map(|snapshot| snapshot["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["one", "两 two"]);
    done(&server, "DELETE", "/snapshots/one", "");
    let (status, why) = control(&server, "POST", "/snapshots/one/restore", "");
    assert_eq!(status, 404);
    assert!(why["error"].as_str().unwrap().contains("两 two"), "{why}");
    for (name, part) in [
        ("a%2Fb", "no slashes"),
        ("a%5Cb", "no slashes"),
        ("%0A", "control"),
        ("..", "more than dots"),
        (&"x".repeat(65), "this one has 65"),
    ] {
        let (status, why) = control(&server, "PUT", &format!("/snapshots/{name}"), "");
        assert_eq!(status, 400, "{name}: {why}");
        assert!(why["error"].as_str().unwrap().contains(part), "{name}: {why}");
    }
    assert_eq!(control(&server, "PUT", "/snapshots/a/b", "").0, 404);
    assert_eq!(control(&server, "PUT", "/snapshots/x", r#"{"app":5}"#).0, 404);
    for number in 0..99 {
        done(&server, "PUT", &format!("/snapshots/{number}"), &of_app);
    }
    let (status, why) = control(&server, "PUT", "/snapshots/more", "");
    assert_eq!(status, 409, "{why}");
    done(&server, "PUT", "/snapshots/5", "");
}

#[test]
fn what_was_called_can_be_asked_for() {
    let server = TestServer::dev();
    let (app, other) = (Made::new(&server, "{}"), Made::new(&server, "{}"));
    app.set("alice", "A");
    app.set("ghost", "G");
    app.call("portrait_get", &json!({"To_Account": ["alice", "bob"], "TagList": ["Tag_Profile_IM_Nick"]}));
    other.set("alice", "A");
    let bad =
        post(&format!("{}?sdkappid={}&identifier=administrator&usersig=bad", path_of("kick"), app.id), "{}");
    assert_eq!(server.connect().exchange(&bad).unwrap().code(), 70003);
    server.connect().exchange(&post("/v4/nothing/here?usersig=hidden", "{}")).unwrap();
    let find =
        |query: &str| done(&server, "GET", &format!("/requests{query}"), "").as_array().unwrap().clone();
    let codes =
        |query: &str| find(query).iter().map(|call| call["code"].as_u64().unwrap()).collect::<Vec<_>>();
    let id = app.id;
    assert_eq!(codes(""), [0, 40003, 0, 0, 70003, 60009]);
    assert_eq!(codes(&format!("?app={id}")), [0, 40003, 0, 70003]);
    assert_eq!(codes(&format!("?app={id}&command=portrait_set")), [0, 40003]);
    assert_eq!(codes("?user=bob"), [0]);
    assert_eq!(codes("?code=40003"), [40003]);
    assert_eq!(codes("?after=3&limit=2"), [70003, 60009]);
    let get = find("?command=portrait_get").remove(0);
    assert_eq!(get["users"], json!(["alice", "bob"]));
    assert_eq!(get["body"]["TagList"][0], "Tag_Profile_IM_Nick");
    assert_eq!(get["answer"]["UserProfileItem"][0]["ProfileItem"][0]["Value"], "A");
    assert_eq!((&get["identifier"], &get["method"]), (&json!("administrator"), &json!("POST")));
    let refused = find("?code=40003").remove(0);
    assert!(refused["detail"].as_str().unwrap().contains("account_import"), "{refused}");
    let all = done(&server, "GET", "/requests", "").to_string();
    for secret in
        ["usersig", "hidden", app.answer["usersig"].as_str().unwrap(), app.answer["key"].as_str().unwrap()]
    {
        assert!(!all.contains(secret), "{secret}");
    }
    // Long bodies are cut, and the ring is bounded.
    let long = json!({"From_Account": "alice", "Padding": "x".repeat(100_000)});
    app.call("portrait_set", &long);
    let kept = find("?limit=1").remove(0);
    assert_eq!(kept["body"].as_str().unwrap().len(), 16 << 10);
    let mut connection = server.connect();
    let call = other.request("account_check", r#"{"CheckItem":[{"UserID":"a"}]}"#);
    for _ in 0..1000 {
        connection.exchange(&call).unwrap();
    }
    assert_eq!(find("").len(), 1000);
    assert!(find(&format!("?app={id}")).is_empty(), "the oldest went");
    assert_eq!(done(&server, "DELETE", &format!("/requests?app={id}"), ""), json!({"removed": 0}));
    assert_eq!(done(&server, "DELETE", "/requests", ""), json!({"removed": 1000}));
    assert!(find("").is_empty());
}

#[test]
fn the_emulator_receives_its_own_webhooks() {
    let server = TestServer::dev();
    let app = Made::new(&server, r#"{"webhook":true}"#);
    let id = app.id;
    app.set("alice", "A");
    app.set("bob", "B");
    let told = done(&server, "GET", &format!("/webhooks?box={id}&count=2&wait_ms=60000"), "");
    assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
    let of_bob = done(&server, "GET", &format!("/webhooks?app={id}&user=bob"), "");
    assert_eq!(of_bob[0]["body"]["ProfileItem"][0]["Value"], "B");
    assert_eq!(of_bob[0]["command"], "Profile.CallbackPortraitSet");
    assert_eq!(of_bob[0]["event_id"].as_str().unwrap().len(), 32);
    let after = told[0]["number"].as_u64().unwrap();
    assert_eq!(done(&server, "GET", &format!("/webhooks?after={after}"), "").as_array().unwrap().len(), 1);
    assert_eq!(
        done(&server, "GET", "/webhooks?count=3&wait_ms=1", "").as_array().unwrap().len(),
        2,
        "not for ever"
    );
    assert_eq!(done(&server, "DELETE", &format!("/webhooks?app={id}"), ""), json!({"removed": 2}));
    for query in ["count=1", "wait_ms=1", "count=1&wait_ms=60001", "boks=1"] {
        assert_eq!(control(&server, "GET", &format!("/webhooks?{query}"), "").0, 400, "{query}");
    }
}

#[test]
fn time_is_set_advanced_frozen_and_released() {
    let server = TestServer::dev_with(&["--limits"]);
    let app = Made::new(&server, r#"{"webhook":true}"#);
    let clock = |body: &str| done(&server, "PUT", "/clock", body);
    // UserSigs expire.
    assert_eq!(app.set("alice", "A"), 0);
    clock(r#"{"advance":"181d"}"#);
    assert_eq!(app.set("alice", "B"), 70001);
    done(&server, "DELETE", "/clock", "");
    assert_eq!(app.set("alice", "B"), 0);
    // Frequency limits stand still with a frozen clock, and a second that passes is a second's allowance.
    let (status, answer) =
        server.admin("PATCH", &format!("/apps/{}", app.id), r#"{"limits":{"account_check":3}}"#);
    assert_eq!(status, 200, "{answer}");
    clock(r#"{"frozen":true}"#);
    let check =
        || app.call("account_check", &json!({"CheckItem": [{"UserID": "a"}]}))["ErrorCode"].as_u64().unwrap();
    assert_eq!([check(), check(), check(), check(), check()], [0, 0, 0, 60007, 60007]);
    clock(r#"{"advance":1000}"#);
    assert_eq!([check(), check(), check(), check()], [0, 0, 0, 60007]);
    // A frozen clock shows the same time twice, and set is set.
    let shown = clock(r#"{"now":"2040-02-29T12:00:00Z"}"#);
    assert_eq!((&shown["now"], &shown["frozen"]), (&json!("2040-02-29T12:00:00.000Z"), &json!(true)));
    assert_eq!(done(&server, "GET", "/clock", "")["now"], "2040-02-29T12:00:00.000Z");
    // What is made now is signed now.
    let later = Made::new(&server, r#"{"webhook":true}"#);
    assert_eq!(later.set("alice", "C"), 0);
    let told = done(&server, "GET", &format!("/webhooks?app={}&count=1&wait_ms=60000", later.id), "");
    assert_eq!(told[0]["body"]["EventTime"], 2_214_129_600_000_u64);
    // A kick is in the emulator's time.
    assert_eq!(later.call("kick", &json!({"UserID": "administrator"}))["ErrorCode"], 0);
    assert_eq!(later.set("alice", "D"), 70052);
    done(&server, "POST", "/reset", "");
    assert_eq!(done(&server, "GET", "/clock", "")["ahead_ms"], 0, "a reset releases the clock");
    for (body, part) in [
        ("{}", "say at least one"),
        (r#"{"now":"tomorrow"}"#, "now: write it as"),
        (r#"{"now":-1}"#, "text or a whole number"),
        (r#"{"advance":"1 week"}"#, "advance: write it as"),
        (r#"{"advance":"40000d"}"#, "at most 36600d"),
        (r#"{"frozen":"yes"}"#, "invalid type: string"),
        (r#"{"freeze":true}"#, "unknown field `freeze`"),
    ] {
        let (status, why) = control(&server, "PUT", "/clock", body);
        assert_eq!(status, 400, "{body}: {why}");
        assert!(why["error"].as_str().unwrap().contains(part), "{body}: {why}");
    }
}

/// Seven centuries have more nanoseconds than 64 bits count.
#[test]
fn centuries_ahead_limits_let_through_what_they_say() {
    let server = TestServer::dev_with(&["--limits"]);
    for _ in 0..7 {
        done(&server, "PUT", "/clock", r#"{"frozen":true,"advance":"36600d"}"#);
    }
    let app = Made::new(&server, "{}");
    let limits = r#"{"limits":{"account_check":2}}"#;
    assert_eq!(server.admin("PATCH", &format!("/apps/{}", app.id), limits).0, 200);
    let check = || app.call("account_check", &json!({"CheckItem": [{"UserID": "a"}]}))["ErrorCode"].clone();
    for _ in 0..3 {
        assert_eq!([check(), check(), check()], [0, 0, 60007]);
        done(&server, "PUT", "/clock", r#"{"advance":1000}"#);
    }
}

/// A webhook that failed is due in the emulator's time: nobody waits five real minutes for it.
#[test]
fn webhook_schedules_go_by_the_clock() {
    let receiver = crate::receiver::Receiver::start(|_| crate::receiver::Reply::Http(500, String::new()));
    let server = TestServer::dev_with(&["--webhook", &receiver.url()]);
    done(&server, "PUT", "/clock", r#"{"frozen":true}"#);
    assert_eq!(server.dev_app().code("portrait_set", &set("alice", "A").to_string()), 0);
    let id = receiver.wait_for(1)[0].event_id().to_owned();
    // At most a fifth is added to the waits of 5 s, 5 min and 30 min.
    for (attempt, advance) in [(2, "6s"), (3, "6m"), (4, "36m")] {
        let events = || server.admin("GET", "/apps/1400000000/webhook/events?state=waiting", "").1;
        while !events().contains(&format!("\"attempts\":{}", attempt - 1)) {
            thread::yield_now();
        }
        done(&server, "PUT", "/clock", &json!({"advance": advance}).to_string());
        let calls = receiver.wait_for(attempt);
        assert!(calls.iter().all(|call| call.event_id() == id));
    }
}

/// Issue 5, show 3.
#[test]
fn fifty_parallel_tests_do_not_meet() {
    let server = TestServer::dev();
    let ids: Vec<u64> = thread::scope(|scope| {
        let tests: Vec<_> = (0..50)
            .map(|number| {
                scope.spawn({
                    let server = &server;
                    move || one_of_fifty(server, number)
                })
            })
            .collect();
        tests.into_iter().map(|test| test.join().unwrap()).collect()
    });
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 50);
    assert_eq!(done(&server, "GET", "/apps", ""), json!([]));
    assert_eq!(done(&server, "GET", "/faults", ""), json!([]));
}

/// What one test does, with names that all of them use.
fn one_of_fifty(server: &TestServer, number: usize) -> u64 {
    let app = Made::new(server, r#"{"webhook":true}"#);
    let (id, name) = (app.id, format!("test {number}"));
    let of_app = json!({"app": id}).to_string();
    done(server, "PUT", &format!("/snapshots/{id}"), &of_app);
    for round in 0..3 {
        let nick = format!("{name}.{round}");
        assert_eq!(app.nick("alice").as_deref(), Some("Alice"));
        assert_eq!(app.set("alice", &nick), 0);
        assert_eq!(app.call("account_import", &json!({"UserID": "dora", "Nick": nick}))["ErrorCode"], 0);
        let fault = json!({"app": id, "command": "portrait_set", "next": 1, "code": 40006});
        done(server, "POST", "/faults", &fault.to_string());
        assert_eq!((app.set("dora", "x"), app.set("dora", &name)), (40006, 0));
        let told = done(server, "GET", &format!("/webhooks?app={id}&count=3&wait_ms=60000"), "");
        let values: Vec<_> =
            told.as_array().unwrap().iter().map(|told| &told["body"]["ProfileItem"][0]["Value"]).collect();
        assert_eq!(values.len(), 3, "{told}");
        assert!(values.iter().all(|value| value.as_str().unwrap().starts_with(&name)), "{values:?}");
        let calls = done(server, "GET", &format!("/requests?app={id}&command=portrait_set"), "");
        let codes: Vec<_> = calls.as_array().unwrap().iter().map(|call| &call["code"]).collect();
        assert_eq!(codes, [0, 40006, 0]);
        if round % 2 == 0 {
            done(server, "POST", "/reset", &of_app);
        } else {
            done(server, "POST", &format!("/snapshots/{id}/restore"), "");
            for path in ["requests", "webhooks", "faults"] {
                done(server, "DELETE", &format!("/{path}?app={id}"), "");
            }
        }
        assert_eq!(app.set("dora", "x"), 40003);
        done(server, "DELETE", &format!("/requests?app={id}"), "");
    }
    done(server, "DELETE", &format!("/apps/{id}"), "");
    id
}

#[test]
fn what_is_asked_wrongly_is_named() {
    let server = TestServer::dev();
    let cases = [
        ("POST", "/apps", r#"{"likes":1}"#, 400, "unknown field `likes`, expected one of `like`"),
        ("POST", "/apps", r#"{"empty":1}"#, 400, "invalid type: integer `1`, expected a boolean"),
        ("POST", "/apps", "{", 400, "EOF"),
        ("POST", "/apps", r#"{"like":7}"#, 404, "there was no app 7 when the emulator started"),
        ("POST", "/reset", r#"{"to":"nothing"}"#, 400, "expected `seed` or `empty`"),
        ("POST", "/reset", "7", 400, "the body can't be used"),
        ("DELETE", "/apps/x", "", 400, "not an SDKAppID"),
        ("DELETE", "/faults/x", "", 400, "not the id of a fault rule"),
        ("DELETE", "/faults/1", "", 404, "no fault rule 1"),
        ("DELETE", "/faults?app=7", "", 404, "no app 7"),
        ("GET", "/requests?comand=x", "", 400, "unknown field `comand`"),
        ("GET", "/requests?command=portrait_sett", "", 400, "did you mean portrait_set?"),
        ("GET", "/requests?limit=many", "", 400, "invalid digit"),
        ("GET", "/nothing", "", 404, "GET /_portraitd/ lists all"),
        ("GET", "/reset", "", 405, "GET /_portraitd/ lists all"),
    ];
    for (method, path, body, status, part) in cases {
        let (found, why) = control(&server, method, path, body);
        assert_eq!(found, status, "{method} {path} {body}: {why}");
        assert!(why["error"].as_str().unwrap().contains(part), "{method} {path} {body}: {why}");
    }
    let (status, why) = control(&server, "POST", "/faults", &format!("\"{}\"", "x".repeat(1 << 20)));
    assert_eq!((status, why["error"].as_str().unwrap()), (413, "the body is larger than 1 MiB"));
    // The index names everything with an example, and every example that is a body is one.
    let index = done(&server, "GET", "/", "");
    assert_eq!(index, done(&server, "GET", "", ""));
    for route in index["resources"].as_array().unwrap() {
        let (method, path) = (route["method"].as_str().unwrap(), route["path"].as_str().unwrap());
        let path = path.strip_prefix("/_portraitd").unwrap().replace(['{', '}'], "");
        let body = if route["example"].is_object() { route["example"].to_string() } else { String::new() };
        let body = body.replace("1600000000", "1400000000");
        let (status, why) = control(&server, method, &path, &body);
        assert!(
            status < 400
                || (status == 404 && !why.to_string().contains("no such resource"))
                || path.contains("/apps/app")
                || path.contains("/faults/id"),
            "{method} {path} {body}: {status} {why}"
        );
    }
}

#[test]
fn only_local_pages_and_callers_get_in() {
    let server = TestServer::dev();
    let ask = |address: &str, headers: &str| {
        let request = format!("POST /_portraitd/reset HTTP/1.1\r\n{headers}Content-Length: 0\r\n\r\n");
        Connection::open(address).exchange(request.as_bytes()).unwrap().status
    };
    assert_eq!(ask(&server.address, "Host: localhost\r\n"), 200);
    assert_eq!(ask(&server.address, "Host: evil.example\r\n"), 403);
    assert_eq!(ask(&server.address, "Host: localhost\r\nOrigin: https://evil.example\r\n"), 403);
    assert_eq!(ask(&server.address, "Host: localhost\r\nOrigin: null\r\n"), 403);
    // The admin listener wants its token, also from here.
    assert_eq!(ask(&server.admin_address, "Host: localhost\r\n"), 401);
    let token = format!("Host: localhost\r\nAuthorization: Bearer {}\r\n", server.admin_token);
    assert_eq!(ask(&server.admin_address, &token), 200);
    // A page of another origin needs no `Origin` that tells: a form, a picture, a page of another port.
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let from = format!("Host: localhost\r\nSec-Fetch-Site: {site}\r\n");
        assert_eq!(ask(&server.address, &from), status, "{site}");
        assert_eq!(
            ask(&server.admin_address, &format!("{token}Sec-Fetch-Site: {site}\r\n")),
            status,
            "{site}"
        );
        let local = format!("{from}Origin: http://localhost:3000\r\n");
        assert_eq!(ask(&server.address, &local), status, "{site}");
    }
    let chosen = TestServer::dev_with(&["--admin-token", "a-token-of-my-own"]);
    assert_eq!(chosen.admin_token, "a-token-of-my-own");
}

#[test]
fn no_page_can_embed_an_answer_or_take_it_for_a_script() {
    let server = TestServer::dev();
    for (path, headers) in [
        ("/_portraitd/health", "Host: localhost\r\n"),
        ("/_portraitd/apps", "Host: localhost\r\n"),
        ("/_portraitd/apps", "Host: evil.example\r\n"),
        ("/_portraitd/apps", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"),
        ("/_portraitd/nope", "Host: localhost\r\n"),
        ("/_portraitd/live", "Host: localhost\r\n"),
        ("/admin/v1/apps", "Host: localhost\r\n"),
    ] {
        for address in [&server.address, &server.admin_address] {
            let request = format!("GET {path} HTTP/1.1\r\n{headers}\r\n");
            let mut connection = Connection::open(address);
            connection.send(request.as_bytes());
            let head = connection.raw_head().unwrap().to_ascii_lowercase();
            for header in
                ["x-content-type-options: nosniff\r\n", "cross-origin-resource-policy: same-origin\r\n"]
            {
                assert!(head.contains(header), "{address} {path} {headers}: {head}");
            }
        }
    }
}

#[test]
fn data_on_a_disk_is_not_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    let writes =
        [("POST", "/reset"), ("PUT", "/snapshots/a"), ("POST", "/snapshots/a/restore"), ("POST", "/apps")];
    for (method, path) in writes {
        let (status, why) = control(&server, method, path, "");
        assert_eq!(status, 409, "{path}");
        assert!(why["error"].as_str().unwrap().contains("start portraitd dev without --data"), "{why}");
    }
    // What touches no data works.
    done(&server, "POST", "/faults", r#"{"next":1,"code":40006}"#);
    assert_eq!(server.dev_app().code("portrait_set", &set("alice", "A").to_string()), 40006);
    assert_eq!(done(&server, "GET", "/requests", "").as_array().unwrap().len(), 1);
    done(&server, "PUT", "/clock", r#"{"advance":"1d"}"#);
}

/// None of this is in `serve`: no route on either listener, no flag, no effect.
#[test]
fn serve_has_no_emulator() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "");
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/reset"),
        ("POST", "/apps"),
        ("POST", "/faults"),
        ("PUT", "/clock"),
        ("GET", "/requests"),
    ] {
        let request = format!(
            "{method} /_portraitd{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 2\r\n\r\n{{}}",
            server.admin_token
        );
        let public = server.connect().exchange(request.as_bytes()).unwrap();
        let code = public.code();
        assert!([60002, 60009].contains(&code), "{method} {path}: {code}");
        let admin = Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap();
        assert_eq!(admin.status, 404, "{method} {path}: {}", admin.body);
    }
    for flag in ["--faults", "--seed", "--export-on-exit", "--admin-token"] {
        let refused = binary().args(["serve", flag, "x"]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{flag}");
    }
    let (status, _) =
        server.admin("POST", "/apps", &json!({"sdkappid": 1_500_000_000, "key": KEY}).to_string());
    assert_eq!(status, 201);
    let app = App { server: &server, id: 1_500_000_000 };
    let answer = server.connect().exchange(&app.request("portrait_set", "{}")).unwrap();
    assert_eq!(answer.header("x-portraitd-fault"), None);
}
