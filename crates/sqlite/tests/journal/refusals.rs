//! Journals that a start refuses, or of which it drops the end.

use crate::{
    BLOCK, DATABASE, Dirs, JOURNAL, LOG, apply_all, create, fill_a_segment, hold_the_database, reads,
    repaired, set, used,
};
use portraitd_sqlite::{OpenError, Repaired, SqliteContents, SqliteStore, check, compact, restore};
use portraitd_store::{Found, Store};
use portraitd_test_support::fixtures::{APP, block_on, user};
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// A start and the tools refuse a directory, twice, and leave its files as they are.
fn refused(dir: &Path, expected: fn(&OpenError) -> bool) {
    let files = [DATABASE, LOG].into_iter().chain(JOURNAL).map(|file| dir.join(file));
    // SQLite makes an empty log where there is none, and a start leaves out what lies behind the end of the log.
    let read = |path: &Path| fs::read(path).unwrap_or_default();
    let before: Vec<_> = files.map(|path| (read(&path), path)).collect();
    for _ in 0..2 {
        let Err(error) = SqliteStore::open(dir) else { panic!("opened") };
        assert!(expected(&error), "{error}");
        let Err(error) = compact(dir) else { panic!("compacted") };
        assert!(expected(&error), "{error}");
        let Err(error) = SqliteContents::open(dir) else { panic!("opened to be copied") };
        assert!(expected(&error), "{error}");
    }
    for (bytes, path) in before {
        let now = read(&path);
        let is_log = path.ends_with(LOG) && bytes.starts_with(&now) && bytes.is_empty() == now.is_empty();
        assert!(now == bytes || is_log, "a refusal changed {}", path.display());
    }
}

fn is_damaged(error: &OpenError) -> bool {
    error.to_string().contains("portraitd repair --data") && matches!(error, OpenError::DamagedJournal { .. })
}

fn is_foreign(error: &OpenError) -> bool {
    error.to_string().contains("files of one time") && matches!(error, OpenError::ForeignJournal { .. })
}

fn is_lost(error: &OpenError) -> bool {
    error.to_string().contains("portraitd repair --data") && matches!(error, OpenError::LostJournal { .. })
}

#[test]
fn a_torn_last_frame_is_dropped_and_the_rest_kept() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "kept").await;
        let kept = used(&dirs.data().join(JOURNAL[0])).next_multiple_of(BLOCK);
        set(&store, "a", "torn").await.unwrap();
        let image = dirs.kill("killed");
        let (path, whole) = (image.join(JOURNAL[0]), fs::read(image.join(JOURNAL[0])).unwrap());
        let end = used(&path);
        assert!(end > kept + 40, "the frame begins at {kept} and ends at {end}");
        reads(&SqliteStore::open(&dirs.copy(&image, "whole")).unwrap(), "a", "torn").await;
        for cut in (kept..end).step_by(3).chain([end - 1]) {
            // Cut short, and a hole in the last frame: both can follow from a power cut.
            let mut holed = whole.clone();
            holed[cut..].fill(0);
            for torn in [&whole[..cut], &holed] {
                let image = dirs.copy(&image, "torn");
                fs::write(image.join(JOURNAL[0]), torn).unwrap();
                let store = SqliteStore::open(&image).unwrap();
                reads(&store, "a", "kept").await;
                set(&store, "a", "goes on").await.unwrap();
                drop(store);
                reads(&SqliteStore::open(&image).unwrap(), "a", "goes on").await;
            }
        }
    });
}

#[test]
fn a_broken_frame_before_others_is_damage_and_repair_keeps_what_is_before_it() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "before").await;
        for nick in ["broken", "behind it", "last"] {
            set(&store, "a", nick).await.unwrap();
        }
        let image = dirs.kill("killed");
        for (place, how) in [(20, "payload"), (0, "checksum"), (4, "length"), (8, "number")] {
            let damaged = dirs.copy(&image, "damaged");
            let mut bytes = fs::read(damaged.join(JOURNAL[0])).unwrap();
            bytes[2 * BLOCK + place] ^= 4;
            fs::write(damaged.join(JOURNAL[0]), bytes).unwrap();
            refused(&damaged, is_damaged);
            assert!(restore(&damaged, &dirs.0.path().join("restored"), &mut |_| {}).is_err());
            let mut findings = Vec::new();
            check(&damaged, &mut |finding| findings.push(format!("{finding:?}"))).unwrap();
            assert!(findings.iter().any(|finding| finding.contains("journal")), "{how}: {findings:?}");
            let told = repaired(&damaged);
            let [Repaired::DamagedJournal { offset, kept }] = &told[..] else { panic!("{told:?}") };
            assert_eq!(*offset, 2 * BLOCK as u64, "{how}");
            assert!(kept.is_file());
            assert_eq!(repaired(&damaged), []);
            let store = SqliteStore::open(&damaged).unwrap();
            reads(&store, "a", "before").await;
            set(&store, "a", "after").await.unwrap();
        }
    });
}

