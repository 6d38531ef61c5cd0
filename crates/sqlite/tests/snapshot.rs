//! Backup, check and restore: what was acknowledged before a backup began is in it, damage is found and named, and
//! nothing is written over.

#![expect(clippy::unwrap_used, reason = "a test")]

use portraitd_model::{UnixMillis, UnixSeconds};
use portraitd_sqlite::{Checked, Damage, Finding, OpenError, RestoreError, SqliteStore, check, restore};
use portraitd_store::codec::with_checksum;
use portraitd_store::{BackupProgress, Change, MemoryStore, Store, StoreError};
use portraitd_test_support::fixtures::{APP, OTHER, block_on, found, patch, seed, settings, user};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const NICK: &str = "Tag_Profile_IM_Nick";

fn examine(dir: &Path) -> (Checked, Vec<Damage>) {
    let mut damage = Vec::new();
    let checked = check(dir, &mut |finding| {
        if let Finding::Damage(found) = finding {
            damage.push(found);
        }
    });
    (checked.unwrap(), damage)
}

/// The warnings of a check, as text.
fn warnings(dir: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    let checked = check(dir, &mut |finding| {
        if let Finding::Warning(found) = finding {
            warnings.push(found.to_string());
        }
    });
    assert_eq!(checked.unwrap().damaged, 0);
    warnings
}

/// Creates an account as an earlier version could: with one of the cloud's markers as id, and no field set.
fn create_marker(dir: &Path, id: &str) {
    let unbound = with_checksum(vec![1]);
    let outside = Connection::open(dir.join("portraitd.db")).unwrap();
    let sql = "INSERT INTO accounts (app, user, created_ms, profile) VALUES (?1, ?2, 0, ?3)";
    outside.execute(sql, (APP.0, id, unbound)).unwrap();
    outside.execute("UPDATE populations SET accounts = accounts + 1 WHERE app = ?1", [APP.0]).unwrap();
}

#[test]
fn an_account_with_a_marker_stays_readable_and_a_check_warns_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let marker = "@TLS#NOT_FOUND";
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        store.close().await;
    });
    assert!(warnings(dir.path()).is_empty());
    create_marker(dir.path(), marker);
    let [warning] = &warnings(dir.path())[..] else { panic!("one warning") };
    assert!(warning.contains("1400000000, user @TLS#NOT_FOUND: ids that start with @TLS#"), "{warning}");
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        let read = async || store.profiles(APP, vec![user(marker)]).await.unwrap();
        assert_eq!(read().await, [found(&[])]);
        let patch = patch(&[(NICK, "still here")]);
        let change = Change { app: APP, user: user(marker), patch, at: UnixMillis(1), origin: None };
        store.apply(change).await.unwrap();
        assert_eq!(read().await, [found(&[(NICK, "still here")])]);
        assert_eq!(store.delete(APP, vec![user(marker)]).await.unwrap(), [true]);
        store.close().await;
    });
    assert!(warnings(dir.path()).is_empty());
}

#[test]
fn a_check_reads_the_notes_of_deletions() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        store.delete_noting(APP, vec![user("a")], Some(UnixMillis(1))).await.unwrap();
        store.close().await;
    });
    assert_eq!(examine(dir.path()).1, []);
    let outside = Connection::open(dir.path().join("portraitd.db")).unwrap();
    outside.execute("UPDATE deletions SET user = char(7)", []).unwrap();
    drop(outside);
    let damage = examine(dir.path()).1;
    assert!(damage.iter().any(|found| found.what.contains("a note of a deletion")), "{damage:?}");
}

fn restored(backup: &Path, data: &Path) -> Result<Checked, RestoreError> {
    restore(backup, data, &mut |_| {})
}

