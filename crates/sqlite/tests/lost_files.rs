//! Stores whose files are removed, moved, replaced or linked, while they are open or stopped.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use portraitd_model::UnixMillis;
use portraitd_sqlite::{OpenError, Repaired, SqliteStore, check, compact, repair, restore};
use portraitd_store::{Change, Store, StoreError, StoreId};
use portraitd_test_support::fixtures::{APP, block_on, found, patch, seed, user};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NICK: &str = "Tag_Profile_IM_Nick";
const DATABASE: &str = "portraitd.db";
const LOG: &str = "portraitd.db-wal";
const JOURNAL: [&str; 2] = ["portraitd.journal-0", "portraitd.journal-1"];
const LOCK: &str = "portraitd.lock";

async fn set(store: &SqliteStore, text: &str) -> Result<(), StoreError> {
    let patch = patch(&[(NICK, text)]);
    store.apply(Change { app: APP, user: user("a"), patch, at: UnixMillis(1), origin: None }).await
}

async fn reads(store: &SqliteStore, text: &str) {
    assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, text)])]);
}

async fn new_store(dir: &Path) -> SqliteStore {
    let store = SqliteStore::open(dir).unwrap();
    store.import(APP, vec![seed("a", &[(NICK, "imported")])], UnixMillis(1), None).await.unwrap();
    set(&store, "acknowledged").await.unwrap();
    reads(&store, "acknowledged").await;
    store
}

async fn refuses(store: &SqliteStore, expected: &[&str]) {
    for refused in [set(store, "refused").await, store.probe().await] {
        let Err(StoreError::Unavailable(why)) = refused else { panic!("{refused:?}") };
        assert!(expected.iter().all(|part| why.english().contains(part)), "{why:?}");
    }
    assert!(store.status().files_changed);
}

fn is_refused(dir: &Path) {
    let Err(error) = SqliteStore::open(dir) else { panic!("opened beside another") };
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[test]
fn an_identity_stays_with_the_data_and_a_copy_has_another() {
    let dir = tempfile::tempdir().unwrap();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| dir.path().join(name));
    block_on(async {
        let store = new_store(&data).await;
        let id = store.id();
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        store.close().await;
        let of = |dir: &Path| SqliteStore::open(dir).unwrap().id();
        assert_eq!(of(&data), id, "opened again");
        compact(&data).unwrap();
        assert_eq!(of(&data), id, "compacted");
        restore(&backup, &restored, &mut |_| {}).unwrap();
        let ids: Vec<StoreId> = [&data, &backup, &restored].map(|dir| of(dir)).into();
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
        let upgraded = dir.path().join("upgraded");
        fs::create_dir(&upgraded).unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-4");
        fs::copy(golden.join(DATABASE), upgraded.join(DATABASE)).unwrap();
        let id = of(&upgraded);
        assert_eq!(of(&upgraded), id, "made with the upgrade, once");
    });
}

#[test]
fn no_second_store_opens_beside_the_first_whatever_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = new_store(dir.path()).await;
        fs::remove_file(dir.path().join(LOCK)).unwrap();
        is_refused(dir.path());
        refuses(&store, &[LOCK, "restart the server"]).await;
        reads(&store, "acknowledged").await;
        store.close().await;
        reads(&SqliteStore::open(dir.path()).unwrap(), "acknowledged").await;
    });
}

#[test]
fn a_log_that_is_removed_under_a_store_is_copied_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = new_store(dir.path()).await;
        fs::remove_file(dir.path().join(LOG)).unwrap();
        refuses(&store, &[LOG, "was removed", "SIGTERM"]).await;
        is_refused(dir.path());
        store.close().await;
        reads(&SqliteStore::open(dir.path()).unwrap(), "acknowledged").await;
    });
}

#[test]
fn a_database_that_is_removed_under_a_store_can_still_be_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    block_on(async {
        let store = new_store(&data).await;
        for file in [DATABASE, LOG, "portraitd.db-shm"] {
            fs::remove_file(data.join(file)).unwrap();
        }
        refuses(&store, &[DATABASE, "was removed", "portraitd backup"]).await;
        // A restore here would be a second store in the same directory.
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        assert!(restore(&backup, &data, &mut |_| {}).is_err());
        store.close().await;
        for file in JOURNAL {
            fs::remove_file(data.join(file)).unwrap();
        }
        restore(&backup, &data, &mut |_| {}).unwrap();
        reads(&SqliteStore::open(&data).unwrap(), "acknowledged").await;
    });
}

