//! The embedded engine: the suite of every engine, and the same random steps on it and on the engine in memory.

#![expect(clippy::unwrap_used, reason = "a test")]

use portraitd_sqlite::SqliteStore;
use portraitd_test_support::suite;
use std::path::Path;

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir).unwrap()
}

portraitd_test_support::store_suite!(open);

#[test]
fn accounts_behave_as_in_memory() {
    suite::accounts_behave_as_in_memory(open);
}

#[test]
fn both_engines_read_the_same() {
    suite::both_engines_read_the_same(open);
}

#[test]
fn a_place_is_not_given_twice_and_the_backlog_outlives_a_restart() {
    suite::outbox::a_place_is_not_given_twice_and_the_backlog_outlives_a_restart(open);
}
