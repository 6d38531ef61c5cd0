//! Faults by rule: each kind as a client meets it, and the retry that must survive them.

use crate::emulator::{Made, control, done, set};
use crate::harness::{KEY, TestServer, binary};
use serde_json::{Value, json};
use std::thread;

fn fault(server: &TestServer, rule: &Value) -> Value {
    done(server, "POST", "/faults", &rule.to_string())
}

/// A client that sends a call again until it is answered; how often it had to.
fn insist(app: &Made<'_>, command: &str, body: &Value) -> usize {
    let request = app.request(command, &body.to_string());
    let answered = |_: &usize| {
        let answer = app.server.connect().exchange(&request);
        answer.is_some_and(|answer| {
            serde_json::from_str::<Value>(&answer.body).is_ok_and(|answer| answer["ErrorCode"] == 0)
        })
    };
    (1..20).find(answered).unwrap()
}

/// Issue 5, show 2: the answer is lost after the commit, the client repeats the call, and there is one change and one
/// event.
#[test]
fn a_call_repeated_after_a_lost_answer_is_one_change_and_one_event() {
    let server = TestServer::dev();
    let app = Made::new(&server, r#"{"webhook":true}"#);
    fault(
        &server,
        &json!({"app": app.id, "command": "portrait_set", "user": "alice", "next": 1, "close": "after"}),
    );
    assert_eq!(insist(&app, "portrait_set", &set("alice", "A")), 2);
    assert_eq!(app.nick("alice").as_deref(), Some("A"));
    // Events of one account are told in order: when this one has come, nothing of alice's before it is missing.
    assert_eq!(app.set("alice", "B"), 0);
    let told = told(&app, 2);
    assert_eq!(told, ["A", "B"], "the repeated call made no event of its own");
    let calls = done(&server, "GET", &format!("/requests?app={}&command=portrait_set", app.id), "");
    assert_eq!(calls[0]["fault"]["effect"], "closed after, answer lost");
    assert_eq!(
        (&calls[0]["code"], &calls[1]["code"], &calls[1]["fault"]),
        (&json!(0), &json!(0), &Value::Null)
    );
}

/// The same with somebody else's change in between: then the repeat changes the value back, and that is told.
#[test]
fn a_repeated_call_that_undoes_another_is_told() {
    let server = TestServer::dev();
    let app = Made::new(&server, r#"{"webhook":true}"#);
    fault(&server, &json!({"app": app.id, "next": 1, "close": "after"}));
    let lost = app.request("portrait_set", &set("alice", "A").to_string());
    assert!(server.connect().exchange(&lost).is_none());
    assert_eq!(app.set("alice", "B"), 0);
    assert_eq!(server.connect().exchange(&lost).unwrap().code(), 0);
    assert_eq!(app.nick("alice").as_deref(), Some("A"));
    assert_eq!(app.set("alice", "end"), 0);
    assert_eq!(told(&app, 4), ["A", "B", "A", "end"]);
}

/// Retries of accounts: imported once, told once.
#[test]
fn an_import_repeated_after_a_lost_answer_is_told_once() {
    let server = TestServer::dev();
    let app = Made::new(&server, r#"{"webhook":true}"#);
    fault(&server, &json!({"app": app.id, "next": 2, "close": "after"}));
    assert_eq!(insist(&app, "account_import", &json!({"UserID": "dora", "Nick": "D"})), 3);
    assert_eq!(app.set("dora", "end"), 0);
    assert_eq!(told(&app, 2), ["D", "end"]);
}

/// The values that were told, once so many calls have come; each under an id of its own.
fn told(app: &Made<'_>, count: usize) -> Vec<String> {
    let path = format!("/webhooks?app={}&count={count}&wait_ms=60000", app.id);
    let told = done(app.server, "GET", &path, "").as_array().unwrap().clone();
    let mut ids: Vec<_> = told.iter().map(|told| told["event_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len());
    told.iter().map(|told| told["body"]["ProfileItem"][0]["Value"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_connection_closed_before_has_done_nothing() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    fault(&server, &json!({"app": app.id, "next": 1, "close": "before"}));
    let request = app.request("portrait_set", &set("alice", "A").to_string());
    assert!(server.connect().exchange(&request).is_none());
    assert_eq!(app.nick("alice").as_deref(), Some("Alice"));
    let call = done(&server, "GET", &format!("/requests?app={}&limit=2", app.id), "")[0].clone();
    assert_eq!((&call["code"], &call["answer"]), (&Value::Null, &Value::Null));
    assert_eq!(call["fault"]["effect"], "closed before");
}

#[test]
fn any_code_is_answered_as_the_contract_words_it() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    let cases = [
        (60007, "REST API call frequency exceeds the limit"),
        (40006, "Err_Profile_Internal"),
        (70009, "UserSig verification Failed"),
        (60008, "Request timed out"),
        (60010, "The request requires App admin permission"),
        (80001, "The text contains sensitive content"),
    ];
    for (code, info) in cases {
        fault(&server, &json!({"app": app.id, "command": "portrait_set", "next": 1, "code": code}));
        let answer = app.call("portrait_set", &set("alice", "A"));
        assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&json!("FAIL"), &json!(code)));
        assert!(answer["ErrorInfo"].as_str().unwrap().starts_with(info), "{answer}");
        assert_ne!(answer["ErrorDisplay"].as_str().unwrap(), "", "dev explains every error: {answer}");
        assert_eq!(app.nick("alice").as_deref(), Some("Alice"), "nothing was done");
    }
    let answer = server.connect().exchange(&app.request("portrait_set", &set("alice", "A").to_string()));
    assert_eq!(answer.unwrap().header("x-portraitd-fault"), None);
}

#[test]
fn broken_answers_are_broken_and_what_was_asked_is_done() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    let whole = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
    for (number, how) in ["cut-json", "cut-body", "empty", "html"].into_iter().enumerate() {
        let rule =
            fault(&server, &json!({"app": app.id, "command": "portrait_set", "next": 1, "malformed": how}));
        let nick = format!("nick {number}");
        let request = app.request("portrait_set", &set("alice", &nick).to_string());
        let mut connection = server.connect();
        connection.send(&request);
        if how == "cut-body" {
            let all = connection.read_to_end();
            assert!(all.contains("content-length: 68\r\n"), "{all}");
            assert!(all.ends_with(&whole[..34]), "{all}");
        } else {
            let answer = connection.answer().unwrap();
            assert_eq!(answer.header("x-portraitd-fault"), Some(rule["id"].to_string().as_str()));
            match how {
                "cut-json" => assert_eq!((answer.status, answer.body.as_str()), (200, &whole[..34])),
                "empty" => assert_eq!((answer.status, answer.body.as_str()), (200, "")),
                _ => assert!(answer.status == 502 && answer.body.starts_with("<html>"), "{answer:?}"),
            }
            // The connection goes on.
            assert_eq!(
                connection
                    .exchange(&app.request("account_check", r#"{"CheckItem":[{"UserID":"a"}]}"#))
                    .unwrap()
                    .code(),
                0
            );
        }
        assert_eq!(app.nick("alice"), Some(nick), "{how}");
    }
}

#[test]
fn answers_of_another_shape_lack_one_thing() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    let rule = |rule: Value| {
        let mut rule = rule;
        rule["app"] = json!(app.id);
        rule["next"] = json!(1);
        fault(&server, &rule)
    };
    rule(json!({"malformed": "no-action-status"}));
    let answer = app.call("portrait_set", &set("alice", "A"));
    assert_eq!(answer, json!({"ErrorCode": 0, "ErrorInfo": "", "ErrorDisplay": ""}));
    rule(json!({"malformed": "string-code"}));
    let answer = app.call("portrait_set", &set("alice", "B"));
    assert_eq!(answer, json!({"ActionStatus": "OK", "ErrorCode": "0", "ErrorInfo": "", "ErrorDisplay": ""}));
    assert_eq!(app.nick("alice").as_deref(), Some("B"), "both were done");
    // With a code nothing is done, and the answer is that of the code.
    let listed = rule(json!({"code": 60003, "malformed": "string-code"}));
    assert_eq!(listed["effect"], "code 60003, string-code");
    let answer = app.call("portrait_set", &set("alice", "C"));
    assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&json!("FAIL"), &json!("60003")));
    rule(json!({"code": 60003, "malformed": "no-action-status"}));
    let answer = app.call("portrait_set", &set("alice", "C"));
    assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&Value::Null, &json!(60003)));
    rule(json!({"code": 40006, "malformed": "html"}));
    let request = app.request("portrait_set", &set("alice", "C").to_string());
    let answer = server.connect().exchange(&request).unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html")));
    assert_eq!(app.nick("alice").as_deref(), Some("B"), "none of these was done");
    // The record has the number, whatever was sent.
    let codes = done(&server, "GET", &format!("/requests?app={}&code=60003", app.id), "");
    assert_eq!(codes.as_array().unwrap().len(), 2);
}

