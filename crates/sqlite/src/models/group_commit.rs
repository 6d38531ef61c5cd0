//! The writer's queue: callers, batches, commits that fail, waits that time out, a write lock that is taken, and the end.
//!
//! Every caller is answered. What was answered with OK is stored, and read from then on; what was refused is not. Nothing is
//! written while another holds the write lock, nor after `close` has returned, and from then on every caller is told that it was closed.

use super::sync::{Fault, advance, fault, scheduling_point};
use super::table::{Table, delete, read};
use crate::disk_space::DiskSpace;
use crate::profile_cache::ProfileCache;
use crate::reader::Readers;
use crate::writer::{Shared, Writer};
use portraitd_model::UserId;
use portraitd_store::StoreError;
use portraitd_test_support::fixtures::user;
use portraitd_test_support::schedules::{check, wrong};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::sync::{Arc, Mutex};
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

/// Written by those only who do not wait for the answer.
fn abandoned() -> UserId {
    user("abandoned")
}

/// How often each thing happened, in all orders together: a model in which nothing happens proves nothing.
#[derive(Default, Debug)]
struct Seen(StdMutex<BTreeMap<&'static str, u64>>);

impl Seen {
    fn one(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

struct Stage {
    seen: Arc<Seen>,
    table: Arc<Table>,
    writer: Writer,
    cache: Arc<ProfileCache>,
    readers: Readers,
    write_lock: Arc<Mutex<()>>,
    /// A thread is closing it.
    closing: AtomicBool,
}

impl Stage {
    fn new(table: &Arc<Table>, seen: &Arc<Seen>) -> Self {
        let accounts: Vec<UserId> = (0..CALLERS).map(account).chain([abandoned()]).collect();
        table.begin(&accounts);
        let (write_lock, cache) = (Arc::new(Mutex::new(())), Arc::new(ProfileCache::new(1 << 20)));
        let shared = Shared {
            write_lock: Arc::clone(&write_lock),
            erased: Arc::new(AtomicBool::new(false)),
            cache: Arc::clone(&cache),
            tail: Arc::default(),
            space: Arc::new(DiskSpace::new(table.path(), 0)),
            files: Arc::default(),
        };
        let writer = Writer::start(&table.path(), shared).unwrap();
        let readers = Readers::new(&table.path(), Arc::default());
        let (seen, table, closing) = (Arc::clone(seen), Arc::clone(table), AtomicBool::new(false));
        Self { seen, table, writer, cache, readers, write_lock, closing }
    }

    fn read(&self, account: UserId) -> Option<u64> {
        read(&self.readers, &self.cache, account)
    }
}

/// Changes an account that no other caller changes, and a few others; returns what it is at the end.
fn call(stage: &Stage, caller: usize) -> Option<u64> {
    let (table, own) = (&stage.table, account(caller));
    let mut known = Some(0);
    for step in 1..=STEPS {
        let (write, then) = match thread_rng().gen_range(0..8) {
            0 => (table.unlucky(), known),
            1 => (delete(own), None),
            2 => (table.import(own, step), Some(step as u64)),
            3 => {
                let mut unheard = pin!(stage.writer.write(table.set(abandoned(), step), None));
                // Asked for, and then the caller is gone.
                let _ = unheard.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                continue;
            }
            _ => (table.set(own, step), known.map(|_| step as u64)),
        };
        match future::block_on(stage.writer.write(write, None)) {
            Ok(_) => {
                stage.seen.one("acknowledged");
                known = then;
            }
            Err(StoreError::NoSuchAccount) => assert_eq!(known, None),
            Err(StoreError::Unavailable(why)) => {
                let why = refusal(&why);
                assert!(why != CLOSED || stage.closing.load(Ordering::SeqCst), "it was not closed");
                stage.seen.one(why);
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(stage.read(own), known, "what was acknowledged is read, and nothing else");
    }
    known
}

fn refusal(why: &str) -> &'static str {
    let reasons = [CLOSED, "too much is waiting", "FOREIGN KEY", "it failed a moment ago"];
    reasons.into_iter().find(|reason| why.contains(reason)).unwrap_or_else(|| panic!("{why}"))
}

fn hold_the_write_lock(stage: &Stage) {
    let closed = stage.write_lock.lock().unwrap();
    let before = stage.table.commits_seen();
    for _ in 0..4 {
        scheduling_point();
    }
    assert_eq!(stage.table.commits_seen(), before, "written while another held the write lock");
    drop(closed);
}

/// Closes after a while, and gives what is stored then.
fn close(stage: &Stage) -> BTreeMap<UserId, u64> {
    for _ in 0..thread_rng().gen_range(0..200) {
        scheduling_point();
    }
    stage.closing.store(true, Ordering::SeqCst);
    future::block_on(stage.writer.close());
    let stored = stage.table.stored();
    let refused = future::block_on(stage.writer.write(stage.table.set(account(0), 9), None));
    assert_eq!(refused.unwrap_err(), StoreError::Unavailable(CLOSED.into()));
    stored
}

fn story(table: &Arc<Table>, seen: &Arc<Seen>) {
    let stage = Arc::new(Stage::new(table, seen));
    let on = |play: fn(&Stage)| {
        let stage = Arc::clone(&stage);
        thread::spawn(move || play(&stage))
    };
    let others = [
        on(hold_the_write_lock),
        on(|_| (0..3).for_each(|_| advance(Duration::from_millis(900)))),
        // A second one who closes waits for the first.
        on(|stage| drop(close(stage))),
    ];
    let closer = thread::spawn({
        let stage = Arc::clone(&stage);
        move || close(&stage)
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || call(&stage, caller))
        })
        .collect();
    let known: Vec<Option<u64>> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    let at_the_close = closer.join().unwrap();
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(stage.table.stored(), at_the_close, "nothing is written after the close");
    for (caller, known) in known.iter().enumerate() {
        assert_eq!(at_the_close.get(&account(caller)).copied(), *known, "stored is what was acknowledged");
    }
    assert!(!at_the_close.contains_key(&user("unlucky")));
    let mut ranges = stage.writer.measurements().batch.ranges();
    if ranges.any(|(end, commits)| end != Some(1) && commits > 0) {
        seen.one("a commit of several");
    }
}

#[test]
fn every_caller_is_answered_with_what_became_of_it() {
    let (table, seen) = (Arc::new(Table::new()), Arc::new(Seen::default()));
    check(1000, {
        let seen = Arc::clone(&seen);
        move || story(&table, &seen)
    });
    let seen = seen.0.lock().unwrap();
    eprintln!("{seen:?}");
    assert_eq!(seen.len(), 6, "{seen:?}");
}

/// The same story without the end: the writer is dropped while a caller may still wait for it.
#[test]
fn a_writer_that_is_dropped_has_written_what_it_accepted() {
    let table = Arc::new(Table::new());
    check(500, move || {
        let stage = Stage::new(&table, &Arc::default());
        for version in 1..=2 {
            let mut asked = pin!(stage.writer.write(table.set(abandoned(), version), None));
            let sent = asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
            assert!(sent);
        }
        drop(stage);
        assert_eq!(table.stored()[&abandoned()], 2);
    });
}

/// The models can fail: with a channel that does not close, and with answers that get lost.
#[test]
fn broken_queues_are_found_out() {
    let ways: [(Fault, &[&str]); 2] = [
        (Fault::NeverCloses, &["deadlock"]),
        (Fault::LosesAnswers, &["what was acknowledged is read", "it was not closed"]),
    ];
    for (broken, expected) in ways {
        let table = Arc::new(Table::new());
        let found = wrong(1000, move || {
            fault(broken);
            story(&table, &Arc::default());
        });
        fault(Fault::None);
        assert!(expected.iter().any(|expected| found.contains(expected)), "{broken:?}: {found}");
    }
}
