//! The engine on a database: the suite of every engine, and the same random steps on it and on the engine in memory. Runs on
//! the cluster that `scripts/test` starts (`testing/galera`).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use portraitd_model::{SdkAppId, UnixMillis};
use portraitd_mysql::{MysqlStore, MysqlUrl};
use portraitd_store::{Change, Import, Store};
use portraitd_test_support::fixtures::{APP, NICK, found, patch, seed, user};
use portraitd_test_support::{galera, suite};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};
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

/// Others do not wait for a node that seems dead. When it goes on, its calls have checked their values by what it knew: these are
/// not written before it has what the others changed.
#[test]
fn a_node_that_was_taken_for_dead_writes_nothing_checked_by_older_settings() {
    let Some(cluster) = galera::shared() else { return };
    let database = cluster.new_database();
    let url: MysqlUrl = cluster.url(&database).parse().unwrap();
    let taken_for_dead = || {
        cluster.sql("all", 0, &format!("UPDATE {database}.portrait_nodes SET incarnation = incarnation + 1"));
    };
    let import = |store: &MysqlStore| {
        let seeds = vec![seed("u", &[])];
        let import = Import { app: SdkAppId(1), seeds, at: UnixMillis(1), origin: None, deleted_after: None };
        RUNTIME.block_on(store.write(import.into(), None))
    };
    let refusal = |store: &MysqlStore| import(store).err().map(|error| error.to_string());
    RUNTIME.block_on(MysqlStore::migrate(&url)).unwrap();
    let store = RUNTIME.block_on(MysqlStore::open(url, "test")).unwrap();
    store.adopt_catalog(1);
    import(&store).unwrap();

    // Nothing was changed meanwhile: it goes on as soon as it has another number.
    let number = || store.nodes().unwrap().node;
    let before = number();
    taken_for_dead();
    wait_for(|| number() != before);
    import(&store).unwrap();
    taken_for_dead();
    cluster.sql("all", 0, &format!("UPDATE {database}.portrait_meta SET value = 9 WHERE name = 'catalog'"));
    wait_for(|| store.nodes().unwrap().catalog == 9);
    let refused = refusal(&store).unwrap();
    assert!(refused.contains("taken for dead"), "{refused}");
    RUNTIME.block_on(store.settle()).unwrap();
    store.adopt_catalog(8);
    assert!(refusal(&store).is_some());
    store.adopt_catalog(9);
    import(&store).unwrap();
    RUNTIME.block_on(store.close());
}

/// Nodes may be at different hosts while one of these comes or goes. An answer for which nothing is written (there is no such
/// account; nothing changes) depends on what every host has acknowledged, as a written one does.
#[test]
fn what_nothing_is_written_for_is_decided_by_what_any_host_acknowledged() {
    let Some(cluster) = galera::shared() else { return };
    let database = cluster.new_database();
    let url = cluster.url(&database);
    let (head, rest) = url.split_once('@').unwrap();
    let (hosts, database) = rest.split_once('/').unwrap();
    let (first, others) = hosts.split_once(',').unwrap();
    let urls = [url.clone(), format!("{head}@{others},{first}/{database}")];
    RUNTIME.block_on(async {
        MysqlStore::migrate(&urls[0].parse().unwrap()).await.unwrap();
        let here = MysqlStore::open(urls[0].parse().unwrap(), "here").await.unwrap();
        let there = MysqlStore::open(urls[1].parse().unwrap(), "there").await.unwrap();
        let set = |name: &str, nick: &str| {
            let patch = patch(&[(NICK, nick)]);
            Change { app: APP, user: user(name), patch, at: UnixMillis(1), origin: None }
        };
        for round in 0..300 {
            let name = format!("user{round}");
            here.import(APP, vec![seed(&name, &[(NICK, "a")])], UnixMillis(1), None).await.unwrap();
            let known = there.apply(set(&name, "a")).await;
            assert_eq!(known, Ok(()), "{name} is there");
            here.apply(set(&name, "b")).await.unwrap();
            there.apply(set(&name, "a")).await.unwrap();
            let read = here.profiles(APP, vec![user(&name)]).await.unwrap();
            assert_eq!(read, [found(&[(NICK, "a")])], "{name}: the last change was not done");
        }
        here.close().await;
        there.close().await;
    });
}

fn wait_for(is_true: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < Duration::from_mins(1), "waited a minute in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}
