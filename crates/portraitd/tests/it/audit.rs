//! The audit log: who changed what, and which tokens may.

use crate::cli::{on, refused, run};
use crate::harness::{Connection, KEY, TestServer};
use serde_json::{Value, json};

/// Calls the admin API with a token.
fn call(server: &TestServer, token: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "{method} /admin/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap();
    (answer.status, answer.body)
}

fn create(server: &TestServer, name: &str) -> String {
    let (status, answer) = server.admin("POST", "/tokens", &json!({ "name": name }).to_string());
    assert_eq!(status, 201, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["token"].as_str().unwrap().to_owned()
}

fn log(server: &TestServer, query: &str) -> Vec<Value> {
    let (status, answer) = server.admin("GET", &format!("/audit{query}"), "");
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["entries"].as_array().unwrap().clone()
}

#[test]
fn tokens_are_made_named_and_revoked() {
    let server = TestServer::dev();
    let (one, other) = (create(&server, "ci"), create(&server, "shop.back-end"));
    assert_eq!((one.len(), one == other), (48, false));
    for token in [&one, &other, &server.admin_token] {
        assert_eq!(call(&server, token, "GET", "/apps", "").0, 200);
    }
    for wrong in ["", "x", &one[1..], &format!("{one}0"), &one.to_uppercase()] {
        assert_eq!(call(&server, wrong, "GET", "/apps", "").0, 401, "{wrong}");
    }
    let (_, listed) = server.admin("GET", "/tokens", "");
    assert!(listed.contains(r#""role":"admin""#) && !listed.contains("viewer"), "{listed}");
    let names: Value = serde_json::from_str(&listed).unwrap();
    let names: Vec<&str> =
        names.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["local", "ci", "shop.back-end"]);
    assert!(!listed.contains(&one) && !listed.contains(&one[..16]), "{listed}");
    for (name, status) in [("ci", 409), ("local", 409), ("", 400), ("a b", 400), (&"x".repeat(65), 400)] {
        assert_eq!(server.admin("POST", "/tokens", &json!({ "name": name }).to_string()).0, status, "{name}");
    }
    let (status, answer) = server.admin("POST", "/tokens", r#"{"name":"x","role":"root"}"#);
    assert_eq!(status, 400);
    assert!(answer.contains("role: `root` is not viewer, operator or admin"), "{answer}");
    assert_eq!(call(&server, &other, "DELETE", "/tokens/ci", "").0, 204);
    assert_eq!(call(&server, &one, "GET", "/apps", "").0, 401, "with the next request");
    assert_eq!(server.admin("DELETE", "/tokens/ci", "").0, 404);
    assert_eq!(server.admin("DELETE", "/tokens/local", "").0, 409);
    assert_ne!(create(&server, "ci"), one);
}

fn set_hook() -> Value {
    json!({"webhook": {"url": "http://127.0.0.1:9/hook", "token": "set"}})
}

/// Method, resource of an app, body, and what is written down.
fn changes() -> Vec<(&'static str, &'static str, &'static str, Value, Value)> {
    vec![
        (
            "PATCH",
            "",
            r#"{"enabled":false,"limits":{"kick":7}}"#,
            json!({"enabled": true, "limits": {"kick": 200}}),
            json!({"enabled": false, "limits": {"kick": 7}}),
        ),
        ("POST", "/keys", "{}", json!({"keys": [1]}), json!({"keys": [1, 2]})),
        ("DELETE", "/keys/1", "", json!({"keys": [1, 2]}), json!({"keys": [2]})),
        (
            "PUT",
            "/admins/ops",
            "",
            json!({"admins": ["administrator"]}),
            json!({"admins": ["administrator", "ops"]}),
        ),
        (
            "PUT",
            "/fields/F",
            r#"{"type":"uint64","read":["app"],"write":["admin"]}"#,
            json!({"fields": {}}),
            json!({"fields": {"F": {"keyword": "F", "type": "uint64", "read": ["app"], "write": ["admin"], "retired": false}}}),
        ),
        (
            "DELETE",
            "/fields/F",
            "",
            json!({"fields": {"F": {"retired": false}}}),
            json!({"fields": {"F": {"retired": true}}}),
        ),
        (
            "PUT",
            "/words",
            "a\nb\n",
            json!({"words": {"count": 0}}),
            json!({"words": {"count": 2, "added": 2, "removed": 0}}),
        ),
        (
            "PUT",
            "/webhook",
            r#"{"url":"http://127.0.0.1:9/hook?s=hidden","token":"hidden"}"#,
            json!({"webhook": null}),
            set_hook(),
        ),
        (
            "PUT",
            "/webhook",
            r#"{"url":"http://127.0.0.1:9/hook","token":"hidden2"}"#,
            json!({"webhook": {"token": "set"}}),
            json!({"webhook": {"token": "another"}}),
        ),
        ("DELETE", "/webhook", "", set_hook(), json!({"webhook": null})),
        ("PUT", "/accounts/u", "", Value::Null, json!({"exists": true})),
        (
            "PATCH",
            "/accounts/u/profile",
            r#"{"Tag_Profile_IM_Nick":"hidden"}"#,
            Value::Null,
            json!({"tags": ["Tag_Profile_IM_Nick"]}),
        ),
        ("POST", "/import", "{\"UserID\":\"v\"}\nhalf", Value::Null, json!({"imported": 1, "refused": 1})),
        ("POST", "/webhook/drop", "{}", Value::Null, Value::Null),
        ("DELETE", "/accounts/u", "", json!({"exists": true}), json!({"exists": false})),
    ]
}

#[test]
fn every_change_is_written_down_with_who_and_what() {
    let server = TestServer::dev();
    let app = server.app();
    let ci = create(&server, "ci");
    let path = format!("/apps/{}", app.id);
    for (method, below, body, before, after) in changes() {
        let resource = format!("{path}{below}");
        let (status, answer) = call(&server, &ci, method, &resource, body);
        assert!(status < 300, "{resource}: {status} {answer}");
        let newest = log(&server, "?limit=1").remove(0);
        // Nothing waits and nothing is parked: there is nothing to write down.
        if below == "/webhook/drop" {
            assert_ne!(newest["resource"], resource);
            continue;
        }
        let shown = resource.replace("/accounts/u", "/accounts/sha256:0bfe935e70c321c7");
        let expected = json!({
            "place": newest["place"], "at_ms": newest["at_ms"], "sdkappid": app.id, "who": "ci", "role": "admin", "from": "127.0.0.1",
            "method": method, "resource": shown, "outcome": "done", "before": before, "after": after,
        });
        assert_eq!(newest, expected);
    }
    let all = log(&server, &format!("?app={}", app.id));
    assert_eq!(all.len(), 15, "with the app's creation");
    assert_eq!(all.last().unwrap()["who"], "local");
    let text = serde_json::to_string(&log(&server, "?limit=1000")).unwrap();
    assert!(!text.contains("hidden") && !text.contains(&ci) && !text.contains(KEY), "{text}");
}

#[test]
fn what_was_refused_is_written_down_without_its_body_and_strangers_are_not() {
    let server = TestServer::dev();
    let before = log(&server, "").len();
    assert_eq!(call(&server, "stranger", "PATCH", "/apps/1400000000", r#"{"enabled":false}"#).0, 401);
    assert_eq!(server.admin("GET", "/apps/7", "").0, 404);
    assert_eq!(log(&server, "").len(), before, "strangers can't push the log out, and reading is no change");
    assert_eq!(server.admin("POST", "/apps/1400000000/keys", r#"{"key":"hidden","k":1}"#).0, 400);
    let newest = log(&server, "?limit=1&app=1400000000").remove(0);
    assert_eq!(
        (&newest["outcome"], &newest["who"], &newest["after"]),
        (&json!("refused: 400"), &json!("local"), &Value::Null)
    );
    assert!(!newest.to_string().contains("hidden"), "{newest}");
}

#[test]
fn the_log_is_read_page_by_page() {
    let server = TestServer::dev();
    for number in 0..5 {
        create(&server, &format!("t{number}"));
    }
    let names = |page: &Value| -> Vec<String> {
        page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["after"]["token"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = |query: &str| -> Value {
        serde_json::from_str(&server.admin("GET", &format!("/audit?{query}"), "").1).unwrap()
    };
    let first = page("limit=2");
    let second = page(&format!("limit=2&before={}", first["next"]));
    let third = page(&format!("limit=2&before={}", second["next"]));
    assert_eq!([names(&first), names(&second), names(&third)].concat(), ["t4", "t3", "t2", "t1", "t0"]);
    assert_eq!(third.get("next"), None);
    for wrong in ["limit=x", "before=-1", "app=x", "nope=1"] {
        let (status, answer) = server.admin("GET", &format!("/audit?{wrong}"), "");
        assert!(status == 400 && answer.starts_with(r#"{"error":""#), "{wrong}: {status} {answer}");
    }
}

#[test]
fn the_log_is_searched_by_who_and_user() {
    let server = TestServer::dev();
    let (app, other) = (server.app(), server.app());
    let ci = create(&server, "ci");
    let user = crate::harness::encode("运 营");
    for (app, user) in [(app.id, &*user), (app.id, "b"), (other.id, &*user)] {
        assert_eq!(call(&server, &ci, "PUT", &format!("/apps/{app}/accounts/{user}"), "").0, 201);
    }
    for user in [&*user, "b"] {
        let path = format!("/apps/{}/accounts/{user}/profile", app.id);
        assert_eq!(server.admin("PATCH", &path, r#"{"Tag_Profile_IM_Nick":"B"}"#).0, 200);
    }
    let page = |query: &str| -> Value {
        serde_json::from_str(&server.admin("GET", &format!("/audit?{query}"), "").1).unwrap()
    };
    let found = |query: &str| page(query)["entries"].as_array().unwrap().len();
    assert_eq!(found(&format!("user={user}")), 3);
    assert_eq!(found(&format!("user={user}&app={}", app.id)), 2);
    assert_eq!(found(&format!("user={user}&who=ci")), 2);
    assert_eq!(found("who=ci"), 3);
    assert_eq!(found("user=b"), 2, "the account and its profile");
    assert_eq!([found("who=c"), found("user=x"), found("user="), found("who=")], [0; 4], "whole names");
    // Whatever the size of a page, all are found, once each.
    for limit in 1..=4 {
        let (mut places, mut before) = (Vec::new(), String::new());
        loop {
            let page = page(&format!("who=ci&limit={limit}{before}"));
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() <= limit && page["scanned"].as_u64().unwrap() >= entries.len() as u64);
            places.extend(entries.iter().map(|entry| entry["place"].as_u64().unwrap()));
            let Some(next) = page["next"].as_u64() else { break };
            before = format!("&before={next}");
        }
        assert!(places.len() == 3 && places.is_sorted_by(|earlier, later| earlier > later), "{places:?}");
    }
}

/// A search reads a bounded part of the log, and says where it goes on.
#[test]
fn a_search_of_the_log_is_bounded() {
    let server = TestServer::dev();
    create(&server, "first");
    let lines: String = (0..10_050).map(|_| "DELETE /admin/v1/tokens/none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nAuthorization: Bearer TOKEN\r\n\r\n").collect();
    let request = lines.replace("TOKEN", &server.admin_token);
    let mut connection = Connection::open(&server.admin_address);
    let requests: Vec<&str> = request.split_inclusive("\r\n\r\n").collect();
    for requests in requests.chunks(50) {
        connection.send(requests.concat().as_bytes());
        for _ in requests {
            assert_eq!(connection.answer().unwrap().status, 404);
        }
    }
    let page = |before: &str| -> Value {
        serde_json::from_str(&server.admin("GET", &format!("/audit?who=none{before}"), "").1).unwrap()
    };
    let first = page("");
    assert_eq!((&first["scanned"], first["entries"].as_array().unwrap().len()), (&json!(10_000), 0));
    let second = page(&format!("&before={}", first["next"]));
    assert_eq!((&second["scanned"], second.get("next")), (&json!(51), None));
}

#[test]
fn tokens_and_the_log_outlive_the_server_and_go_with_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::serve(&data, "");
    run(&mut on(&data, &["app", "create", "1400000001"]));
    run(&mut on(&data, &["token", "create", "watch", "--role", "viewer"]));
    let token = run(&mut on(&data, &["token", "create", "ci"]));
    let token = token.trim_end().to_owned();
    refused(&mut on(&data, &["token", "create", "ci"]), 1, "there is a token named ci");
    server.kill();
    run(&mut on(&data, &["app", "disable", "1400000001"]));
    let listed = run(&mut on(&data, &["token", "list"]));
    for (name, role) in [("local", "admin"), ("ci", "admin"), ("watch", "viewer")] {
        assert!(listed.contains(&format!("\n{name:<24} {role:<8} ")), "{listed}");
    }
    let shown = run(&mut on(&data, &["audit", "--app", "1400000001", "--json"]));
    let entries: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let who: Vec<&str> = entries.iter().map(|entry| entry["who"].as_str().unwrap()).collect();
    assert!(who.len() == 2 && who[0].starts_with("os:") && who[1] == "local", "{who:?}");
    assert!(!who[0].ends_with(':') && entries[0]["from"].is_null(), "{entries:?}");
    let (backup, restored) = (dir.path().join("backup"), dir.path().join("restored"));
    run(on(&data, &["backup"]).arg(&backup));
    run(on(&restored, &["restore"]).arg(&backup));
    let server = TestServer::serve(&restored, "");
    assert_eq!(call(&server, &token, "GET", "/apps", "").0, 200, "tokens go with the backup");
    run(&mut on(&restored, &["account", "create", "1400000001", "运 营"]));
    run(&mut on(&restored, &["account", "create", "1400000001", "other"]));
    let of_user = run(&mut on(&restored, &["audit", "--user", "运 营"]));
    assert!(
        of_user.lines().count() == 2 && of_user.contains("PUT /apps/1400000001/accounts/sha256:"),
        "{of_user}"
    );
    let by_os = run(&mut on(&restored, &["audit", "--who", who[0]]));
    assert!(by_os.lines().next().unwrap().contains("PATCH /apps/1400000001"), "{by_os}");
    assert!(!by_os.contains(" local "), "{by_os}");
    let text = run(&mut on(&restored, &["audit"]));
    assert!(text.contains("PATCH /apps/1400000001") && text.contains("+ enabled: false"), "{text}");
    assert!(text.contains("local from 127.0.0.1  POST /tokens"), "{text}");
    run(&mut on(&restored, &["token", "revoke", "ci"]));
    assert_eq!(call(&server, &token, "GET", "/apps", "").0, 401);
}

#[test]
fn what_the_framework_refuses_is_json_too() {
    let server = TestServer::dev();
    for (method, path, status) in [
        ("GET", "/apps/1400000000/accounts?limit=x", 400),
        ("GET", "/apps/1400000000/accounts?nope=1", 400),
        ("GET", "/apps/%ff", 400),
        ("DELETE", "/apps", 405),
        ("GET", "/nope", 404),
    ] {
        let (found, answer) = server.admin(method, path, "");
        let json: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        assert!(found == status && !json["error"].as_str().unwrap().is_empty(), "{path}: {found} {answer}");
    }
    let head = format!(
        "PUT /admin/v1/apps/1400000000/words HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 99999999\r\n\r\n",
        server.admin_token
    );
    let answer = Connection::open(&server.admin_address).exchange(head.as_bytes()).unwrap();
    assert!(answer.status == 413 && answer.body.starts_with(r#"{"error":""#), "{answer:?}");
}
