//! Data directories that were damaged at rest: bits flipped, ranges zeroed or overwritten, pages swapped, files truncated, at random
//! places of any file. Nothing panics; a read returns the stored profile, or an error that says it is damaged.
//!
//! The checksum of a profile can't detect: damaged inner pages of the tree, which hide an account (`check` reports them); a truncated
//! WAL or journal, which ends there; a segment of the journal without either copy of its header; an old page that was copied to
//! another place.

use crate::child_process::TestDirs;
use crate::random::{Random, scale, seed};
use portraitd_model::{AccountSeed, EventId, NewUserId, Origin, Profile, ProfilePatch, UnixMillis, UserId};
use portraitd_sqlite::{OpenError, Repaired, SqliteStore, check, repair};
use portraitd_store::{Change, EventState, Found, Store, StoreError};
use portraitd_test_support::fixtures::{APP, block_on, patch, settings, user};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Damaged images of each store at `SCALE=1`.
const IMAGES: u64 = 500;
const ACCOUNTS: u64 = 100;
const DATABASE: &str = "portraitd.db";
const LOG: &str = "portraitd.db-wal";
const FILES: [&str; 4] = [DATABASE, "portraitd.journal-0", "portraitd.journal-1", LOG];
/// Versions of each account that were stored, one after the other.
const VERSIONS: u64 = 3;

fn name(n: u64) -> UserId {
    user(&format!("user{n}"))
}

fn version(n: u64, version: u64) -> ProfilePatch {
    let (level, filler) = ((n * 100 + version).to_string(), "z".repeat(((n * 7) % 200) as usize));
    patch(&[("Tag_Profile_IM_Level", &level), ("Tag_Profile_IM_SelfSignature", &filler)])
}

fn profiles() -> Vec<Vec<Profile>> {
    let profile = |n, v| {
        let mut profile = Profile::default();
        profile.merge(&version(n, v));
        profile
    };
    (0..ACCOUNTS).map(|n| (1..=VERSIONS).map(|v| profile(n, v)).collect()).collect()
}

