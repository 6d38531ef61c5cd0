//! Tests of the embedded engine only: its directory, its format, its syncs, and faults that it survives.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use portraitd_model::UnixMillis;
use portraitd_sqlite::{OpenError, SqliteSettings, SqliteStore, is_in_use};
use portraitd_store::{Change, Found, PutToken, Store, StoreError, TokenRecord, TokenRole};
use portraitd_test_support::fixtures::{APP, block_on, found, patch, seed, user};
use portraitd_test_support::small_disk::on_a_small_disk;
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const NICK: &str = "Tag_Profile_IM_Nick";

fn nick(name: &str, text: &str) -> Change {
    Change { app: APP, user: user(name), patch: patch(&[(NICK, text)]), at: UnixMillis(1), origin: None }
}

#[test]
fn a_second_process_gets_the_number_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!is_in_use(dir.path()));
    let store = SqliteStore::open(dir.path()).unwrap();
    assert!(is_in_use(dir.path()));
    let Err(error) = SqliteStore::open(dir.path()) else { panic!("opened twice") };
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    block_on(store.close());
    assert!(!is_in_use(dir.path()));
    SqliteStore::open(dir.path()).unwrap();
}

#[test]
fn only_the_owner_can_read_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = SqliteStore::open(&data).unwrap();
    block_on(store.probe()).unwrap();
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn other_formats_and_other_databases_are_refused_untouched() {
    let check = |alter: &dyn Fn(&Path), expected: fn(&OpenError) -> bool| {
        let dir = tempfile::tempdir().unwrap();
        block_on(SqliteStore::open(dir.path()).unwrap().close());
        let path = dir.path().join("portraitd.db");
        alter(&path);
        let before = fs::read(&path).unwrap();
        let Err(error) = SqliteStore::open(dir.path()) else { panic!("opened") };
        assert!(expected(&error), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    };
    let pragma =
        |text: &'static str| move |path: &Path| Connection::open(path).unwrap().execute_batch(text).unwrap();
    check(&pragma("PRAGMA user_version = 99"), |error| {
        matches!(error, OpenError::UnknownFormat { found: 99, known: 8, .. })
    });
    check(&pragma("PRAGMA application_id = 7"), |error| matches!(error, OpenError::Foreign { .. }));
    check(
        &|path| fs::write(path, "no database at all, but long enough to be read as one").unwrap(),
        |error| {
            let said = error.to_string();
            matches!(error, OpenError::Damaged { .. })
                && said.contains("Restore a backup: portraitd restore")
                && said.contains("portraitd check --data")
        },
    );
}

/// As a later version of portraitd leaves it when it is killed: the format is in the WAL only.
#[test]
fn a_refused_database_keeps_its_log_untouched() {
    let (dir, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    block_on(SqliteStore::open(dir.path()).unwrap().close());
    let future = Connection::open(dir.path().join("portraitd.db")).unwrap();
    future
        .execute_batch(
            "PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99; UPDATE store SET needs_log = abs(needs_log) + 1;",
        )
        .unwrap();
    let files = ["portraitd.db", "portraitd.db-wal"];
    let read = |dir: &Path| files.map(|file| fs::read(dir.join(file)).unwrap());
    for file in files {
        fs::copy(dir.path().join(file), image.path().join(file)).unwrap();
    }
    let before = read(image.path());
    let Err(error) = SqliteStore::open(image.path()) else { panic!("opened") };
    assert!(matches!(error, OpenError::UnknownFormat { found: 99, .. }), "{error}");
    assert!(read(image.path()) == before, "the log was copied");
}

/// Takes the database's write lock, as an operator's SQLite shell might.
fn hold_the_database(dir: &Path) -> Connection {
    let other = Connection::open(dir.join("portraitd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn a_dropped_store_writes_nothing_once_another_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        let other = hold_the_database(dir.path());
        // A transaction of its own, which waits for that lock. Queued, and then the caller stops waiting.
        let token = TokenRecord {
            name: "late".into(),
            hash: [7; 32],
            created: UnixMillis(1),
            role: TokenRole::Admin,
        };
        let write = store.write(PutToken(token).into(), None);
        assert!(tokio::time::timeout(Duration::from_millis(50), write).await.is_err());
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            other.execute_batch("ROLLBACK").unwrap();
        });
        drop(store);
        let store = SqliteStore::open(dir.path()).unwrap();
        let at_first = store.tokens().await.unwrap();
        release.join().unwrap();
        // Time for a writer that still runs to get the lock: SQLite retries every 100 ms.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(store.tokens().await.unwrap(), at_first);
        store.close().await;
    });
}

