//! Frequency limits are shared by the nodes that live.

use super::nodes::{Place, at, until};
use crate::harness::App;
use portraitd_test_support::galera;
use serde_json::json;
use std::time::{Duration, Instant};

const LIMIT: u32 = 100;

/// How many of the calls made at once are let through, and what a node may let through that has `share` a second: a second's
/// worth at once, and more as time goes on.
fn burst(app: &App<'_>, share: u32) -> (u32, u32) {
    // What was used up before has returned.
    std::thread::sleep(Duration::from_millis(1100));
    let request = app.request("account_check", r#"{"CheckItem":[{"UserID":"administrator"}]}"#);
    let (mut connection, began) = (app.server.connect(), Instant::now());
    let passed = (0..LIMIT).filter(|_| connection.exchange(&request).unwrap().code() == 0).count();
    let most = f64::from(share) * (1.0 + began.elapsed().as_secs_f64()) + 1.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    (u32::try_from(passed).unwrap(), most as u32)
}

#[test]
fn each_node_allows_its_part() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, "[limits]\nenabled = true\n");
    let one = place.node("a");
    let here = one.app();
    here.patch(&json!({"limits": {"account_check": LIMIT}}));
    assert_eq!(burst(&here, LIMIT).0, LIMIT, "one node allows all of it");
    let mut other = place.node("b");
    let halved = |app: &App<'_>| {
        let (passed, most) = burst(app, LIMIT / 2);
        passed <= most && passed >= LIMIT / 2
    };
    until("a node knows of another that began", Duration::from_secs(4), || halved(&here));
    until("a node that began knows of the other", Duration::from_secs(4), || halved(&at(&other, &here)));
    other.signal("-TERM");
    other.child.wait().unwrap();
    until("a node knows of another that ended", Duration::from_secs(4), || burst(&here, LIMIT).0 == LIMIT);
    let mut other = place.node("b");
    until("a node knows of another that began again", Duration::from_secs(4), || halved(&here));
    other.kill();
    until("a node knows of another that was killed", Duration::from_secs(18), || {
        burst(&here, LIMIT).0 == LIMIT
    });
}
