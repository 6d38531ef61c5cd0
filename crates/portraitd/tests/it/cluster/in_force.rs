//! What an operator changes on one node is in force there at once, and on the others within two seconds.

use super::nodes::{CONFIG, Place, at, until};
use crate::authorization::{create_token, with_token};
use crate::harness::{App, KEY, TestServer, path_of, post};
use crate::usersig::{Sign, now};
use crate::webhook::nick_body;
use crate::words;
use portraitd_test_support::galera;
use serde_json::json;
use std::time::{Duration, Instant};

/// What is promised.
const PROMISE: Duration = Duration::from_secs(2);
const CHECK: &str = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;

/// Signed a minute ago, so that a kick of this second is later.
fn code_as(app: &App<'_>, identifier: &str, key: &str) -> u64 {
    let sign = Sign { key, sdkappid: app.id.into(), identifier, time: now() - 60, expire: 600 };
    let target = format!(
        "{}?sdkappid={}&identifier={identifier}&usersig={}",
        path_of("account_check"),
        app.id,
        sign.usersig()
    );
    app.server.connect().exchange(&post(&target, CHECK)).unwrap().code()
}

fn set_code(app: &App<'_>, tag: &str, value: &str) -> u64 {
    let body = json!({"From_Account": "u", "ProfileItem": [{"Tag": tag, "Value": value}]});
    app.code("portrait_set", &body.to_string())
}

