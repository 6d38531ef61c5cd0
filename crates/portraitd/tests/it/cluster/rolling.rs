//! A rolling restart: nodes end and begin one after the other under load, and no call is refused.

use super::load::{Caller, longest_silence};
use super::nginx::Nginx;
use super::nodes::{CONFIG, Place, at, free_port, until};
use crate::harness::App;
use crate::torture::number;
use portraitd_test_support::galera;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Callers, and how long each waits between two calls: together about 500 calls a second.
const CALLERS: usize = 48;
const PAUSE: Duration = Duration::from_millis(60);

#[test]
fn a_rolling_restart_refuses_no_call() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let ports = [free_port(), free_port(), free_port()];
    let name = |node: usize| format!("node{node}");
    let mut nodes: Vec<_> = (0..3).map(|node| place.node_on(&name(node), ports[node])).collect();
    let app = nodes[0].app().id;
    let mut callers: Vec<Caller> = (0..CALLERS).map(|number| Caller::new(number, 4)).collect();
    let here = App { server: &nodes[0], id: app };
    for caller in &callers {
        caller.import(&here);
    }
    for node in &nodes {
        let known = || at(node, &here).code("account_check", r#"{"CheckItem":[{"UserID":"c0a0"}]}"#) == 0;
        until("the app is known", Duration::from_secs(2), known);
    }
    let nginx = Nginx::start(&ports);
    let (query, stop) = (here.query("administrator"), AtomicBool::new(false));
    let (addresses, began) = ([nginx.address.clone()], Instant::now());
    let rounds = number("ROUNDS").unwrap_or(1);
    std::thread::scope(|scope| {
        for caller in &mut callers {
            let (addresses, query, stop) = (&addresses, &query, &stop);
            scope.spawn(move || caller.work(addresses, query, PAUSE, stop));
        }
        for _ in 0..rounds {
            for node in 0..nodes.len() {
                // Longer than nginx leaves a node out that it could not reach: one must be there.
                std::thread::sleep(Duration::from_secs(6));
                nodes[node].signal("-TERM");
                let ended = nodes[node].child.wait().unwrap();
                assert!(ended.success(), "{ended}: {}", nodes[node].log());
                nodes[node] = place.node_on(&name(node), ports[node]);
            }
        }
        std::thread::sleep(Duration::from_secs(6));
        stop.store(true, Ordering::Relaxed);
    });
    let (took, calls) = (began.elapsed(), callers.iter().map(|caller| caller.times.len()).sum::<usize>());
    let mut refused = BTreeMap::<String, u64>::new();
    for (why, count) in callers.iter().flat_map(|caller| &caller.refused) {
        *refused.entry(why.clone()).or_default() += count;
    }
    eprintln!(
        "{} restarts under {} calls/s: {calls} calls, refused: {refused:?}; longest silence {} ms",
        3 * rounds,
        calls as u128 * 1000 / took.as_millis(),
        longest_silence(&callers, began, began + took).as_millis()
    );
    assert!(refused.is_empty(), "refused: {refused:?}\n{}", nginx.errors());
    let app = App { server: &nodes[0], id: app };
    for caller in &mut callers {
        caller.verify(&app);
    }
}