/// The files of a store, whole.
struct Origins {
    files: Vec<(&'static str, Vec<u8>)>,
    /// Whether the WAL and the journal are needed: accounts whose last version is there only may go back to an earlier one.
    log: bool,
}

async fn origin(closed: bool) -> Origins {
    let place = TestDirs::new();
    let mut store = SqliteStore::open(&place.data()).unwrap();
    store.put_app(settings(APP, "one"), None).await.unwrap();
    let seeds = (0..ACCOUNTS)
        .map(|n| AccountSeed { user: NewUserId::new(name(n)).unwrap(), patch: version(n, 1) })
        .collect();
    store.import(APP, seeds, UnixMillis(1), None).await.unwrap();
    store.close().await;
    store = SqliteStore::open(&place.data()).unwrap();
    for v in 2..=VERSIONS {
        for n in 0..ACCOUNTS {
            let origin = Origin { id: EventId(1), operator: "ops".into(), client_ip: [127, 0, 0, 1].into() };
            let change = Change {
                app: APP,
                user: name(n),
                patch: version(n, v),
                at: UnixMillis(2),
                origin: Some(origin),
            };
            store.apply(change).await.unwrap();
        }
    }
    if closed {
        store.close().await;
    }
    let read = |file: &'static str| Some((file, std::fs::read(place.data().join(file)).ok()?));
    let files: Vec<_> = FILES.into_iter().filter_map(read).collect();
    assert_eq!(files.len(), if closed { 3 } else { 4 });
    Origins { files, log: !closed }
}

/// Damages one of the files, in every second image the database; returns its name and a description.
fn damage(files: &mut [(&'static str, Vec<u8>)], random: &mut Random) -> (&'static str, String) {
    let chosen = if random.one_in(2) { 0 } else { random.below(files.len() as u64) as usize };
    let (file, bytes) = &mut files[chosen];
    let at = random.below(bytes.len() as u64) as usize;
    let length = [1, 8, 100, 512, 2048, 4096][random.below(6) as usize].min(bytes.len() - at);
    let what = match random.below(8) {
        0..3 => {
            bytes[at] ^= 1 << random.below(8);
            format!("a bit at {at}")
        }
        3 => {
            bytes[at..at + length].fill(0);
            format!("{length} zeros at {at}")
        }
        4 => {
            bytes[at..at + length].iter_mut().for_each(|byte| *byte = random.next() as u8);
            format!("{length} random bytes at {at}")
        }
        5 => {
            bytes.truncate(at);
            format!("cut to {at}")
        }
        6 => {
            let pages = bytes.len() as u64 / 2048;
            let (a, b) = (random.below(pages) as usize * 2048, random.below(pages) as usize * 2048);
            for offset in 0..2048 {
                bytes.swap(a + offset, b + offset);
            }
            format!("pages at {a} and {b} swapped")
        }
        _ => {
            let from = random.below((bytes.len() - length) as u64 + 1) as usize;
            bytes.copy_within(from..from + length, at);
            format!("{length} bytes from {from} written to {at}")
        }
    };
    (file, what)
}

#[derive(Default, Debug)]
struct Tally {
    images: u64,
    refused_to_open: u64,
    refused_for_their_log: u64,
    refused_for_their_journal: u64,
    as_if_nothing_were: u64,
    some_do_not_read_back: u64,
    some_seem_missing: u64,
    log_ends_early: u64,
}

/// In a damaged WAL or journal the last commits can't be distinguished from incomplete ones after a crash: the damaged commit, or two where the
/// damage is longer than a bit, and one behind it.
const LAST_COMMITS: u64 = 3;

async fn look(
    image: &Path,
    expected: &[Vec<Profile>],
    may_be_older: u64,
    tally: &mut Tally,
) -> Result<(), String> {
    tally.images += 1;
    let store = match SqliteStore::open(image) {
        Ok(store) => store,
        Err(OpenError::DamagedWal { .. }) => {
            tally.refused_for_their_log += 1;
            return repaired(image, expected).await;
        }
        Err(OpenError::DamagedJournal { .. }) => {
            tally.refused_for_their_journal += 1;
            return repaired(image, expected).await;
        }
        Err(error) => {
            tally.refused_to_open += 1;
            return error
                .to_string()
                .contains("portraitd")
                .then_some(())
                .ok_or(format!("names no file: {error}"));
        }
    };
    let (mut unread, mut missing, mut older) = (0, 0, 0);
    for (n, versions) in expected.iter().enumerate() {
        match store.profiles(APP, vec![name(n as u64)]).await.map(|mut found| found.remove(0)) {
            Ok(Found::Profile(profile)) if Some(&profile) == versions.last() => {}
            Ok(Found::Profile(profile)) if versions.contains(&profile) => older += 1,
            Ok(Found::Profile(profile)) => return Err(format!("user{n} is served as {profile:?}")),
            Ok(Found::Missing) => missing += 1,
            Ok(Found::Damaged) | Err(StoreError::Corrupt(_) | StoreError::Unavailable(_)) => unread += 1,
            Err(other) => return Err(format!("user{n}: {other}")),
        }
    }
    if let Ok(events) = store.events(APP, EventState::Waiting, None, 100_000).await {
        unread += u64::from(events.iter().any(|event| event.event.is_none()));
    }
    let _ = store.catalog().await;
    if older > may_be_older {
        return Err(format!("{older} accounts went back"));
    }
    write(&store).await?;
    drop(store);
    tally.some_do_not_read_back += u64::from(unread > 0);
    tally.some_seem_missing += u64::from(missing > 0);
    tally.log_ends_early += u64::from(older > 0);
    tally.as_if_nothing_were += u64::from(unread + missing + older == 0);
    if unread + missing > 0
        && let Ok(checked) = check(image, &mut |_| {})
        && checked.damaged == 0
    {
        return Err(format!("{unread} do not read back, {missing} are missing, and the check finds nothing"));
    }
    Ok(())
}

/// After `repair` everything before the damage is there, whole.
async fn repaired(image: &Path, expected: &[Vec<Profile>]) -> Result<(), String> {
    let mut repaired = Vec::new();
    repair(image, &mut |one| repaired.push(one)).map_err(|error| error.to_string())?;
    let is_kept = |one: &Repaired| match one {
        Repaired::DamagedWal { kept, .. } | Repaired::DamagedJournal { kept, .. } => kept.is_file(),
        Repaired::LostWal | Repaired::LostJournal => false,
    };
    if repaired.is_empty() || !repaired.iter().all(is_kept) {
        return Err(format!("the damaged files are not kept: {repaired:?}"));
    }
    let store = SqliteStore::open(image).map_err(|error| error.to_string())?;
    for (n, versions) in expected.iter().enumerate() {
        let found = store.profiles(APP, vec![name(n as u64)]).await.map_err(|error| error.to_string())?;
        if !matches!(found.first(), Some(Found::Profile(profile)) if versions.contains(profile)) {
            return Err(format!("after the repair, user{n} is {found:?}"));
        }
    }
    store.probe().await.map_err(|error| error.to_string())
}

/// A change that is acknowledged now is read back, whatever else is damaged.
async fn write(store: &SqliteStore) -> Result<(), String> {
    for n in [0, 1, ACCOUNTS / 2, ACCOUNTS - 1] {
        let change =
            Change { app: APP, user: name(n), patch: version(n, 9), at: UnixMillis(3), origin: None };
        if store.apply(change).await.is_ok() {
            let found = store.profiles(APP, vec![name(n)]).await;
            let mut new = Profile::default();
            new.merge(&version(n, 9));
            if !matches!(&found, Ok(found) if *found == [Found::Profile(new)]) {
                return Err(format!("user{n} was written, and reads {found:?}"));
            }
        }
    }
    Ok(())
}

/// Whether the damage may have ended a log where nothing shows it.
fn ends(file: &str, what: &str, origins: &[(&str, Vec<u8>)], files: &[(&str, Vec<u8>)]) -> bool {
    let bytes = |files: &[(&str, Vec<u8>)]| files.iter().find(|(name, _)| *name == file).unwrap().1.clone();
    let (before, after) = (bytes(origins), bytes(files));
    // A truncated log ends there, and one without a header is empty.
    let part = |bytes: &[u8], from: usize, length: usize| bytes.get(from..from + length).map(<[u8]>::to_vec);
    let lost = |from, length| part(&before, from, length) != part(&after, from, length);
    what.starts_with("cut")
        || match file {
            // A whole page at another place has a valid form.
            DATABASE => what.contains("swapped") || what.contains("written"),
            LOG => what.contains("swapped") || what.contains("written") || lost(0, 32),
            // A segment's header is there twice.
            _ => lost(0, 56) && lost(2048, 56),
        }
}

#[test]
fn damaged_files_are_never_served_as_data() {
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        hook(panic);
    }));
    let seed = seed();
    let (mut random, expected) = (Random(seed), profiles());
    for closed in [true, false] {
        let origins = block_on(origin(closed));
        let mut tally = Tally::default();
        for _ in 0..IMAGES * scale() {
            let mut files = origins.files.clone();
            let (file, what) = damage(&mut files, &mut random);
            let image = TestDirs::new();
            for (file, bytes) in &files {
                std::fs::write(image.data().join(file), bytes).unwrap();
            }
            let ends = ends(file, &what, &origins.files, &files);
            let may_be_older = if !origins.log {
                0
            } else if ends {
                ACCOUNTS
            } else {
                LAST_COMMITS - u64::from(what.starts_with("a bit"))
            };
            let looked = block_on(look(&image.data(), &expected, may_be_older, &mut tally));
            assert!(looked.is_ok(), "PORTRAIT_SEED={seed}, {file}, {what}: {looked:?}");
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "PORTRAIT_SEED={seed}, {file}, {what}: a panic");
        }
        eprintln!("{} {tally:?}", if closed { "a closed store:" } else { "with a log:" });
        assert!(
            if closed {
                tally.refused_to_open > 0 && tally.some_do_not_read_back > 0
            } else {
                // SQLite's log is short: few of the images have damage in a part of it that counts.
                tally.refused_for_their_journal > 0
            },
            "the damage has no effect: {tally:?}"
        );
    }
}