async fn filled(dir: &Path) -> SqliteStore {
    let store = SqliteStore::open(dir).unwrap();
    store.put_app(settings(APP, "one"), None).await.unwrap();
    store.put_app(settings(OTHER, "two"), None).await.unwrap();
    store
        .import(APP, vec![seed("a", &[(NICK, "A")]), seed("b", &[(NICK, "B")])], UnixMillis(1), None)
        .await
        .unwrap();
    store.kick(APP, user("a"), UnixSeconds(5)).await.unwrap();
    store
}

/// For each engine: a backup that can be restored, or an error with a reason.
#[test]
fn a_backup_is_the_whole_store_or_refused_with_a_reason() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    block_on(async {
        let refused = MemoryStore::new().backup(&out.path().join("memory"), Arc::new(drop)).await;
        assert!(matches!(refused, Err(StoreError::Refused(why)) if why.english().contains("--data DIR")));
        let store = filled(dir.path()).await;
        let backup = out.path().join("deep/backup");
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        store
            .apply(Change {
                app: APP,
                user: user("a"),
                patch: patch(&[(NICK, "later")]),
                at: UnixMillis(2),
                origin: None,
            })
            .await
            .unwrap();
        let names: Vec<_> = fs::read_dir(&backup).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["portraitd.db"]);
        let mode = fs::metadata(backup.join("portraitd.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = store.backup(&backup, Arc::new(drop)).await;
        assert!(matches!(again, Err(StoreError::Refused(why)) if why.english().contains("not empty")));
        let relative = store.backup(Path::new("relative"), Arc::new(drop)).await;
        assert!(matches!(relative, Err(StoreError::Refused(why)) if why.english().contains("relative")));
        let itself = store.backup(dir.path(), Arc::new(drop)).await;
        assert!(matches!(itself, Err(StoreError::Refused(why)) if why.english().contains("not empty")));
        store.close().await;
        assert!(matches!(
            store.backup(&out.path().join("late"), Arc::new(drop)).await,
            Err(StoreError::Unavailable(_))
        ));

        let data = out.path().join("data");
        assert_eq!(restored(&backup, &data).unwrap(), Checked { apps: 2, accounts: 6, damaged: 0 });
        let store = SqliteStore::open(&data).unwrap();
        let catalog = store.catalog().await.unwrap();
        assert_eq!(
            catalog.iter().map(|record| record.settings.clone()).collect::<Vec<_>>(),
            [settings(APP, "one"), settings(OTHER, "two")]
        );
        let profiles = store.profiles(APP, vec![user("a"), user("b")]).await.unwrap();
        assert_eq!(profiles, [found(&[(NICK, "A")]), found(&[(NICK, "B")])]);
        let states = store.states(APP, vec![user("a")]).await.unwrap();
        assert_eq!(states.first().copied().flatten().unwrap().kicked_at, Some(UnixSeconds(5)));
        store
            .apply(Change {
                app: APP,
                user: user("b"),
                patch: patch(&[(NICK, "new")]),
                at: UnixMillis(2),
                origin: None,
            })
            .await
            .unwrap();
        store.close().await;
    });
}

