//! Events of webhooks: delivered, retried, parked, replayed and discarded, each before the table has the event and after.

use crate::{Dirs, apply_all, create, fill_a_segment, hold_the_database};
use portraitd_model::{EventId, Origin, UnixMillis};
use portraitd_sqlite::SqliteStore;
use portraitd_store::{
    Amount, Change, DeliveryOutcome, EventState, OutboxEvent, OutboxSeq, Selection, Store,
};
use portraitd_test_support::fixtures::{APP, NICK, block_on, patch, user};

const WAITING: EventState = EventState::Waiting;
const PARKED: EventState = EventState::Parked;

/// Changes an account, with an event that has this number.
async fn change(store: &SqliteStore, id: u128) {
    let origin = Origin { id: EventId(id), operator: "ops".into(), client_ip: [127, 0, 0, 1].into() };
    let patch = patch(&[(NICK, &format!("event {id}"))]);
    let change = Change { app: APP, user: user("a"), patch, at: UnixMillis(1), origin: Some(origin) };
    store.apply(change).await.unwrap();
}

async fn list(store: &SqliteStore, state: EventState) -> Vec<OutboxEvent> {
    store.events(APP, state, None, 100).await.unwrap()
}

/// The number of each event, with its attempts.
fn numbers(events: &[OutboxEvent]) -> Vec<(u128, u32)> {
    events.iter().map(|event| (event.event.as_ref().unwrap().id.0, event.attempts)).collect()
}

async fn record(store: &SqliteStore, index: usize, outcome: DeliveryOutcome) {
    let seq = list(store, WAITING).await[index].seq;
    store.record_deliveries(APP, vec![(seq, outcome)]).await.unwrap();
}

fn retry(attempts: u32) -> DeliveryOutcome {
    DeliveryOutcome::Retry { attempts, due: UnixMillis(1000), failure: "refused".into() }
}

fn park(attempts: u32) -> DeliveryOutcome {
    DeliveryOutcome::Park { attempts, failure: "gone".into() }
}

/// What waits and what is parked, and that the backlogs say so.
async fn expect(store: &SqliteStore, waiting: &[(u128, u32)], parked: &[(u128, u32)], stage: &str) {
    for (state, expected) in [(WAITING, waiting), (PARKED, parked)] {
        let events = list(store, state).await;
        assert_eq!(numbers(&events), expected, "{state:?}, {stage}");
        let backlog = store.backlogs().get(&APP).copied().unwrap_or_default();
        let amount = if state == WAITING { backlog.waiting } else { backlog.parked };
        let bytes = events.iter().map(|event| event.bytes).sum();
        assert_eq!(amount, Amount { events: events.len() as u64, bytes }, "{state:?}, {stage}");
    }
}

/// Two events, of which the second one gets a verdict; the table has the first one, or both, or none, and after it everything or not;
/// each with a kill at the end.
#[expect(clippy::needless_pass_by_value, reason = "closures that are written where they are given")]
fn at_every_stage(verdict: impl AsyncFn(&SqliteStore), waiting: &[(u128, u32)], parked: &[(u128, u32)]) {
    for applied_before in [false, true] {
        let dirs = Dirs::new();
        block_on(async {
            let store = SqliteStore::open(&dirs.data()).unwrap();
            create(&store, "a", "").await;
            change(&store, 1).await;
            change(&store, 2).await;
            change(&store, 3).await;
            if applied_before {
                apply_all(&store).await;
            }
            verdict(&store).await;
            let pending = dirs.kill("pending");
            expect(&store, waiting, parked, "pending").await;
            apply_all(&store).await;
            let applied = dirs.kill("applied");
            expect(&store, waiting, parked, "applied").await;
            store.close().await;
            for (dir, stage) in
                [(pending, "killed while pending"), (applied, "killed"), (dirs.data(), "closed")]
            {
                let store = SqliteStore::open(&dir).unwrap();
                expect(&store, waiting, parked, stage).await;
                apply_all(&store).await;
                expect(&store, waiting, parked, stage).await;
                store.close().await;
                let store = SqliteStore::open(&dir).unwrap();
                expect(&store, waiting, parked, stage).await;
            }
        });
    }
}