#[test]
fn files_that_are_moved_away_and_back_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (data, moved) = (dir.path().join("data"), dir.path().join("moved"));
    block_on(async {
        let store = new_store(&data).await;
        // The whole directory.
        fs::rename(&data, &moved).unwrap();
        is_refused(&moved);
        refuses(&store, &[DATABASE, "was moved"]).await;
        fs::rename(&moved, &data).unwrap();
        set(&store, "back").await.unwrap();
        // The files, into another directory.
        fs::create_dir(&moved).unwrap();
        for file in [DATABASE, LOG] {
            fs::rename(data.join(file), moved.join(file)).unwrap();
        }
        is_refused(&moved);
        fs::write(data.join(DATABASE), "another").unwrap();
        refuses(&store, &[DATABASE, "was moved", "another file has its name"]).await;
        reads(&store, "back").await;
        store.close().await;
        // Closing the store leaves the moved files whole, and does not touch the files at their old paths.
        reads(&SqliteStore::open(&moved).unwrap(), "back").await;
        assert_eq!(fs::read(data.join(DATABASE)).unwrap(), b"another");
    });
}

/// A store that ends leaves the files of another one alone that has its place by now, also when it has bytes to overwrite.
#[test]
fn a_store_that_was_moved_away_overwrites_nothing_of_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let [data, moved, image] = ["data", "moved", "image"].map(|name| dir.path().join(name));
    block_on(async {
        let first = new_store(&data).await;
        first.delete(APP, vec![user("a")]).await.unwrap();
        fs::rename(&data, &moved).unwrap();
        let second = new_store(&data).await;
        first.close().await;
        killed(&data, &image);
        reads(&SqliteStore::open(&image).unwrap(), "acknowledged").await;
        reads(&second, "acknowledged").await;
        second.close().await;
        assert_eq!(SqliteStore::open(&moved).unwrap().accounts_count(APP).await.unwrap(), 0);
    });
}

#[test]
fn files_that_are_linked_elsewhere_are_in_use_there_too() {
    let dir = tempfile::tempdir().unwrap();
    let (data, linked) = (dir.path().join("data"), dir.path().join("linked"));
    block_on(async {
        let store = new_store(&data).await;
        fs::create_dir(&linked).unwrap();
        fs::hard_link(data.join(DATABASE), linked.join(DATABASE)).unwrap();
        refuses(&store, &[DATABASE, "2 names (hard links)"]).await;
        // Without its log it opens nowhere.
        let Err(error) = SqliteStore::open(&linked) else { panic!("opened without the log") };
        assert!(matches!(error, OpenError::LostWal { .. }), "{error}");
        fs::hard_link(data.join(LOG), linked.join(LOG)).unwrap();
        is_refused(&linked);
        fs::remove_dir_all(&linked).unwrap();
        set(&store, "one name").await.unwrap();
        store.close().await;
        reads(&SqliteStore::open(&data).unwrap(), "one name").await;
    });
}

/// A store that was killed: its files as they are while it runs.
fn killed(data: &Path, image: &Path) {
    let _ = fs::remove_dir_all(image);
    fs::create_dir_all(image).unwrap();
    for file in [DATABASE, LOG].into_iter().chain(JOURNAL) {
        if data.join(file).exists() {
            fs::copy(data.join(file), image.join(file)).unwrap();
        }
    }
}

/// What a repair has given up.
fn repaired(dir: &Path) -> Vec<Repaired> {
    let mut all = Vec::new();
    repair(dir, &mut |one| all.push(one)).unwrap();
    all
}

fn lost_log(error: &OpenError) -> bool {
    error.to_string().contains("portraitd repair --data") && matches!(error, OpenError::LostWal { .. })
}

#[test]
fn a_killed_store_does_not_open_without_its_log() {
    let dir = tempfile::tempdir().unwrap();
    // A name with characters that are special in a URI.
    let (data, image) = (dir.path().join("data"), dir.path().join("a b?c#d%41é"));
    block_on(async {
        let store = new_store(&data).await;
        let lose: [fn(PathBuf); 3] = [
            |log| fs::remove_file(log).unwrap(),
            |log| fs::write(log, "").unwrap(),
            |log| fs::write(log, [0; 31]).unwrap(),
        ];
        for lose in lose {
            killed(&data, &image);
            let log = fs::read(image.join(LOG)).unwrap();
            lose(image.join(LOG));
            let before = fs::read(image.join(DATABASE)).unwrap();
            // Twice: a refusal changes nothing.
            for _ in 0..2 {
                assert!(SqliteStore::open(&image).is_err_and(|error| lost_log(&error)));
                assert!(check(&image, &mut |_| {}).is_err_and(|error| lost_log(&error)));
                assert!(compact(&image).is_err_and(|error| lost_log(&error)));
                assert!(restore(&image, &dir.path().join("r"), &mut |_| {}).is_err());
            }
            assert_eq!(fs::read(image.join(DATABASE)).unwrap(), before);
            fs::write(image.join(LOG), log).unwrap();
            reads(&SqliteStore::open(&image).unwrap(), "acknowledged").await;
            // Repair gives the WAL up.
            killed(&data, &image);
            lose(image.join(LOG));
            assert_eq!(repaired(&image), [Repaired::LostWal]);
            assert_eq!(repaired(&image), []);
            let store = SqliteStore::open(&image).unwrap();
            store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
            set(&store, "after").await.unwrap();
            store.close().await;
        }
        store.close().await;
        // A store that was closed needs no WAL.
        killed(&data, &image);
        let _ = fs::remove_file(image.join(LOG));
        reads(&SqliteStore::open(&image).unwrap(), "acknowledged").await;
    });
}