/// Writers count upwards; each backup holds at least what was acknowledged before it began, and no half change.
#[test]
fn a_backup_during_writes_holds_all_that_was_acknowledged_before() {
    const WRITERS: usize = 8;
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = |n: usize| format!("writer{n}");
    block_on(async {
        let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
        let seeds = (0..WRITERS).map(|n| seed(&name(n), &[(NICK, "0"), ("Tag_Profile_IM_Level", "0")]));
        store.import(APP, seeds.collect(), UnixMillis(1), None).await.unwrap();
        let acknowledged: Arc<Vec<AtomicU64>> = Arc::new((0..WRITERS).map(|_| AtomicU64::new(0)).collect());
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let (store, stop, acknowledged) =
                    (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    for version in 1.. {
                        let text = version.to_string();
                        let patch = patch(&[(NICK, &text), ("Tag_Profile_IM_Level", &text)]);
                        store
                            .apply(Change {
                                app: APP,
                                user: user(&name(n)),
                                patch,
                                at: UnixMillis(1),
                                origin: None,
                            })
                            .await
                            .unwrap();
                        acknowledged[n].store(version, Ordering::SeqCst);
                        if stop.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                })
            })
            .collect();
        for round in 0..5 {
            let known: Vec<u64> = acknowledged.iter().map(|version| version.load(Ordering::SeqCst)).collect();
            let (backup, data) = (out.path().join(format!("b{round}")), out.path().join(format!("d{round}")));
            store.backup(&backup, Arc::new(drop)).await.unwrap();
            restored(&backup, &data).unwrap();
            let copy = SqliteStore::open(&data).unwrap();
            for (n, known) in known.into_iter().enumerate() {
                let profiles = copy.profiles(APP, vec![user(&name(n))]).await.unwrap();
                let portraitd_store::Found::Profile(profile) = &profiles[0] else { panic!("{profiles:?}") };
                let text = |place: usize| match &profile.items()[place].value {
                    portraitd_model::FieldValue::Text(text) => text.parse::<u64>().unwrap(),
                    portraitd_model::FieldValue::Uint(number) => *number,
                };
                assert!(text(0) >= known, "writer {n}: {known} was acknowledged, {} is there", text(0));
                assert_eq!(text(0), text(1), "half a change");
            }
            copy.close().await;
        }
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        store.close().await;
    });
}

#[test]
fn a_backup_tells_its_progress_in_bytes() {
    const ACCOUNTS: usize = 60_000;
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = out.path().join("backup");
    let told = Arc::new(Mutex::new(Vec::new()));
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        let filler = "x".repeat(400);
        let seeds = (0..ACCOUNTS).map(|n| seed(&format!("user{n}"), &[(NICK, &filler)]));
        store.import(APP, seeds.collect(), UnixMillis(1), None).await.unwrap();
        let report = {
            let told = Arc::clone(&told);
            move |progress| told.lock().unwrap().push(progress)
        };
        store.backup(&backup, Arc::new(report.clone())).await.unwrap();
        let before = told.lock().unwrap().len();
        store.backup(&backup, Arc::new(report)).await.unwrap_err();
        assert_eq!(told.lock().unwrap().len(), before, "of a refused backup nothing is told");
        store.close().await;
    });
    let length = fs::metadata(backup.join("portraitd.db")).unwrap().len();
    let told = told.lock().unwrap();
    assert!(told.is_sorted_by_key(|progress| progress.bytes), "{told:?}");
    assert!(told.iter().all(|progress| progress.bytes <= progress.total), "{told:?}");
    assert_eq!(told.last(), Some(&BackupProgress { bytes: length, total: length }));
    assert_eq!(told.first().unwrap().bytes, 0);
    assert!(told.first().unwrap().total.abs_diff(length) < length / 5, "{:?} of {length}", told.first());
    assert!(told.iter().any(|progress| progress.bytes > 0 && progress.bytes < length), "nothing between");
}

#[test]
fn a_store_that_closes_ends_its_backup() {
    const ACCOUNTS: usize = 20_000;
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (out.path().join("first"), out.path().join("second"));
    block_on(async {
        let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
        let filler = "x".repeat(400);
        let seeds = (0..ACCOUNTS).map(|n| seed(&format!("user{n}"), &[(NICK, &filler)]));
        store.import(APP, seeds.collect(), UnixMillis(1), None).await.unwrap();
        let task = tokio::spawn({
            let (store, first) = (Arc::clone(&store), first.clone());
            async move { store.backup(&first, Arc::new(drop)).await }
        });
        while !first.join("portraitd.db.partial").exists() && !first.join("portraitd.db").exists() {
            tokio::task::yield_now().await;
        }
        // There is one backup at a time; the first may just have ended.
        if let Err(error) = store.backup(&second, Arc::new(drop)).await {
            assert!(matches!(error, StoreError::Refused(_)), "{error}");
        }
        store.close().await;
        let ended = task.await.unwrap();
        assert_eq!(ended.is_ok(), first.join("portraitd.db").exists(), "{ended:?}");
        assert!(!first.join("portraitd.db.partial").exists());
        assert!(!dir.path().join("portraitd.db-wal").exists(), "the last checkpoint was not in its way");
    });
}