/// Nothing can be applied, so that both files of the journal become full.
#[test]
fn a_stuck_writer_keeps_no_caller_waiting_long() {
    const CALLERS: usize = 6000;
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        // Three frames in each file.
        let settings = SqliteSettings { journal_bytes_max: 32 << 10, ..SqliteSettings::default() };
        let store = Arc::new(SqliteStore::open_with(dir.path(), settings).unwrap());
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        let other = hold_the_database(dir.path());
        let mut frames = 1;
        let is_full = |outcome: &Result<(), StoreError>| matches!(outcome, Err(StoreError::Unavailable(why)) if why.english().contains("the journal is full"));
        loop {
            let outcome = store.apply(nick("a", &format!("frame {frames}"))).await;
            if is_full(&outcome) {
                break;
            }
            outcome.unwrap();
            frames += 1;
        }
        assert_eq!(frames, 6);
        let last = [found(&[(NICK, "frame 5")])];
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), last);
        let call = |n: usize| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.apply(nick("a", &n.to_string())).await })
        };
        // More than the queue takes.
        let callers: Vec<_> = (0..CALLERS).map(call).collect();
        let mut refused = 0;
        for caller in callers {
            let Err(StoreError::Unavailable(why)) = caller.await.unwrap() else { panic!("written") };
            refused += usize::from(why.english().contains("waiting to be written"));
        }
        // All but the first batches are refused for their wait, not tried one batch after the other.
        assert!(refused > CALLERS / 2, "{refused} of {CALLERS}");
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), last);
        drop(other);
        // The applier tries again after some seconds at most.
        while is_full(&store.apply(nick("a", "after")).await) {}
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, "after")])]);
    });
}

/// The files stay as large as they are, but no more of them is used than the setting allows.
#[test]
fn a_smaller_journal_holds_for_files_that_have_grown() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let large = SqliteSettings { journal_bytes_max: 1 << 20, ..SqliteSettings::default() };
        let store = SqliteStore::open_with(dir.path(), large).unwrap();
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        store.close().await;
        let length = fs::metadata(dir.path().join("portraitd.journal-0")).unwrap().len();
        assert!(length >= 256 << 10, "{length}");
        let small = SqliteSettings { journal_bytes_max: 32 << 10, ..SqliteSettings::default() };
        let store = SqliteStore::open_with(dir.path(), small).unwrap();
        let held = hold_the_database(dir.path());
        let mut frames = 0;
        while store.apply(nick("a", &frames.to_string())).await.is_ok() {
            frames += 1;
            assert!(frames <= 6, "three in each file");
        }
        assert_eq!(frames, 6);
        drop(held);
        store.close().await;
    });
}

