//! A kill at any moment, also after syncs that failed: of the files as they were then, a start reads every acknowledged change, and
//! nothing that was never written.

use super::primitives::{advance, fail_disk, scheduling_point};
use super::table::{Table, delete, open, read};
use crate::SqliteStore;
use portraitd_model::UserId;
use portraitd_store::Store;
use portraitd_test_support::fixtures::user;
use portraitd_test_support::schedules::check;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::{future, thread};
use std::sync::Mutex as StdMutex;
use std::time::Duration;

const CALLERS: usize = 2;
const STEPS: usize = 4;

fn account(caller: usize) -> UserId {
    user(&format!("caller{caller}"))
}

/// The versions of an account that may be found after a kill: the acknowledged one first, then those that were asked for since, of
/// which the last may be being written, and the others failed.
type Possible = Vec<Option<u64>>;

type Known = Arc<StdMutex<[Possible; CALLERS]>>;

fn call(table: &Table, store: &SqliteStore, caller: usize, known: &Known) {
    let own = account(caller);
    for step in 1..=STEPS {
        let before = read(store, own);
        let (write, then) = match thread_rng().gen_range(0..5) {
            0 => (delete(own), None),
            1 | 2 => (table.import(own, step), Some(step as u64)),
            _ if before.is_some() => (table.set(own, step), Some(step as u64)),
            _ => continue,
        };
        known.lock().unwrap()[caller].push(then);
        // One that changes nothing writes nothing.
        if future::block_on(store.write(write, None)).is_ok() && before != then {
            known.lock().unwrap()[caller] = vec![then];
        }
    }
}

fn scenario(table: &Arc<Table>) {
    table.begin(&[account(0), account(1)]);
    let store = Arc::new(table.open());
    fail_disk(thread_rng().gen_range(0..3));
    let known: Known = Arc::new(StdMutex::new(std::array::from_fn(|_| vec![Some(0)])));
    let mut threads: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (table, store, known) = (Arc::clone(table), Arc::clone(&store), Arc::clone(&known));
            thread::spawn(move || call(&table, &store, caller, &known))
        })
        .collect();
    threads.push(thread::spawn(|| (0..3).for_each(|_| advance(Duration::from_millis(600)))));
    let killed = thread::spawn({
        let (table, known) = (Arc::clone(table), Arc::clone(&known));
        move || {
            for _ in 0..thread_rng().gen_range(0..300) {
                scheduling_point();
            }
            // No other thread runs meanwhile.
            (table.kill(), known.lock().unwrap().clone())
        }
    });
    let (image, possible) = killed.join().unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
    // The rest is left to the next start, too.
    drop(store);
    fail_disk(0);
    let at_the_end = known.lock().unwrap().clone();
    for (store, possible) in [(open(&image), possible), (table.open(), at_the_end)] {
        let found: Vec<_> = (0..CALLERS).map(|caller| read(&store, account(caller))).collect();
        for (found, possible) in found.iter().zip(&possible) {
            assert!(possible.contains(found), "{found:?} is found, of {possible:?}");
        }
        future::block_on(store.close());
    }
    let stored = table.stored();
    for (caller, possible) in known.lock().unwrap().iter().enumerate() {
        let stored = stored.get(&account(caller)).copied();
        assert!(possible.contains(&stored), "{stored:?} is stored, of {possible:?}");
    }
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let table = Arc::new(Table::new());
    check(600, move || scenario(&table));
}
