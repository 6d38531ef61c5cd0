//! The profile cache: the writer publishes what is in the journal, the applier unpins what the table has, and readers insert what
//! they read from the table, which may be out of date by then. Invariants: no reader reads a version older than one acknowledged
//! before, or than one it read before; at the end the cache equals the table.

use super::primitives::{advance, scheduling_point};
use super::table::{Table, delete, read, version_of};
use crate::SqliteStore;
use crate::profile_cache::Known;
use crate::write::rows;
use portraitd_model::{Tag, UserId};
use portraitd_store::Store;
use portraitd_test_support::fixtures::{APP, LEVEL, user};
use portraitd_test_support::schedules::{check, failure_of};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::{future, thread};
use std::time::Duration;

const READERS: usize = 2;
const CHANGES: usize = 4;

fn alice() -> UserId {
    user("alice")
}

/// The account whose changes evict that of `alice`.
fn other() -> UserId {
    user("other")
}

/// A way to read the profile of `alice`.
type Read = fn(&SqliteStore) -> Option<u64>;

fn as_shipped(store: &SqliteStore) -> Option<u64> {
    read(store, alice())
}

/// Wrong on purpose: takes the shard's version after the read, so that the profile may be older than that version.
fn with_a_late_version(store: &SqliteStore) -> Option<u64> {
    let (key, cache) = ((APP, alice()), &store.shared.cache);
    match cache.get(&key) {
        Known::Account(account) => return Some(version_of(alice(), &account.profile)),
        Known::Deleted(_) => return None,
        Known::Nothing(_) => {}
    }
    let found = store.readers.with(|connection| Ok(rows::find(connection, key).unwrap())).unwrap()?;
    let version = version_of(alice(), &found.profile);
    // Slow, too, so that meanwhile the table may get a newer one.
    (0..100).for_each(|_| scheduling_point());
    if let Known::Nothing(late) = cache.get(&key) {
        cache.insert_if_current(key, found, late);
    }
    Some(version)
}

/// Versions only grow, and an account that was deleted is made again with a greater one.
fn scenario(table: &Arc<Table>, read_profile: Read, unpinned_early: bool) {
    table.begin(&[alice(), other()]);
    let store = Arc::new(table.open());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut others: Vec<_> = (0..READERS)
        .map(|_| {
            let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
            thread::spawn(move || {
                let mut seen = 0;
                for _ in 0..4 {
                    let least = acknowledged.load(Ordering::SeqCst).max(seen);
                    // A deleted account has no version; the next one is greater than all before.
                    let Some(version) = read_profile(&store) else { continue };
                    assert!(version >= least, "version {version} is read after version {least}");
                    seen = version;
                }
            })
        })
        .collect();
    if unpinned_early {
        let store = Arc::clone(&store);
        others.push(thread::spawn(move || store.shared.cache.set_applied(u64::MAX)));
    }
    let mut known = Some(0);
    for version in 1..=CHANGES {
        let (write, then) = match thread_rng().gen_range(0..6) {
            0 => (delete(alice()), None),
            1 | 2 => (table.import(alice(), version), Some(version as u64)),
            _ if known.is_some() => (table.set(alice(), version), Some(version as u64)),
            _ => continue,
        };
        for write in [write, table.set(other(), version)] {
            future::block_on(store.write(write, None)).unwrap();
        }
        if thread_rng().gen_bool(0.5) {
            // Has everything applied.
            future::block_on(store.holders_count(APP, Tag::parse(LEVEL, APP).unwrap())).unwrap();
        }
        known = then;
        if let Some(version) = then {
            acknowledged.store(version, Ordering::SeqCst);
        }
    }
    // Everything is old enough to be applied.
    (0..3).for_each(|_| advance(Duration::from_secs(1)));
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(read(&store, alice()), known, "what is read at the end");
    future::block_on(store.close());
    assert_eq!(table.stored().get(&alice()).copied(), known, "what is stored at the end");
}

#[test]
fn no_reader_reads_an_outdated_profile() {
    let table = Arc::new(Table::new());
    check(1000, move || scenario(&table, as_shipped, false));
}

/// The model can fail: with a reader that takes its version too late.
#[test]
fn a_reader_that_takes_its_version_too_late_is_detected() {
    let table = Arc::new(Table::new());
    let found = failure_of(4000, move || scenario(&table, with_a_late_version, false));
    assert!(found.contains("is read after version") || found.contains("what is read"), "{found}");
}

/// The model can fail: with changes that are unpinned before the table has them.
#[test]
fn changes_that_are_unpinned_too_early_are_detected() {
    let table = Arc::new(Table::new());
    let found = failure_of(2000, move || scenario(&table, as_shipped, true));
    // The last two are the applier's own refusal, which it may repeat to the end of the schedule.
    let kinds = [
        "is read after version",
        "what is read",
        "what is stored",
        "NoSuchAccount",
        "is not in memory",
        "exceeded max_steps",
    ];
    assert!(kinds.iter().any(|kind| found.contains(kind)), "{found}");
}