/// A rule of one regional name: that host fails, the other answers.
#[test]
fn a_rule_names_the_host_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faults.toml");
    std::fs::write(&file, "[[fault]]\nhost = \"Console.TIM.qq.com\"\nnext = 1\nmalformed = \"html\"\n")
        .unwrap();
    let server = TestServer::dev_with(&["--faults", file.to_str().unwrap()]);
    let app = server.dev_app();
    let call = |host: &str| {
        let request = app.request("portrait_set", &set("alice", "A").to_string());
        let request =
            String::from_utf8(request).unwrap().replace("Host: localhost", &format!("Host: {host}"));
        server.connect().exchange(request.as_bytes())
    };
    let (china, singapore) = ("console.tim.qq.com", "adminapisgp.im.qcloud.com");
    assert_eq!(call(singapore).unwrap().code(), 0);
    assert_eq!(call(china).unwrap().status, 502);
    assert_eq!(call(china).unwrap().code(), 0);
    fault(&server, &json!({"host": singapore, "code": 60008}));
    let codes = [singapore, "ADMINAPISGP.im.qcloud.com:80", china, "localhost"]
        .map(|host| call(host).unwrap().code());
    assert_eq!(codes, [60008, 60008, 0, 0]);
    done(&server, "DELETE", "/faults", "");
    let url = format!("http://{}", server.address);
    let added = binary()
        .args(["emulator", "--url", &url, "faults", "add", "--host", china, "--close", "before"])
        .output();
    assert!(added.unwrap().status.success());
    assert!(call(china).is_none());
    assert_eq!(call(singapore).unwrap().code(), 0);
    let (status, why) =
        control(&server, "POST", "/faults", r#"{"host":"https://console.tim.qq.com","code":40006}"#);
    assert_eq!(status, 400);
    assert!(why["error"].as_str().unwrap().contains("without scheme, port and path"), "{why}");
}

