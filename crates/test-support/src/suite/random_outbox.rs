//! Random steps on the outbox of an engine and on that of the engine in memory: whatever the order of reads and changes, an outbox
//! with its newest events in memory returns the events of the table.

use super::outbox::{change, park, parked, retry, waiting};
use crate::fixtures::{APP, OTHER, block_on, seed};
use portraitd_model::UnixMillis;
use portraitd_store::{DeliveryOutcome, EventState, MemoryStore, OutboxEvent, OutboxSeq, Selection, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::path::Path;

/// A step for both engines.
#[derive(Clone, Debug)]
enum Step {
    Change(bool, u8),
    Deliver(Vec<u8>),
    Retry(u8),
    Park(u8),
    Discard(EventState, u8),
    Replay(u8),
    Read { state: EventState, after: u8, limit: u8 },
    ReadOn(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state = || prop_oneof![Just(EventState::Waiting), Just(EventState::Parked)];
    let step = prop_oneof![
        8 => (any::<bool>(), any::<u8>()).prop_map(|(app, user)| Step::Change(app, user)),
        4 => proptest::collection::vec(any::<u8>(), 1..6).prop_map(Step::Deliver),
        1 => any::<u8>().prop_map(Step::Retry),
        1 => any::<u8>().prop_map(Step::Park),
        1 => (state(), any::<u8>()).prop_map(|(state, count)| Step::Discard(state, count)),
        1 => any::<u8>().prop_map(Step::Replay),
        3 => (state(), any::<u8>(), any::<u8>())
            .prop_map(|(state, after, limit)| Step::Read { state, after, limit }),
        6 => any::<u8>().prop_map(Step::ReadOn),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Runs the steps on an engine; returns everything that was read. Places are near the last one that was read.
async fn run_step(store: &dyn Store, steps: &[Step]) -> Vec<(Vec<OutboxEvent>, usize)> {
    store.import(APP, vec![seed("a", &[]), seed("b", &[])], UnixMillis(1), None).await.unwrap();
    store.import(OTHER, vec![seed("a", &[]), seed("b", &[])], UnixMillis(1), None).await.unwrap();
    let (mut results, mut id, mut read_to) = (Vec::new(), 0, OutboxSeq(0));
    let settle =
        async |seq: OutboxSeq, outcomes| store.record_deliveries(APP, vec![(seq, outcomes)]).await.unwrap();
    for step in steps {
        let near = |by: u8| OutboxSeq((read_to.0 + 4).saturating_sub(u64::from(by % 12)));
        match step {
            Step::Change(app, name) => {
                id += 1;
                let (app, name) = (if *app { APP } else { OTHER }, if name % 2 == 0 { "a" } else { "b" });
                store.apply(change(app, name, id)).await.unwrap();
            }
            Step::Deliver(places) => {
                let outcomes =
                    places.iter().map(|place| (near(*place), DeliveryOutcome::Delivered)).collect();
                store.record_deliveries(APP, outcomes).await.unwrap();
            }
            Step::Retry(place) => settle(near(*place), retry(2)).await,
            Step::Park(place) => settle(near(*place), park()).await,
            Step::Discard(state, count) => {
                let oldest = Selection::Oldest(usize::from(count % 4));
                results.push((Vec::new(), store.discard(APP, *state, oldest).await.unwrap()));
            }
            Step::Replay(count) => {
                let oldest = Selection::Oldest(usize::from(count % 4));
                results.push((Vec::new(), store.replay(APP, oldest).await.unwrap()));
            }
            Step::Read { state, after, limit } => {
                let limit = usize::from(limit % 8);
                results.push((store.events(APP, *state, Some(near(*after)), limit).await.unwrap(), 0));
            }
            Step::ReadOn(limit) => {
                let limit = usize::from(limit % 8);
                let events = store.events(APP, EventState::Waiting, Some(read_to), limit).await.unwrap();
                read_to = events.last().map_or(read_to, |event| event.seq);
                results.push((events, 0));
            }
        }
    }
    results.push((waiting(store, APP).await, 0));
    results.push((parked(store, APP).await, 0));
    results
}

/// Runs random steps on a new store of an engine, and on one in memory.
pub fn both_engines_read_the_same<S: Store>(open: impl Fn(&Path) -> S) {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let compared = TestRunner::new(config).run(&steps(), |steps| {
        let dir = tempfile::tempdir().unwrap();
        let expected = block_on(run_step(&MemoryStore::new(), &steps));
        prop_assert_eq!(block_on(run_step(&open(dir.path()), &steps)), expected);
        Ok(())
    });
    compared.unwrap();
}
