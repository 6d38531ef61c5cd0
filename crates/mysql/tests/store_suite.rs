//! The engine on a database: the suite of every engine, and the same random steps on it and on the engine in memory. Runs on
//! the cluster that `scripts/test` starts (`testing/galera`).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use portraitd_mysql::{MysqlStore, MysqlUrl};
use portraitd_test_support::{galera, suite};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use tokio::runtime::Runtime;

/// Lives longer than every store: their tasks run on it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});
/// The databases made so far.
static DATABASES: LazyLock<Mutex<HashMap<PathBuf, String>>> = LazyLock::new(Mutex::default);

fn has_cluster() -> bool {
    galera::shared().is_some()
}

/// Opens the store in a database of its own for each directory.
fn open(dir: &Path) -> MysqlStore {
    let cluster = galera::shared().expect("the test was skipped without a cluster");
    let mut databases = DATABASES.lock().unwrap();
    let name = databases.entry(dir.to_owned()).or_insert_with(|| cluster.new_database());
    let url: MysqlUrl = cluster.url(name).parse().unwrap();
    let open = async move {
        MysqlStore::migrate(&url).await.unwrap();
        MysqlStore::open(url, "test").await.unwrap()
    };
    std::thread::spawn(|| RUNTIME.block_on(open)).join().unwrap()
}

portraitd_test_support::store_suite!(open, when has_cluster);

#[test]
fn accounts_behave_as_in_memory() {
    if has_cluster() {
        suite::accounts_behave_as_in_memory(open);
    }
}

#[test]
fn a_place_is_not_given_twice_and_the_backlog_outlives_a_restart() {
    if has_cluster() {
        suite::outbox::a_place_is_not_given_twice_and_the_backlog_outlives_a_restart(open);
    }
}