#[test]
fn slow_and_late_answers_are_whole() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    fault(&server, &json!({"app": app.id, "command": "portrait_set", "next": 1, "drip_ms": 1}));
    fault(&server, &json!({"app": app.id, "command": "portrait_set", "next": 1, "delay_ms": 50}));
    fault(
        &server,
        &json!({"app": app.id, "command": "portrait_set", "next": 1, "delay_ms": 50, "code": 60008}),
    );
    let mut connection = server.connect();
    let request = app.request("portrait_set", &set("alice", "A").to_string());
    let mut code = || connection.exchange(&request).unwrap().code();
    assert_eq!([code(), code(), code(), code()], [0, 0, 60008, 0], "one connection carries them all");
    let calls = done(&server, "GET", &format!("/requests?app={}&command=portrait_set", app.id), "");
    let micros = |index: usize| calls[index]["micros"].as_u64().unwrap();
    assert!(micros(1) >= 50_000 && micros(2) >= 50_000, "{calls}");
}

#[test]
fn a_rule_hits_what_it_names_and_is_counted() {
    let server = TestServer::dev();
    let (app, other) = (Made::new(&server, "{}"), Made::new(&server, "{}"));
    let rule = json!({"app": app.id, "command": "portrait_set", "user": "bob", "probability": 0.5, "seed": 7, "code": 40006});
    let first = fault(&server, &rule);
    assert_eq!((&first["matched"], &first["warning"]), (&json!(0), &json!("no call has matched this rule")));
    assert_eq!((app.set("alice", "A"), other.set("bob", "B")), (0, 0));
    let mut codes: Vec<u64> = (0..40).map(|_| app.set("bob", "B")).collect();
    let fired = codes.iter().filter(|code| **code == 40006).count();
    assert!((5..=35).contains(&fired), "{fired} of 40");
    let listed = done(&server, "GET", "/faults", "")[0].clone();
    assert_eq!((&listed["matched"], &listed["fired"]), (&json!(40), &json!(fired)));
    // The same seed throws the same dice.
    done(&server, "DELETE", &format!("/faults/{}", first["id"]), "");
    fault(&server, &rule);
    let again: Vec<u64> = (0..40).map(|_| app.set("bob", "B")).collect();
    assert_eq!(std::mem::take(&mut codes), again);
    done(&server, "DELETE", &format!("/faults?app={}", app.id), "");
    // Any account that a body names counts.
    fault(&server, &json!({"user": "carol", "next": 1, "code": 40006}));
    assert_eq!(app.nick("carol"), None);
    assert_eq!(app.nick("carol").as_deref(), Some("卡萝"));
    let next = fault(&server, &json!({"app": app.id, "next": 3, "code": 60007}));
    assert_eq!(next["left"], 3);
    let codes: Vec<u64> = (0..5).map(|_| app.set("alice", "A")).collect();
    assert_eq!(codes, [60007, 60007, 60007, 0, 0]);
    assert_eq!(done(&server, "DELETE", "/faults", ""), json!({"removed": 2}));
    assert_eq!(control(&server, "POST", "/faults", r#"{"command":"portrait_sett","code":40006}"#).0, 400);
    let (_, why) = control(&server, "POST", "/faults", r#"{"app":1400000001,"code":40006}"#);
    assert!(why["error"].as_str().unwrap().contains("the nearest is 1400000000"), "{why}");
}

/// The next N are N, whoever comes first.
#[test]
fn the_next_n_are_n_under_load() {
    let server = TestServer::dev();
    let app = Made::new(&server, "{}");
    fault(&server, &json!({"app": app.id, "next": 10, "code": 40006}));
    let codes: Vec<u64> = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..5).map(|_| app.set("alice", "A")).collect::<Vec<_>>()))
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 40006).count(), 10);
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 30);
}

