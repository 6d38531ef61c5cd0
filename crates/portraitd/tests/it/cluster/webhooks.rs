//! Two nodes deliver the events of one app: each at least once, and in order for each account, also when one of them dies or
//! is frozen meanwhile.

use super::load::{Caller, Heard, SETTLED, wait_until_told};
use super::nodes::{CONFIG, Place, at, until};
use crate::harness::{App, TestServer};
use portraitd_test_support::galera::{self, Galera};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CALLERS: usize = 8;
/// A caller does about so many calls a second.
const PAUSE: Duration = Duration::from_millis(10);

/// Two nodes, an app whose changes go to a receiver, and callers of both.
struct Stage {
    /// Holds the nodes' files.
    _place: Place,
    nodes: [TestServer; 2],
    app: u32,
    heard: Heard,
    callers: Vec<Caller>,
}

impl Stage {
    fn new(cluster: &Galera, alter_second: impl FnOnce(&mut std::process::Command)) -> Self {
        let place = Place::new(cluster, CONFIG);
        let nodes = [place.node("a"), place.altered_node("b", alter_second)];
        let (heard, app) = (Heard::default(), nodes[0].app());
        let app_id = app.id;
        app.put("/webhook", &json!({"url": heard.receiver().url()}).to_string());
        let callers: Vec<Caller> = (0..CALLERS).map(|number| Caller::new(number, 4)).collect();
        for caller in &callers {
            caller.import(&app);
        }
        let there = at(&nodes[1], &app);
        until("the app is known", Duration::from_secs(2), || {
            there.code("account_check", r#"{"CheckItem":[{"UserID":"c0a0"}]}"#) == 0
        });
        Self { _place: place, nodes, app: app_id, heard, callers }
    }

    fn app(&self, node: usize) -> App<'_> {
        App { server: &self.nodes[node], id: self.app }
    }

    /// The callers work while something happens to the nodes.
    fn work(&mut self, happens: impl FnOnce(&[TestServer; 2])) {
        let (stop, query) = (AtomicBool::new(false), self.app(0).query("administrator"));
        let addresses: Vec<String> = self.nodes.iter().map(|node| node.address.clone()).collect();
        let (callers, nodes) = (&mut self.callers, &self.nodes);
        std::thread::scope(|scope| {
            for caller in callers {
                let (addresses, query, stop) = (&addresses, &query, &stop);
                scope.spawn(move || caller.work(addresses, query, PAUSE, stop));
            }
            happens(nodes);
            stop.store(true, Ordering::Relaxed);
        });
    }

    /// Waits until everything that was acknowledged was told, and checks it.
    fn verify(&mut self, what: &str) {
        std::thread::sleep(SETTLED);
        let app = App { server: &self.nodes[0], id: self.app };
        let waited = wait_until_told(&app);
        self.callers.iter_mut().for_each(|caller| caller.verify(&app));
        let changes: usize = self.callers.iter().map(|caller| caller.verify_told(&self.heard)).sum();
        let (told, calls) = self.heard.count();
        eprintln!(
            "{what}: {changes} changes acknowledged, {told} told in {calls} calls, all within {} ms after the end",
            waited.as_millis()
        );
        assert!(changes > CALLERS * 10, "the callers hardly worked: {changes}");
    }
}

#[test]
fn two_nodes_share_the_events_and_one_takes_over_from_a_killed_one() {
    let Some(cluster) = galera::shared() else { return };
    let mut stage = Stage::new(&cluster, |_| {});
    stage.work(|_| std::thread::sleep(Duration::from_secs(4)));
    stage.verify("two nodes");
    stage.work(|nodes| {
        std::thread::sleep(Duration::from_secs(2));
        nodes[1].signal("-KILL");
        std::thread::sleep(Duration::from_secs(2));
    });
    stage.verify("one of two killed");
}

#[test]
fn a_node_that_was_frozen_sends_nothing_that_is_anothers_now() {
    let Some(cluster) = galera::shared() else { return };
    let mut stage = Stage::new(&cluster, |_| {});
    stage.work(|nodes| {
        std::thread::sleep(Duration::from_secs(2));
        nodes[1].signal("-STOP");
        std::thread::sleep(Duration::from_secs(20));
        nodes[1].signal("-CONT");
        std::thread::sleep(Duration::from_secs(4));
    });
    stage.verify("one of two frozen for 20 s");
}

/// The order of an account's events is that of its changes, whatever the clocks of the nodes that made them say.
#[test]
fn clocks_that_differ_do_not_change_the_order() {
    let Some(cluster) = galera::shared() else { return };
    let library = format!("/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1", std::env::consts::ARCH);
    assert!(Path::new(&library).exists(), "the package libfaketime is missing; scripts/test installs it");
    let mut stage = Stage::new(&cluster, |command| {
        command.env("LD_PRELOAD", library).env("FAKETIME", "+1.5s").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    });
    stage.work(|_| std::thread::sleep(Duration::from_secs(6)));
    stage.verify("clocks 1.5 s apart");
}