#[test]
fn many_writers_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
    block_on(async {
        let seeds = (0..64).map(|i| seed(&format!("user{i}"), &[])).collect();
        store.import(APP, seeds, UnixMillis(1), None).await.unwrap();
        let before = store.stats();
        let writers: Vec<_> = (0..64)
            .map(|i| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for n in 0..50 {
                        store.apply(nick(&format!("user{i}"), &n.to_string())).await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let after = store.stats();
        assert_eq!(after.changes - before.changes, 64 * 50);
        let commits = after.commits - before.commits;
        assert!(commits * 4 < 64 * 50, "{commits} commits");
    });
}

#[test]
fn a_damaged_profile_is_never_served_and_harms_no_other() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        store
            .import(APP, vec![seed("a", &[(NICK, "x")]), seed("b", &[(NICK, "y")])], UnixMillis(1), None)
            .await
            .unwrap();
        store.close().await;
        let other = Connection::open(dir.path().join("portraitd.db")).unwrap();
        let damage = "UPDATE accounts SET profile = x'0102030405' WHERE user = 'a'";
        assert_eq!(other.execute(damage, []).unwrap(), 1);
        drop(other);
        let store = SqliteStore::open(dir.path()).unwrap();
        let users = vec![user("a"), user("b")];
        assert_eq!(store.profiles(APP, users).await.unwrap(), [Found::Damaged, found(&[(NICK, "y")])]);
        assert!(matches!(store.apply(nick("a", "new")).await, Err(StoreError::Corrupt(_))));
        let both = vec![seed("c", &[]), seed("a", &[(NICK, "n")])];
        assert!(matches!(store.import(APP, both, UnixMillis(2), None).await, Err(StoreError::Corrupt(_))));
        assert_eq!(store.profiles(APP, vec![user("c")]).await.unwrap(), [Found::Missing], "a unit is whole");
        store.apply(nick("b", "new")).await.unwrap();
    });
}

/// Needs root for its small file system; CI has it.
#[test]
fn a_full_disk_refuses_writes_serves_reads_and_heals() {
    on_a_small_disk("size=2m", fill_and_heal);
}

fn fill_and_heal(dir: &Path) {
    block_on(async {
        let store = SqliteStore::open(&dir.join("data")).unwrap();
        store.import(APP, vec![seed("a", &[(NICK, "before")])], UnixMillis(1), None).await.unwrap();
        let ballast = dir.join("ballast");
        // Writes until nothing more fits.
        let _ = fs::write(&ballast, vec![1; 4 << 20]);
        let mut acknowledged = "before".to_owned();
        let mut refused = 0;
        for n in 0..200 {
            match store.apply(nick("a", &format!("n{n}"))).await {
                Ok(()) => acknowledged = format!("n{n}"),
                Err(StoreError::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 0, "the disk was never full");
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, &acknowledged)])]);
        fs::remove_file(&ballast).unwrap();
        store.apply(nick("a", "after")).await.unwrap();
        store.close().await;
        let store = SqliteStore::open(&dir.join("data")).unwrap();
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, "after")])]);
        store.close().await;
    });
}

/// Needs root for its small file system; CI has it.
#[test]
fn a_killed_store_starts_on_a_full_disk() {
    on_a_small_disk("size=2m", start_on_a_full_disk);
}

/// The last frame is at the end of its file, which can't become larger.
fn start_on_a_full_disk(dir: &Path) {
    let (home, data) = (tempfile::tempdir().unwrap(), dir.join("data"));
    fs::create_dir(&data).unwrap();
    block_on(async {
        let settings = SqliteSettings { journal_bytes_max: 32 << 10, ..SqliteSettings::default() };
        let store = SqliteStore::open_with(home.path(), settings).unwrap();
        let held = hold_the_database(home.path());
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        for nick_name in ["one", "two"] {
            store.apply(nick("a", nick_name)).await.unwrap();
        }
        for file in ["db", "db-wal", "db-shm", "journal-0", "journal-1"].map(|end| format!("portraitd.{end}"))
        {
            fs::copy(home.path().join(&file), data.join(&file)).unwrap();
        }
        drop(held);
        fs::write(data.join("portraitd.lock"), "0").unwrap();
        // Writes until nothing more fits.
        fs::write(dir.join("ballast"), vec![1; 4 << 20]).unwrap_err();
        let store = SqliteStore::open_with(&data, settings).unwrap();
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, "two")])]);
        fs::remove_file(dir.join("ballast")).unwrap();
        while store.apply(nick("a", "after")).await.is_err() {}
        store.close().await;
        let store = SqliteStore::open(&data).unwrap();
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, "after")])]);
    });
}