#[test]
fn faults_come_from_a_file_and_idle_ones_are_told_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faults.toml");
    let rules = "[[fault]]\ncommand = \"portrait_set\"\nnext = 1\ncode = 40006\n\n[[fault]]\ncommand = \"kick\"\ncode = 70500\n";
    std::fs::write(&file, rules).unwrap();
    let mut server = TestServer::dev_with(&["--faults", file.to_str().unwrap()]);
    let code = || server.dev_app().code("portrait_set", &set("alice", "A").to_string());
    assert_eq!([code(), code()], [40006, 0]);
    fault(&server, &json!({"code": 40006, "next": 1}));
    done(&server, "POST", "/reset", "");
    let listed = done(&server, "GET", "/faults", "");
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["left"]), (2, &json!(1)), "as at the start");
    assert_eq!([code(), code()], [40006, 0]);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    let log = server.log();
    assert!(log.contains("fault 2: no call has matched this rule") && !log.contains("fault 1"), "{log}");
    let refused = |text: &str, part: &str| {
        std::fs::write(&file, text).unwrap();
        let output = binary()
            .args(["dev", "--key", KEY, "--listen", "127.0.0.1:0", "--faults"])
            .arg(&file)
            .output()
            .unwrap();
        let why = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{why}");
        assert!(why.contains(part), "{why}");
    };
    refused(
        "[[fault]]\ncode = 40006\n\n[[fault]]\ncommand = \"kik\"\ncode = 70500\n",
        "line 4: command: there is no command `kik`; did you mean kick?",
    );
    refused("[[fault]]\nkode = 40006\n", "unknown field `kode`");
    refused("[[fault]\n", "line 1");
}