/// SQLite reads a definition whatever it says: with another name of a column every call would fail, and a check would find nothing.
#[test]
fn a_damaged_definition_of_a_table_is_refused_and_named() {
    for (text, damaged) in
        [("kicked_at  INTEGER", "kicked_as  INTEGER"), ("CHECK (one = 1)", "CHECK (one = 3)")]
    {
        let image = TestDirs::new();
        for (file, bytes) in &block_on(origin(true)).files {
            std::fs::write(image.data().join(file), bytes).unwrap();
        }
        let database = image.data().join(DATABASE);
        let mut bytes = std::fs::read(&database).unwrap();
        // All places: what was moved to another page stands in the old one, too.
        for at in 0..bytes.len() - text.len() {
            if bytes[at..].starts_with(text.as_bytes()) {
                bytes[at..at + text.len()].copy_from_slice(damaged.as_bytes());
            }
        }
        std::fs::write(&database, bytes).unwrap();
        let error = SqliteStore::open(&image.data()).err().unwrap().to_string();
        assert!(
            error.contains("the definition of the table ") && error.contains("Restore a backup"),
            "{error}"
        );
        let mut found = Vec::new();
        let checked = check(&image.data(), &mut |finding| found.push(format!("{finding:?}"))).unwrap();
        assert!(checked.damaged == 1 && found[0].contains("the definition of the table "), "{found:?}");
    }
}

