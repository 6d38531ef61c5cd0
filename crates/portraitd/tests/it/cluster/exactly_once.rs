//! The answer to a COMMIT is lost: the change and its event are there once, and the caller is told the truth.

use super::load::{Heard, wait_until_told};
use super::nodes::{CONFIG, Place};
use super::proxy::LossyProxy;
use crate::webhook::nick_body;
use portraitd_test_support::galera;
use serde_json::json;
use std::time::{Duration, Instant};

const CHANGES: usize = 60;

/// A change that is done twice is seen in two ways: an account that is created and deleted again would be missing at the second
/// try of its deletion, and a second event would have another id.
#[test]
fn a_commit_without_an_answer_is_done_once() {
    let Some(cluster) = galera::shared() else { return };
    let proxy = LossyProxy::start(&cluster.hosts()[0]);
    let url = cluster.url_by(std::slice::from_ref(&proxy.address), &cluster.new_database());
    let place = Place::at(&url, CONFIG);
    let node = place.node("a");
    let (app, heard) = (node.app(), Heard::default());
    app.put("/webhook", &json!({"url": heard.receiver().url()}).to_string());
    app.import("u");
    proxy.lose_one_of(3);
    let mut longest = Duration::ZERO;
    for number in 1..=CHANGES {
        let began = Instant::now();
        assert_eq!(app.code("portrait_set", &nick_body("u", &number.to_string())), 0);
        let name = format!("n{number}");
        app.import(&name);
        let deleted = app.call("account_delete", &json!({"DeleteItem": [{"UserID": name}]}).to_string());
        assert_eq!(deleted["ResultItem"][0]["ResultCode"], 0, "it was there: {deleted}");
        longest = longest.max(began.elapsed());
    }
    let cuts = proxy.cuts();
    proxy.lose_one_of(0);
    wait_until_told(&app);
    let heard = heard.0.lock().unwrap();
    let told = &heard["u"].versions;
    assert_eq!(*told, (1..=CHANGES as u64).collect::<Vec<_>>(), "each change, once, in order");
    eprintln!(
        "{} changes, {cuts} COMMITs without an answer; the longest three calls took {} ms",
        3 * CHANGES,
        longest.as_millis()
    );
    assert!(cuts > CHANGES as u64 / 2, "only {cuts} answers were lost");
}