/// Waits until a call at the one node answers a code, after the other has answered it at once.
fn in_force(what: &str, here: &App<'_>, there: &App<'_>, code: impl Fn(&App<'_>) -> u64, wanted: &[u64]) {
    assert!(wanted.contains(&code(here)), "{what}: at once on the node that made it");
    until(what, PROMISE, || wanted.contains(&code(there)));
}

#[test]
fn what_one_node_changes_is_in_force_on_the_other() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let here = one.app();
    let there = at(&other, &here);
    in_force("a new app", &here, &there, |app| app.code("account_check", CHECK), &[0]);

    here.import("u");
    here.put("/admins/ops", "");
    in_force("a new admin", &here, &there, |app| code_as(app, "ops", KEY), &[0]);
    assert_eq!(here.code("kick", r#"{"UserID":"ops"}"#), 0);
    in_force("a kicked admin", &here, &there, |app| code_as(app, "ops", KEY), &[70052]);

    here.put("/words", "verboten\n");
    in_force(
        "a new word",
        &here,
        &there,
        |app| app.code("portrait_set", &nick_body("u", "so verboten")),
        &[40005],
    );
    here.put("/fields/Team", r#"{"type":"string","read":["app","admin"],"write":["app","admin"]}"#);
    in_force("a new field", &here, &there, |app| set_code(app, "Tag_Profile_Custom_Team", "red"), &[0]);
    let (status, answer) = one.admin("DELETE", &format!("/apps/{}/fields/Team", here.id), "");
    assert_eq!(status, 200, "{answer}");
    in_force(
        "a retired field",
        &here,
        &there,
        |app| set_code(app, "Tag_Profile_Custom_Team", "blue"),
        &[40008, 40009],
    );

    let next = format!("{:064x}", 7);
    let (status, answer) =
        one.admin("POST", &format!("/apps/{}/keys", here.id), &json!({"key": next}).to_string());
    assert!(status < 300, "{answer}");
    in_force("a new key", &here, &there, |app| code_as(app, "administrator", &next), &[0]);
    let (status, answer) = one.admin("DELETE", &format!("/apps/{}/keys/1", here.id), "");
    assert!(status < 300, "{answer}");
    in_force("a revoked key", &here, &there, |app| code_as(app, "administrator", KEY), &[70009]);
}

/// What a node refuses depends on what all of them have stored.
#[test]
fn the_words_of_all_apps_are_bounded_across_nodes() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let longest = words::longest();
    for app in [one.app(), one.app(), one.app()] {
        let (status, answer) = words::put(&one, app.id, &longest);
        assert_eq!(status, 200, "{answer}");
    }
    let fourth = other.app();
    let refusal = || words::put(&other, fourth.id, &longest);
    until("the words of another node count", PROMISE, || refusal().0 == 409);
    assert!(refusal().1.contains("those of all other apps 60000000"), "{:?}", refusal());
    let (status, answer) = words::put(&other, fourth.id, "bad\n");
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_token_opens_and_is_revoked_on_every_node() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let token = create_token(&one, "ci");
    assert_eq!(with_token(&one, &token), 200);
    // Slowly: ten tokens a minute that a node does not know are its limit.
    until("a new token", PROMISE, || {
        std::thread::sleep(Duration::from_millis(1200));
        with_token(&other, &token) == 200
    });
    assert!(one.admin("DELETE", "/tokens/ci", "").0 < 300);
    assert_eq!(with_token(&one, &token), 401);
    until("a revoked token", PROMISE, || with_token(&other, &token) == 401);
}

fn change_type(node: &TestServer, app: &App<'_>, value_type: &str) -> u16 {
    let definition = json!({"type": value_type, "read": ["app", "admin"], "write": ["app", "admin"]});
    node.admin("PUT", &format!("/apps/{}/fields/Num", app.id), &definition.to_string()).0
}

/// The body of a change of that field.
fn set(user: &str, value: &serde_json::Value) -> String {
    let items = json!([{"Tag": "Tag_Profile_Custom_Num", "Value": value}]);
    json!({"From_Account": user, "ProfileItem": items}).to_string()
}

/// A node that is frozen may hold a call that began with the old type. It does not stop the others for long: what it writes
/// after they have gone on is refused by the database, and what it checks until it has read their changes by itself.
#[test]
fn a_type_changes_though_a_node_is_frozen_and_what_that_one_held_is_not_written() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let here = one.app();
    here.import("u");
    here.import("v");
    here.import("w");
    assert_eq!(change_type(&one, &here, "string"), 200);
    let there = at(&other, &here);
    until("a new field", PROMISE, || set_code(&there, "Tag_Profile_Custom_Num", "text") == 0);
    assert_eq!(change_type(&one, &here, "uint64"), 409, "a value of the old type");
    assert_eq!(here.code("account_delete", r#"{"DeleteItem":[{"UserID":"u"}]}"#), 0);
    let began = Instant::now();
    assert_eq!(change_type(&one, &here, "uint64"), 200);
    eprintln!("a type changes on two nodes in {} ms", began.elapsed().as_millis());
    until("the new type", PROMISE, || there.code("portrait_set", &set("w", &json!(7))) == 0);
    assert_eq!(here.code("account_delete", r#"{"DeleteItem":[{"UserID":"w"}]}"#), 0);

    other.signal("-STOP");
    // These wait in its listener's queue: the first thing that it does when it goes on.
    let mut held: Vec<_> = (0..20).map(|_| other.connect()).collect();
    for connection in &mut held {
        connection.send(&there.request("portrait_set", &set("v", &json!(7))));
    }
    let began = Instant::now();
    let changed = change_type(&one, &here, "string");
    eprintln!("beside a frozen node in {} ms", began.elapsed().as_millis());
    other.signal("-CONT");
    assert_eq!(changed, 200, "a frozen node is fenced");
    for connection in &mut held {
        let code = connection.answer().unwrap().code();
        assert!([40006, 40008, 40009, 40610].contains(&code), "{code}");
    }
    let get = json!({"To_Account": ["v"], "TagList": ["Tag_Profile_Custom_Num"]}).to_string();
    let found = here.call("portrait_get", &get);
    assert_eq!(found["UserProfileItem"][0]["ProfileItem"], json!([]), "{found}");
    until("it takes part again", PROMISE, || there.code("portrait_set", &set("v", &json!("text"))) == 0);
}

/// A change of a type waits for every node that lives. One that was killed counts as living for 15 s more.
#[test]
fn a_type_changes_after_a_node_was_killed() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let here = one.app();
    here.import("u");
    assert_eq!(change_type(&one, &here, "string"), 200);
    until("a new field", PROMISE, || set_code(&at(&other, &here), "Tag_Profile_Custom_Num", "text") == 0);
    assert_eq!(here.code("account_delete", r#"{"DeleteItem":[{"UserID":"u"}]}"#), 0);
    other.signal("-KILL");
    let began = Instant::now();
    assert_eq!(change_type(&one, &here, "uint64"), 200, "a killed node does not stop the others for ever");
    eprintln!("beside a killed node in {} ms", began.elapsed().as_millis());
    here.import("v");
    assert_eq!(here.code("portrait_set", &set("v", &json!(7))), 0);
    assert_ne!(here.code("portrait_set", &set("v", &json!("text"))), 0, "the new type is in force");
}