/// Otherwise all data would be lost silently, and new accounts would be written over it.
#[test]
fn an_emptied_database_is_not_taken_for_a_new_one() {
    for closed in [true, false] {
        for removed in [true, false] {
            let image = TestDirs::new();
            for (file, bytes) in &block_on(origin(closed)).files {
                std::fs::write(image.data().join(file), bytes).unwrap();
            }
            let database = image.data().join(DATABASE);
            if removed {
                std::fs::remove_file(&database).unwrap();
            } else {
                std::fs::write(&database, "").unwrap();
            }
            let opened = SqliteStore::open(&image.data());
            assert!(matches!(opened, Err(OpenError::Emptied { .. })));
            assert!(removed || matches!(check(&image.data(), &mut |_| {}), Err(OpenError::Emptied { .. })));
            let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
            assert_eq!(length(&database), 0);
            assert_eq!(length(&image.data().join(LOG)) > 0, !closed, "the log is as it was");
        }
    }
}

/// A damaged page refuses the changes that need it, and not those that share a commit with them.
#[test]
fn a_damaged_page_fails_only_the_changes_that_need_it() {
    const PAGE: usize = 2048;
    let origins = block_on(origin(true));
    let mut files = origins.files;
    let bytes = &mut files[0].1;
    let full_of_profiles = |page: &&mut [u8]| page.windows(100).any(|window| window == [b'z'; 100]);
    bytes.chunks_exact_mut(PAGE).find(full_of_profiles).unwrap().fill(0);
    let image = TestDirs::new();
    for (file, bytes) in files {
        std::fs::write(image.data().join(file), bytes).unwrap();
    }
    block_on(async {
        let store = Arc::new(SqliteStore::open(&image.data()).unwrap());
        let found = store.profiles(APP, (0..ACCOUNTS).map(name).collect()).await.unwrap();
        let damaged: Vec<bool> = found.iter().map(|found| *found == Found::Damaged).collect();
        let count = damaged.iter().filter(|damaged| **damaged).count();
        assert!((1..ACCOUNTS as usize / 2).contains(&count), "{count} are damaged");
        let commits = store.stats().commits;
        let changes: Vec<_> = (0..ACCOUNTS)
            .map(|n| {
                let (store, patch) = (Arc::clone(&store), version(n, 9));
                let change = Change { app: APP, user: name(n), patch, at: UnixMillis(3), origin: None };
                tokio::spawn(async move { store.apply(change).await })
            })
            .collect();
        for (change, damaged) in changes.into_iter().zip(damaged) {
            match change.await.unwrap() {
                Ok(()) => assert!(!damaged),
                Err(StoreError::Corrupt(_)) => assert!(damaged),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(store.stats().commits > commits);
    });
}
