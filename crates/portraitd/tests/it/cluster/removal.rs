//! An app is deleted on several nodes: gone at every one of them, and nothing of it is left for a new one of its number.

use super::nodes::{CONFIG, Place, at, until, wait_for};
use crate::harness::{App, KEY, TestServer};
use portraitd_test_support::galera;
use serde_json::{Value, json};
use std::time::Duration;

/// What is promised of what one node changes.
const PROMISE: Duration = Duration::from_secs(2);
const CHECK: &str = r#"{"CheckItem":[{"UserID":"u"}]}"#;
const SET: &str = r#"{"From_Account":"u","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

fn shown(node: &TestServer, path: &str) -> Value {
    let (status, answer) = node.admin("GET", path, "");
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

/// Accounts that are there, calls that are counted, and events that wait.
fn holdings(app: &App<'_>) -> Value {
    let of = |page: &str| shown(app.server, &format!("/apps/{}{page}", app.id));
    let usage = of("/usage");
    json!({"accounts": of("/accounts")["accounts"], "count": usage["accounts"], "calls": usage["calls"], "waiting": of("/webhook")["waiting"]["events"]})
}

/// An app with an account, whose one event waits since nothing listens at its receiver.
fn furnished(node: &TestServer) -> App<'_> {
    let app = node.app();
    app.put("/webhook", r#"{"url":"http://127.0.0.1:9/"}"#);
    app.import("u");
    assert_eq!(app.code("portrait_set", SET), 0);
    app
}

#[test]
fn a_deleted_app_is_gone_on_every_node_and_a_new_one_of_its_number_begins_with_nothing() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let (here, kept) = (furnished(&one), furnished(&one));
    let (there, kept_there) = (at(&other, &here), at(&other, &kept));
    until("both apps are known there", PROMISE, || {
        there.code("account_check", CHECK) == 0 && kept_there.code("account_check", CHECK) == 0
    });
    for _ in 0..7 {
        assert_eq!([&here, &there].map(|app| app.code("account_check", "{}")), [70402; 2]);
    }
    wait_for("the calls of both nodes are stored", Duration::from_secs(30), || {
        holdings(&here)["calls"]["account_check"]["70402"] == 14
    });
    let before = holdings(&kept);
    assert_eq!((&before["count"], &before["waiting"]), (&json!(2), &json!(1)), "{before}");

    let (status, answer) = one.admin("DELETE", &format!("/apps/{}", here.id), "");
    assert_eq!((status, answer.as_str()), (200, r#"{"accounts":2}"#));
    assert_eq!(here.code("portrait_set", SET), 70020);
    until("it is gone there", PROMISE, || there.code("portrait_set", SET) == 70020);
    assert_eq!(other.admin("GET", &format!("/apps/{}", here.id), "").0, 404);

    // At the node that did not delete it.
    let (status, answer) =
        other.admin("POST", "/apps", &json!({"sdkappid": here.id, "key": KEY}).to_string());
    assert_eq!(status, 201, "{answer}");
    there.put("/webhook", r#"{"url":"http://127.0.0.1:9/"}"#);
    let nothing = json!({"accounts": ["administrator"], "count": 1, "calls": {}, "waiting": 0});
    // Each node reads once a second how many events the others have left.
    until("nothing of it is left", PROMISE, || holdings(&there) == nothing);
    // Fewer calls than the deleted one had: each node counts them from the first on.
    until("it is known here", PROMISE, || here.code("portrait_get", "{}") == 40002);
    for app in [&here, &there] {
        assert_eq!(app.code("account_check", "{}"), 70402);
    }
    for app in [&here, &there] {
        wait_for("its own calls are stored", Duration::from_secs(30), || {
            holdings(app)["calls"]["account_check"] == json!({"70402": 2})
        });
    }
    assert_eq!(holdings(&kept)["accounts"], before["accounts"]);
    assert_eq!(holdings(&kept)["waiting"], before["waiting"]);
}

/// Callers and operators of another node make accounts all the time, until each is refused since the app is gone.
#[test]
fn calls_that_come_while_an_app_is_deleted_leave_no_account() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let here = furnished(&one);
    let there = at(&other, &here);
    until("the app is known there", PROMISE, || there.code("account_check", CHECK) == 0);
    let refused_there = |account: &str| {
        there.code("account_import", &json!({"UserID": format!("called-{account}")}).to_string()) == 70020
    };
    let unknown_there = |account: &str| {
        other.admin("PUT", &format!("/apps/{}/accounts/made-{account}", here.id), "").0 == 404
    };
    std::thread::scope(|scope| {
        let until_gone: [&(dyn Fn(&str) -> bool + Sync); 3] =
            [&refused_there, &refused_there, &unknown_there];
        for (number, is_gone) in until_gone.into_iter().enumerate() {
            scope.spawn(move || (0_u32..=u32::MAX).find(|count| is_gone(&format!("{number}-{count}"))));
        }
        let (status, answer) = one.admin("DELETE", &format!("/apps/{}", here.id), "");
        assert_eq!(status, 200, "{answer}");
    });
    let (status, answer) = one.admin("POST", "/apps", &json!({"sdkappid": here.id, "key": KEY}).to_string());
    assert_eq!(status, 201, "{answer}");
    here.put("/webhook", r#"{"url":"http://127.0.0.1:9/"}"#);
    let left = holdings(&here);
    assert_eq!((&left["accounts"], &left["waiting"]), (&json!(["administrator"]), &json!(0)), "{left}");
}
