//! A kill at any moment: of the files as they were then, a start reads every acknowledged change, and nothing that was never written.

use super::primitives::{advance, scheduling_point};
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

/// The versions of an account that may be found after a kill: the acknowledged one, and the one that is being written.
#[derive(Clone, Copy, Debug)]
struct Possible {
    acknowledged: Option<u64>,
    asked: Option<u64>,
}

type Known = Arc<StdMutex<[Possible; CALLERS]>>;

fn call(table: &Table, store: &SqliteStore, caller: usize, known: &Known) {
    let own = account(caller);
    for step in 1..=STEPS {
        let (write, then) = match thread_rng().gen_range(0..5) {
            0 => (delete(own), None),
            1 | 2 => (table.import(own, step), Some(step as u64)),
            _ if read(store, own).is_some() => (table.set(own, step), Some(step as u64)),
            _ => continue,
        };
        known.lock().unwrap()[caller].asked = then;
        future::block_on(store.write(write, None)).unwrap();
        known.lock().unwrap()[caller].acknowledged = then;
    }
}

fn scenario(table: &Arc<Table>) {
    table.begin(&[account(0), account(1)]);
    let store = Arc::new(table.open());
    let known: Known = Arc::new(StdMutex::new([Possible { acknowledged: Some(0), asked: Some(0) }; CALLERS]));
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
            (table.kill(), *known.lock().unwrap())
        }
    });
    let (image, possible) = killed.join().unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
    // The rest is left to the next start, too.
    drop(store);
    let at_the_end = *known.lock().unwrap();
    for (store, possible) in [(open(&image), possible), (table.open(), at_the_end)] {
        for (caller, possible) in possible.iter().enumerate() {
            let found = read(&store, account(caller));
            let Possible { acknowledged, asked } = *possible;
            assert!(found == acknowledged || found == asked, "{found:?} is found, of {possible:?}");
        }
        future::block_on(store.close());
    }
    let stored = table.stored();
    for (caller, possible) in at_the_end.iter().enumerate() {
        assert_eq!(stored.get(&account(caller)).copied(), possible.acknowledged, "what is stored");
    }
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let table = Arc::new(Table::new());
    check(600, move || scenario(&table));
}
