//! The writer's queue: callers, batches, syncs and commits that fail, waits that time out, a full journal, tables that are in use, and
//! the end.
//!
//! Invariants: every caller gets an answer. An acknowledged write is stored, and read from then on; a refused one is not. The tables
//! are not changed while another thread holds their lock, nor is anything after `close` has returned; later callers get the error
//! "it was closed".

use super::primitives::{Fault, advance, fail_disk, fault, scheduling_point};
use super::table::{Table, delete, read, try_read};
use crate::SqliteStore;
use crate::connection::keep_wal_on_close;
use portraitd_model::{UnixMillis, UserId};
use portraitd_store::{PutToken, Store, StoreError, TokenRecord, TokenRole, Write};
use portraitd_test_support::fixtures::user;
use portraitd_test_support::schedules::{check, failure_of};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::{future, thread};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex as StdMutex;
use std::task::{Context, Waker};
use std::time::Duration;

const CALLERS: usize = 3;
const STEPS: usize = 3;
const CLOSED: &str = "it was closed";

fn account(caller: usize) -> UserId {
    user(&format!("caller{caller}"))
}

/// The account of callers that do not wait for the answer.
fn abandoned() -> UserId {
    user("abandoned")
}

/// How often each event happened, in all schedules together: the test demands that each kind happens.
#[derive(Default, Debug)]
struct EventCounts(StdMutex<BTreeMap<&'static str, u64>>);

impl EventCounts {
    fn one(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

struct Fixture {
    seen: Arc<EventCounts>,
    table: Arc<Table>,
    store: SqliteStore,
    /// A thread has begun to close the store.
    closing: AtomicBool,
}

impl Fixture {
    fn new(table: &Arc<Table>, seen: &Arc<EventCounts>) -> Self {
        let accounts: Vec<UserId> = (0..CALLERS).map(account).chain([abandoned()]).collect();
        table.begin(&accounts);
        let (seen, table, closing) = (Arc::clone(seen), Arc::clone(table), AtomicBool::new(false));
        let store = table.open();
        Self { seen, table, store, closing }
    }
}

/// A write that is a transaction of its own.
fn put_token(name: String) -> Write {
    let token = TokenRecord { name, hash: [7; 32], created: UnixMillis(1), role: TokenRole::Admin };
    PutToken(token).into()
}

/// Changes an account that no other caller changes, and some shared ones; returns its last known version.
fn call(fixture: &Fixture, caller: usize) -> Option<u64> {
    let (table, own) = (&fixture.table, account(caller));
    let mut known = Some(0);
    for step in 1..=STEPS {
        let (write, then) = match thread_rng().gen_range(0..8) {
            0 => (put_token(format!("{own} {step}")), known),
            1 => (delete(own), None),
            2 => (table.import(own, step), Some(step as u64)),
            3 => {
                let mut unanswered = pin!(fixture.store.write(table.set(abandoned(), step), None));
                // Queued, and then the caller stops waiting.
                let _ = unanswered.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                continue;
            }
            _ => (table.set(own, step), known.map(|_| step as u64)),
        };
        match future::block_on(fixture.store.write(write, None)) {
            Ok(_) => {
                fixture.seen.one("acknowledged");
                known = then;
            }
            Err(StoreError::NoSuchAccount) => assert_eq!(known, None),
            Err(StoreError::Unavailable(why)) => {
                let why = refusal(why.english());
                assert!(why != CLOSED || fixture.closing.load(Ordering::SeqCst), "it was not closed");
                fixture.seen.one(why);
            }
            Err(other) => panic!("{other}"),
        }
        match try_read(&fixture.store, own) {
            Ok(read) => assert_eq!(read, known, "what was acknowledged is read, and nothing else"),
            Err(error) => {
                assert_eq!(error, StoreError::closed());
                assert!(fixture.closing.load(Ordering::SeqCst), "it was not closed");
            }
        }
    }
    known
}

fn refusal(why: &str) -> &'static str {
    let reasons = [CLOSED, "too much is waiting", "the journal can't be written", "the journal is full"];
    reasons.into_iter().find(|reason| why.contains(reason)).unwrap_or_else(|| panic!("{why}"))
}

/// Holds the lock of the tables, as the other one of writer and applier does.
fn hold_the_tables(fixture: &Fixture) {
    let held = fixture.store.shared.table_lock.lock().unwrap();
    let outside = fixture.table.outside();
    // Closed as the last connection, while the applier has none after an error, it would remove the WAL, without which the store does
    // not go on.
    keep_wal_on_close(&outside, true).unwrap();
    let commits = || outside.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = commits();
    for _ in 0..4 {
        scheduling_point();
    }
    // A store that closes is alone: its threads but one have ended.
    let closing = fixture.closing.load(Ordering::SeqCst);
    assert!(closing || commits() == before, "written while another held the tables");
    drop(outside);
    drop(held);
}

/// Closes the store after a while; returns the stored versions.
fn close(fixture: &Fixture) -> BTreeMap<UserId, u64> {
    for _ in 0..thread_rng().gen_range(0..200) {
        scheduling_point();
    }
    fixture.closing.store(true, Ordering::SeqCst);
    future::block_on(fixture.store.close());
    let stored = fixture.table.stored();
    let refused = future::block_on(fixture.store.write(fixture.table.set(account(0), 9), None));
    assert_eq!(refused.unwrap_err(), StoreError::closed());
    stored
}

fn scenario(table: &Arc<Table>, seen: &Arc<EventCounts>) {
    let fixture = Arc::new(Fixture::new(table, seen));
    fail_disk(thread_rng().gen_range(0..4));
    let on = |play: fn(&Fixture)| {
        let fixture = Arc::clone(&fixture);
        thread::spawn(move || play(&fixture))
    };
    let others = [
        on(hold_the_tables),
        on(|_| (0..3).for_each(|_| advance(Duration::from_millis(900)))),
        // A second `close` waits for the first.
        on(|fixture| drop(close(fixture))),
    ];
    let closer = thread::spawn({
        let fixture = Arc::clone(&fixture);
        move || close(&fixture)
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let fixture = Arc::clone(&fixture);
            thread::spawn(move || call(&fixture, caller))
        })
        .collect();
    let known: Vec<Option<u64>> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    let at_the_close = closer.join().unwrap();
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(fixture.table.stored(), at_the_close, "nothing is written after the close");
    for (caller, known) in known.iter().enumerate() {
        assert_eq!(at_the_close.get(&account(caller)).copied(), *known, "stored is what was acknowledged");
    }
    let mut ranges = fixture.store.writer.measurements().batch.ranges();
    if ranges.any(|(end, commits)| end != Some(1) && commits > 0) {
        seen.one("a commit of several");
    }
}

#[test]
fn every_caller_gets_the_outcome_of_its_write() {
    let (table, seen) = (Arc::new(Table::new()), Arc::new(EventCounts::default()));
    check(1000, {
        let seen = Arc::clone(&seen);
        move || scenario(&table, &seen)
    });
    let seen = seen.0.lock().unwrap();
    eprintln!("{seen:?}");
    // A full journal happens in one of some hundred orders, too rarely to be demanded.
    let kinds = [
        "a commit of several",
        "acknowledged",
        CLOSED,
        "the journal can't be written",
        "too much is waiting",
    ];
    assert!(kinds.iter().all(|kind| seen.contains_key(kind)), "{seen:?}");
}

/// The writer is dropped while a caller may still wait for it.
#[test]
fn a_writer_that_is_dropped_has_written_what_it_accepted() {
    let table = Arc::new(Table::new());
    check(500, move || {
        let fixture = Fixture::new(&table, &Arc::default());
        for version in 1..=2 {
            let mut asked = pin!(fixture.store.write(table.set(abandoned(), version), None));
            let sent = asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
            assert!(sent);
        }
        drop(fixture);
        let store = table.open();
        assert_eq!(read(&store, abandoned()), Some(2));
    });
}

/// The models can fail: with a channel that does not close, and with answers that are lost.
#[test]
fn broken_queues_are_detected() {
    let faults: [(Fault, &[&str]); 2] = [
        (Fault::ChannelNeverCloses, &["deadlock"]),
        (Fault::AnswersAreLost, &["what was acknowledged is read", "it was not closed"]),
    ];
    for (broken, expected) in faults {
        let table = Arc::new(Table::new());
        let found = failure_of(1000, move || {
            fault(broken);
            scenario(&table, &Arc::default());
        });
        fault(Fault::None);
        assert!(expected.iter().any(|expected| found.contains(expected)), "{broken:?}: {found}");
    }
}
