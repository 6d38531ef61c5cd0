//! The contract's cases, and what one node writes and another reads.

use super::nodes::{CONFIG, Place, at, until};
use crate::conformance::assert_contract_holds;
use crate::webhook::nick_body;
use portraitd_test_support::galera;
use serde_json::json;
use std::cell::RefCell;
use std::time::Duration;

#[test]
fn the_contract_holds_on_a_cluster() {
    let Some(cluster) = galera::shared() else { return };
    let places = RefCell::new(Vec::new());
    assert_contract_holds(|| {
        let place = Place::new(&cluster, "[limits]\nenabled = false\n");
        let node = place.node("a");
        places.borrow_mut().push(place);
        node
    });
}

/// No waiting: the answer of the one node is the moment from which the other must know.
#[test]
fn what_one_node_has_acknowledged_every_node_reads() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let nodes = ["a", "b", "c"].map(|name| place.node(name));
    let app = nodes[0].app();
    app.import("u");
    for node in &nodes {
        let known = || at(node, &app).code("account_check", r#"{"CheckItem":[{"UserID":"u"}]}"#) == 0;
        until("a new app is known", Duration::from_secs(2), known);
    }
    let get = json!({"To_Account": ["u"], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
    for number in 0..300 {
        let (written, read) = (number % 3, (number / 3 + number + 1) % 3);
        let nick = format!("n{number}");
        assert_eq!(at(&nodes[written], &app).code("portrait_set", &nick_body("u", &nick)), 0);
        let found = at(&nodes[read], &app).call("portrait_get", &get);
        assert_eq!(
            found["UserProfileItem"][0]["ProfileItem"][0]["Value"], *nick,
            "written by {written}, read by {read}"
        );
    }
}
