//! Tools of a stopped store, and upgrades, that are killed at any operation on the disk: what was acknowledged is still there, whichever
//! tool or start comes next, and what is damaged is still refused, or repaired.

use crate::child_process::{TestDirs, child_that};
use portraitd_model::UnixMillis;
use portraitd_sqlite::{OpenError, SqliteSettings, SqliteStore, check, compact, repair};
use portraitd_store::{Change, Found, Store};
use portraitd_test_support::disk::{Action, CHANGES, EVERY_FILE, Fault};
use portraitd_test_support::fixtures::{APP, NICK, block_on, found, patch, seed, user};
use rusqlite::Connection;
use std::fs;
use std::path::Path;

const FILES: [&str; 4] = ["portraitd.db", "portraitd.db-wal", "portraitd.journal-0", "portraitd.journal-1"];
const BLOCK: usize = 4096;

async fn set(store: &SqliteStore, name: &str, nick: &str) {
    let patch = patch(&[(NICK, nick)]);
    store.apply(Change { app: APP, user: user(name), patch, at: UnixMillis(1), origin: None }).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in FILES.into_iter().filter(|file| from.join(file).exists()) {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// A store with three frames in each file of its journal, in which nothing is applied; killed.
fn killed(image: &Path, changes: impl AsyncFnOnce(&SqliteStore)) {
    let place = TestDirs::new();
    block_on(async {
        let settings = SqliteSettings { journal_bytes_max: 32 << 10, ..SqliteSettings::default() };
        let store = SqliteStore::open_with(&place.data(), settings).unwrap();
        let held = Connection::open(place.data().join("portraitd.db")).unwrap();
        held.execute_batch("BEGIN IMMEDIATE").unwrap();
        changes(&store).await;
        copy(&place.data(), image);
    });
}

/// Kills a tool at one operation after the other, until it ends by itself; looks at the directory after each.
fn kill_at_every_operation(image: &Path, tool: &str, look: impl Fn(&Path, &str)) {
    for action in [Action::KillBefore, Action::KillAfter] {
        for first in 1.. {
            let place = TestDirs::new();
            copy(image, &place.data());
            let disk = place.disk();
            disk.spoil(Fault { kinds: CHANGES, files: EVERY_FILE, first, count: 1, action, error: 0 });
            let mut child = child_that("tools::runs_a_tool");
            disk.attach(child.env("TOOL", tool).env("TOOL_DATA", place.data()));
            let ended = child.status().unwrap();
            if disk.fired() == 0 {
                assert!(ended.success(), "{tool}");
                assert!(first > 20, "{tool} does {first} operations only");
                look(&place.data(), &format!("after {tool}"));
                break;
            }
            look(&place.data(), &format!("{tool}, {action:?} {first}"));
        }
    }
}

/// Not a test: the child process runs this.
#[test]
#[ignore = "run by the other tests"]
fn runs_a_tool() {
    let Some(data) = std::env::var_os("TOOL_DATA") else { return };
    let data = Path::new(&data);
    match std::env::var("TOOL").unwrap().as_str() {
        "check" => assert_eq!(check(data, &mut |_| {}).unwrap().damaged, 0),
        "compact" => drop(compact(data).unwrap()),
        "repair" => {
            let mut number = 0;
            repair(data, &mut |_| number += 1).unwrap();
            assert_eq!(number, 1);
        }
        "start" => block_on(SqliteStore::open(data).unwrap().close()),
        other => panic!("{other}"),
    }
}

/// The older segment deletes an account, so that its bytes must leave the journal; the newer one is applied after it.
#[test]
fn a_tool_that_is_killed_loses_nothing_of_the_journal() {
    let place = TestDirs::new();
    let image = place.image();
    killed(&image, async |store| {
        for names in [["gone", "a"], ["b", "c"]] {
            let seeds = names.map(|name| seed(name, &[(NICK, "imported")])).to_vec();
            store.import(APP, seeds, UnixMillis(1), None).await.unwrap();
        }
        store.delete(APP, vec![user("gone")]).await.unwrap();
        for name in ["a", "d"] {
            store
                .import(APP, vec![seed(name, &[(NICK, "of the newer segment")])], UnixMillis(1), None)
                .await
                .unwrap();
        }
        set(store, "c", "of the newer segment").await;
    });
    let used = |file: &str| fs::read(image.join(file)).unwrap()[..BLOCK].iter().any(|byte| *byte != 0);
    assert!(used(FILES[2]) && used(FILES[3]), "there are two segments");
    let newer = Some("of the newer segment");
    let expected = [("gone", None), ("a", newer), ("b", Some("imported")), ("c", newer), ("d", newer)];
    for tool in ["check", "compact"] {
        kill_at_every_operation(&image, tool, |data, when| {
            let store = SqliteStore::open(data).unwrap_or_else(|error| panic!("{when}: {error}"));
            let users = expected.map(|(name, _)| user(name)).to_vec();
            let wanted = expected.map(|(_, nick)| nick.map_or(Found::Missing, |nick| found(&[(NICK, nick)])));
            assert_eq!(block_on(store.profiles(APP, users)).unwrap(), wanted, "{when}");
        });
    }
}

/// What a repair has not finished is refused as before, or has what a finished one has.
#[test]
fn a_repair_that_is_killed_is_done_again() {
    let place = TestDirs::new();
    let image = place.image();
    killed(&image, async |store| {
        store.import(APP, vec![seed("a", &[(NICK, "before")])], UnixMillis(1), None).await.unwrap();
        set(store, "a", "damaged").await;
        set(store, "a", "behind it").await;
    });
    let mut bytes = fs::read(image.join(FILES[2])).unwrap();
    bytes[2 * BLOCK + 20] ^= 4;
    fs::write(image.join(FILES[2]), bytes).unwrap();
    kill_at_every_operation(&image, "repair", |data, when| {
        let reads = |store: SqliteStore| {
            let read = block_on(store.profiles(APP, vec![user("a")])).unwrap();
            assert_eq!(read, [found(&[(NICK, "before")])], "{when}");
        };
        match SqliteStore::open(data) {
            Ok(store) => reads(store),
            Err(OpenError::DamagedJournal { .. }) => {
                repair(data, &mut |_| {}).unwrap_or_else(|error| panic!("{when}: {error}"));
                reads(SqliteStore::open(data).unwrap());
            }
            Err(error) => panic!("{when}: {error}"),
        }
    });
}

#[test]
fn an_upgrade_that_is_killed_is_done_again() {
    let place = TestDirs::new();
    let image = place.image();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-7"), &image);
    kill_at_every_operation(&image, "start", |data, when| {
        let store = SqliteStore::open(data).unwrap_or_else(|error| panic!("{when}: {error}"));
        let accounts = block_on(store.accounts_page(APP, String::new(), None, 9)).unwrap();
        assert_eq!(accounts, ["administrator", "alice", "bob", "ops"].map(user), "{when}");
        block_on(store.probe()).unwrap();
    });
}