/// A segment without a frame that reads back is not an empty one.
#[test]
fn a_broken_first_frame_is_damage() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "in the tables").await;
        store.close().await;
        let store = SqliteStore::open(&dirs.data()).unwrap();
        for nick in ["first", "second", "last"] {
            set(&store, "a", nick).await.unwrap();
        }
        let damaged = dirs.kill("killed");
        let file = JOURNAL.iter().map(|file| damaged.join(file)).find(|file| used(file) > 2 * BLOCK).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes[BLOCK + 20] ^= 4;
        fs::write(&file, bytes).unwrap();
        refused(&damaged, is_damaged);
        let told = repaired(&damaged);
        let [Repaired::DamagedJournal { offset, .. }] = told[..] else { panic!("{told:?}") };
        assert_eq!(offset, BLOCK as u64);
        assert_eq!(repaired(&damaged), []);
        let store = SqliteStore::open(&damaged).unwrap();
        reads(&store, "a", "in the tables").await;
        set(&store, "a", "after").await.unwrap();
        drop(store);
        reads(&SqliteStore::open(&damaged).unwrap(), "a", "after").await;
    });
}

/// The end of the older segment is told by what the newer one counts.
#[test]
fn two_segments_are_read_and_a_torn_end_of_the_older_one_is_damage() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "first").await;
        create(&store, "b", "of the older segment").await;
        let held = hold_the_database(&dirs.data());
        let last = fill_a_segment(&store, &dirs.data(), "a").await;
        let image = dirs.kill("killed");
        drop(held);
        drop(store);
        for name in ["data", "killed"] {
            let image = dirs.copy(&dirs.0.path().join(name), "again");
            let store = SqliteStore::open(&image).unwrap();
            reads(&store, "a", &last).await;
            reads(&store, "b", "of the older segment").await;
            apply_all(&store).await;
            store.close().await;
            assert_eq!(check(&image, &mut |_| {}).unwrap().damaged, 0);
            reads(&SqliteStore::open(&image).unwrap(), "a", &last).await;
        }
        let older = image.join(JOURNAL[0]);
        let mut bytes = fs::read(&older).unwrap();
        let end = used(&older);
        bytes[end - 1] = 0;
        fs::write(&older, bytes).unwrap();
        refused(&image, is_damaged);
        // What reads back is kept, also of the newer segment.
        assert!(matches!(repaired(&image)[..], [Repaired::DamagedJournal { .. }]));
        let store = SqliteStore::open(&image).unwrap();
        reads(&store, "a", &last).await;
        reads(&store, "b", "of the older segment").await;
    });
}

#[test]
fn a_journal_of_another_directory_is_refused() {
    let dirs = Dirs::new();
    let other = Dirs::new();
    block_on(async {
        for dirs in [&dirs, &other] {
            let store = SqliteStore::open(&dirs.data()).unwrap();
            create(&store, "a", "pending").await;
            dirs.kill("killed");
            store.close().await;
        }
        let killed = |dirs: &Dirs| dirs.0.path().join("killed");
        for own in [killed(&dirs), dirs.data()] {
            let image = dirs.copy(&own, "mixed");
            fs::copy(killed(&other).join(JOURNAL[0]), image.join(JOURNAL[0])).unwrap();
            refused(&image, is_foreign);
            fs::copy(own.join(JOURNAL[0]), image.join(JOURNAL[0])).unwrap();
            reads(&SqliteStore::open(&image).unwrap(), "a", "pending").await;
        }
    });
}

#[test]
fn a_journal_without_its_database_is_not_taken_for_a_new_store() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "pending").await;
        let killed = dirs.kill("killed");
        store.close().await;
        for dir in [killed, dirs.data()] {
            let database = fs::read(dir.join(DATABASE)).unwrap();
            let log = fs::read(dir.join(LOG)).ok();
            fs::remove_file(dir.join(DATABASE)).unwrap();
            let _ = fs::remove_file(dir.join(LOG));
            for _ in 0..2 {
                let Err(error) = SqliteStore::open(&dir) else { panic!("opened") };
                assert!(matches!(error, OpenError::Emptied { .. }), "{error}");
                assert!(!dir.join(DATABASE).exists());
            }
            fs::write(dir.join(DATABASE), database).unwrap();
            if let Some(log) = log {
                fs::write(dir.join(LOG), log).unwrap();
            }
            reads(&SqliteStore::open(&dir).unwrap(), "a", "pending").await;
        }
    });
}