/// A deletion makes the checkpointer truncate the WAL; later changes need the WAL again.
#[test]
fn a_killed_store_does_not_open_without_its_log_once_that_was_truncated() {
    let dir = tempfile::tempdir().unwrap();
    let (data, image) = (dir.path().join("data"), dir.path().join("image"));
    block_on(async {
        let store = new_store(&data).await;
        let secret = "Geheimnis";
        store.import(APP, vec![seed(secret, &[])], UnixMillis(1), None).await.unwrap();
        store.delete(APP, vec![user(secret)]).await.unwrap();
        let holds_secret = || {
            let log = fs::read(data.join(LOG)).unwrap();
            log.windows(secret.len()).any(|window| window == secret.as_bytes())
        };
        while holds_secret() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        set(&store, "after").await.unwrap();
        killed(&data, &image);
        fs::remove_file(image.join(LOG)).unwrap();
        assert!(SqliteStore::open(&image).is_err_and(|error| lost_log(&error)));
        killed(&data, &image);
        reads(&SqliteStore::open(&image).unwrap(), "after").await;
    });
}

fn foreign_log(error: &OpenError) -> bool {
    error.to_string().contains("Move it (and") && matches!(error, OpenError::ForeignWal { .. })
}

/// A WAL of an earlier time, or of another store, next to a database that was closed: read together they would undo acknowledged
/// changes.
#[test]
fn a_log_of_an_earlier_time_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let [data, image, backup, aside] = ["data", "image", "backup", "aside"].map(|name| dir.path().join(name));
    block_on(async {
        let store = new_store(&data).await;
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        fs::copy(data.join(LOG), &aside).unwrap();
        killed(&data, &image);
        set(&store, "later").await.unwrap();
        store.close().await;
        let refused = |dir: &Path| {
            let database = fs::read(dir.join(DATABASE)).unwrap();
            for _ in 0..2 {
                assert!(SqliteStore::open(dir).is_err_and(|error| foreign_log(&error)), "{}", dir.display());
                assert!(check(dir, &mut |_| {}).is_err_and(|error| foreign_log(&error)));
                assert!(compact(dir).is_err_and(|error| foreign_log(&error)));
                assert!(repair(dir, &mut |_| {}).is_err_and(|error| foreign_log(&error)));
            }
            assert_eq!(fs::read(dir.join(DATABASE)).unwrap(), database);
            fs::remove_file(dir.join(LOG)).unwrap();
            let _ = fs::remove_file(dir.join("portraitd.db-shm"));
        };
        // Put back after a close.
        fs::copy(&aside, data.join(LOG)).unwrap();
        refused(&data);
        reads(&SqliteStore::open(&data).unwrap(), "later").await;
        // After it was given up.
        fs::copy(image.join(LOG), &aside).unwrap();
        fs::remove_file(image.join(LOG)).unwrap();
        assert_eq!(repaired(&image), [Repaired::LostWal]);
        let store = SqliteStore::open(&image).unwrap();
        store.import(APP, vec![seed("a", &[(NICK, "after")])], UnixMillis(1), None).await.unwrap();
        store.close().await;
        fs::copy(&aside, image.join(LOG)).unwrap();
        refused(&image);
        reads(&SqliteStore::open(&image).unwrap(), "after").await;
        // A backup copied over the database of a store that was killed.
        killed_with(&backup, &aside, &image);
        refused(&image);
        reads(&SqliteStore::open(&image).unwrap(), "acknowledged").await;
    });
}

fn killed_with(backup: &Path, log: &Path, image: &Path) {
    let _ = fs::remove_dir_all(image);
    fs::create_dir_all(image).unwrap();
    fs::copy(backup.join(DATABASE), image.join(DATABASE)).unwrap();
    fs::copy(log, image.join(LOG)).unwrap();
}
