//! The engine on a database: the suite of every engine, and the same random steps on it and on the engine in memory. Runs on
//! the database that the environment names (`testing/galera`); without one the tests say that they were skipped.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use portraitd_mysql::{MysqlStore, MysqlUrl};
use portraitd_test_support::suite;
use std::path::Path;
use std::sync::LazyLock;
use tokio::runtime::Runtime;

/// Lives longer than every store: their tasks run on it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

fn base_url() -> Option<String> {
    std::env::var("PORTRAITD_TEST_MYSQL_URL").ok()
}

/// Opens the store in a database of its own for each directory.
fn open(dir: &Path) -> MysqlStore {
    let base = base_url().expect("PORTRAITD_TEST_MYSQL_URL names a database");
    let name: String = dir.to_str().unwrap().chars().filter(char::is_ascii_alphanumeric).collect();
    let open = async move {
        let mysql = format!("{base}portraitd_{name}");
        make_database(&base, &format!("portraitd_{name}")).await;
        let url: MysqlUrl = mysql.parse().unwrap();
        MysqlStore::migrate(&url).await.unwrap();
        MysqlStore::open(url, "test").await.unwrap()
    };
    std::thread::spawn(|| RUNTIME.block_on(open)).join().unwrap()
}

async fn make_database(base: &str, name: &str) {
    use mysql_async::prelude::Queryable;
    let (head, hosts) = base.rsplit_once('@').unwrap();
    let first = hosts.split([',', '/']).next().unwrap();
    let mut conn = mysql_async::Conn::from_url(format!("{head}@{first}/")).await.unwrap();
    conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS {name}")).await.unwrap();
    conn.disconnect().await.unwrap();
}

portraitd_test_support::store_suite!(open);

#[test]
fn accounts_behave_as_in_memory() {
    suite::accounts_behave_as_in_memory(open);
}

#[test]
fn a_place_is_not_given_twice_and_the_backlog_outlives_a_restart() {
    suite::outbox::a_place_is_not_given_twice_and_the_backlog_outlives_a_restart(open);
}