#[test]
fn a_killed_store_does_not_open_without_its_journal_and_a_closed_one_does() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "applied").await;
        apply_all(&store).await;
        set(&store, "a", "pending").await.unwrap();
        let killed = dirs.kill("killed");
        for lost in [&JOURNAL[..1], &JOURNAL[1..], &JOURNAL[..]] {
            let image = dirs.copy(&killed, "lost");
            for file in lost {
                fs::remove_file(image.join(file)).unwrap();
            }
            refused(&image, is_lost);
            for file in lost {
                fs::copy(killed.join(file), image.join(file)).unwrap();
            }
            reads(&SqliteStore::open(&image).unwrap(), "a", "pending").await;
            // Repair gives up what was in it.
            let image = dirs.copy(&killed, "lost");
            for file in lost {
                fs::remove_file(image.join(file)).unwrap();
            }
            assert_eq!(repaired(&image), [Repaired::LostJournal]);
            assert_eq!(repaired(&image), []);
            let store = SqliteStore::open(&image).unwrap();
            let found = store.profiles(APP, vec![user("a")]).await.unwrap();
            assert!(matches!(found[..], [Found::Profile(_)]), "{found:?}");
            set(&store, "a", "after").await.unwrap();
            store.close().await;
            // The lost files turn up again: what was given up is not read.
            for file in lost {
                fs::copy(killed.join(file), image.join(file)).unwrap();
            }
            if let Ok(store) = SqliteStore::open(&image) {
                reads(&store, "a", "after").await;
            }
        }
        store.close().await;
        for file in JOURNAL {
            fs::remove_file(dirs.data().join(file)).unwrap();
        }
        reads(&SqliteStore::open(&dirs.data()).unwrap(), "a", "pending").await;
    });
}

/// Files of two times: together they would skip acknowledged changes, or undo some.
#[test]
fn a_journal_of_another_time_is_refused_or_not_read() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "early").await;
        let early = dirs.kill("early");
        for nick in ["one", "two", "three"] {
            set(&store, "a", nick).await.unwrap();
            apply_all(&store).await;
        }
        set(&store, "a", "late").await.unwrap();
        let late = dirs.kill("late");
        store.close().await;
        let closed = dirs.copy(&dirs.data(), "closed");
        let store = SqliteStore::open(&dirs.data()).unwrap();
        set(&store, "a", "latest").await.unwrap();
        let latest = dirs.kill("latest");
        drop(store);
        let mixed = |database: &Path, journal: &Path| {
            let image = dirs.copy(database, "mixed");
            for file in JOURNAL {
                fs::copy(journal.join(file), image.join(file)).unwrap();
            }
            image
        };
        // An older database cannot go on with a newer journal: segments between them are missing.
        refused(&mixed(&early, &late), is_foreign);
        refused(&mixed(&closed, &latest), is_foreign);
        // A newer database has what an older journal has: nothing of it is read.
        reads(&SqliteStore::open(&mixed(&late, &early)).unwrap(), "a", "three").await;
        reads(&SqliteStore::open(&mixed(&closed, &early)).unwrap(), "a", "late").await;
        reads(&SqliteStore::open(&mixed(&closed, &late)).unwrap(), "a", "late").await;
        reads(&SqliteStore::open(&mixed(&latest, &latest)).unwrap(), "a", "latest").await;
    });
}

/// A database of an earlier version, copied over a later one: it is not brought to the present format before it is refused.
#[test]
fn a_journal_beside_a_database_from_before_there_was_one_is_refused() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "pending").await;
        let image = dirs.kill("killed");
        drop(store);
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-7");
        fs::copy(golden.join(DATABASE), image.join(DATABASE)).unwrap();
        fs::remove_file(image.join(LOG)).unwrap();
        refused(&image, is_foreign);
        for file in JOURNAL {
            fs::remove_file(image.join(file)).unwrap();
        }
        drop(SqliteStore::open(&image).unwrap());
    });
}

#[test]
fn a_newer_format_of_journal_or_database_is_refused() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "pending").await;
        let killed = dirs.kill("killed");
        drop(store);
        let image = dirs.copy(&killed, "newer journal");
        let mut bytes = fs::read(image.join(JOURNAL[0])).unwrap();
        for header in bytes[..BLOCK].chunks_exact_mut(BLOCK / 2) {
            header[8] = 2;
            let sum = crc32fast::hash(&header[..52]);
            header[52..56].copy_from_slice(&sum.to_le_bytes());
        }
        fs::write(image.join(JOURNAL[0]), bytes).unwrap();
        refused(&image, |error| {
            error.to_string().contains(JOURNAL[0])
                && matches!(error, OpenError::UnknownFormat { found: 2, known: 1, .. })
        });
        // The format is in SQLite's log.
        let newer = dirs.copy(&killed, "newer");
        let outside = Connection::open(newer.join(DATABASE)).unwrap();
        outside.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99").unwrap();
        let image = dirs.copy(&newer, "newer database");
        refused(&image, |error| matches!(error, OpenError::UnknownFormat { found: 99, known: 8, .. }));
    });
}