#[test]
fn without_a_verdict() {
    at_every_stage(async |_| {}, &[(1, 0), (2, 0), (3, 0)], &[]);
}

#[test]
fn delivered() {
    at_every_stage(async |store| record(store, 1, DeliveryOutcome::Delivered).await, &[(1, 0), (3, 0)], &[]);
}

#[test]
fn retried() {
    at_every_stage(async |store| record(store, 1, retry(4)).await, &[(1, 0), (2, 4), (3, 0)], &[]);
}

#[test]
fn retried_and_then_delivered() {
    let verdict = async |store: &SqliteStore| {
        record(store, 1, retry(4)).await;
        record(store, 1, DeliveryOutcome::Delivered).await;
    };
    at_every_stage(verdict, &[(1, 0), (3, 0)], &[]);
}

#[test]
fn parked() {
    at_every_stage(async |store| record(store, 1, park(5)).await, &[(1, 0), (3, 0)], &[(2, 5)]);
}

#[test]
fn parked_and_replayed() {
    let verdict = async |store: &SqliteStore| {
        record(store, 0, park(5)).await;
        record(store, 0, park(6)).await;
        assert_eq!(store.replay(APP, Selection::Oldest(1)).await.unwrap(), 1);
    };
    at_every_stage(verdict, &[(3, 0), (1, 0)], &[(2, 6)]);
}

#[test]
fn discarded() {
    let verdict = async |store: &SqliteStore| {
        record(store, 1, park(5)).await;
        let parked = list(store, PARKED).await[0].seq;
        assert_eq!(store.discard(APP, PARKED, Selection::Places(vec![parked])).await.unwrap(), 1);
        assert_eq!(store.discard(APP, WAITING, Selection::Oldest(1)).await.unwrap(), 1);
    };
    at_every_stage(verdict, &[(3, 0)], &[]);
}

/// An event is added in the older segment, and gets its verdict in the newer one, before the older one is applied. Then the older
/// one is applied, and the process is killed.
#[test]
fn a_verdict_of_the_next_segment_does_not_lose_the_event() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        for name in ["a", "filler"] {
            create(&store, name, "").await;
        }
        let held = hold_the_database(&dirs.data());
        for version in 1..=3 {
            change(&store, version).await;
        }
        fill_a_segment(&store, &dirs.data(), "filler").await;
        // Reading them would wait for the tables.
        let outcomes = [(1, retry(4)), (2, park(5)), (3, DeliveryOutcome::Delivered)];
        for (place, outcome) in outcomes {
            store.record_deliveries(APP, vec![(OutboxSeq(place), outcome)]).await.unwrap();
        }
        held.execute_batch("ROLLBACK").unwrap();
        drop(held);
        // Waits for the older segment.
        let applied = || {
            let outside = rusqlite::Connection::open(dirs.data().join(crate::DATABASE)).unwrap();
            outside.query_row("SELECT applied FROM journal", [], |row| row.get::<_, u64>(0)).unwrap()
        };
        while applied() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let image = dirs.kill("killed");
        for store in [store, SqliteStore::open(&image).unwrap()] {
            expect(&store, &[(1, 4)], &[(2, 5)], "the older segment is applied").await;
            apply_all(&store).await;
            expect(&store, &[(1, 4)], &[(2, 5)], "both are applied").await;
        }
        drop(SqliteStore::open(&image).unwrap());
        expect(&SqliteStore::open(&image).unwrap(), &[(1, 4)], &[(2, 5)], "at the end").await;
    });
}

#[test]
fn no_event_stands_behind_the_greatest_place() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "").await;
        change(&store, 1).await;
        change(&store, 2).await;
        record(&store, 0, park(1)).await;
        apply_all(&store).await;
        for state in [WAITING, PARKED] {
            for place in [u64::MAX, u64::MAX - 1, i64::MAX.unsigned_abs()] {
                assert_eq!(store.events(APP, state, Some(OutboxSeq(place)), 9).await, Ok(vec![]), "{place}");
            }
        }
    });
}