/// Flips one byte of a text wherever it stands in the database.
fn flip(dir: &Path, text: &str) {
    let path = dir.join("portraitd.db");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
    *bytes.get_mut(place).unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_check_names_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let store = block_on(async {
        let store = filled(dir.path()).await;
        store.import(APP, vec![seed("c", &[(NICK, "flip me")])], UnixMillis(1), None).await.unwrap();
        store
    });
    assert!(matches!(check(dir.path(), &mut |_| {}), Err(OpenError::InUse { .. })));
    block_on(store.close());
    assert_eq!(examine(dir.path()), (Checked { apps: 2, accounts: 7, damaged: 0 }, vec![]));
    flip(dir.path(), "flip me");
    flip(dir.path(), "{\"v\":");
    let (checked, damage) = examine(dir.path());
    assert_eq!(checked, Checked { apps: 2, accounts: 7, damaged: 2 });
    assert_eq!((damage[0].app, damage[0].user.as_deref()), (Some(OTHER), None), "{damage:?}");
    assert_eq!((damage[1].app, damage[1].user.as_deref()), (Some(APP), Some("c")), "{damage:?}");
    let out = tempfile::tempdir().unwrap();
    let refused = restored(dir.path(), &out.path().join("data")).unwrap_err();
    assert!(refused.to_string().contains("damaged in 2 places"), "{refused}");
    assert!(!out.path().join("data").exists());
}

/// As after `kill -9`: everything is in the WAL and the journal.
#[test]
fn a_check_reads_the_journal_and_the_log_and_loses_neither() {
    let (dir, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    block_on(async {
        let store = filled(dir.path()).await;
        for file in ["portraitd.db", "portraitd.db-wal", "portraitd.journal-0", "portraitd.journal-1"] {
            fs::copy(dir.path().join(file), image.path().join(file)).unwrap();
        }
        store.close().await;
    });
    for _ in 0..2 {
        assert_eq!(examine(image.path()), (Checked { apps: 2, accounts: 6, damaged: 0 }, vec![]));
        let refused = restored(image.path(), &image.path().join("data")).unwrap_err();
        assert!(matches!(refused, RestoreError::HasLog { .. }), "{refused}");
    }
    block_on(async {
        let store = SqliteStore::open(image.path()).unwrap();
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[(NICK, "A")])]);
        store.close().await;
    });
    assert_eq!(examine(image.path()), (Checked { apps: 2, accounts: 6, damaged: 0 }, vec![]));
}

#[test]
fn a_restore_writes_over_nothing() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = out.path().join("backup");
    block_on(async {
        let store = filled(dir.path()).await;
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        let error = restored(&backup, dir.path()).unwrap_err();
        assert!(matches!(error, RestoreError::NotEmpty { .. }), "{error}");
        store.close().await;
    });
    let data = out.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("notes.txt"), "mine").unwrap();
    let error = restored(&backup, &data).unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    fs::remove_file(data.join("notes.txt")).unwrap();
    // As an attempt on a full disk leaves it.
    fs::write(data.join("portraitd.db.partial"), "half").unwrap();
    fs::write(data.join("portraitd.lock"), "1\n").unwrap();
    restored(&backup, &data).unwrap();
    assert!(!data.join("portraitd.db.partial").exists());
    assert!(matches!(restored(&data, &backup), Err(RestoreError::NotEmpty { .. })));
    let none = restored(&out.path().join("none"), &out.path().join("other")).unwrap_err();
    assert!(none.to_string().contains("holds no data of portraitd"), "{none}");
}
