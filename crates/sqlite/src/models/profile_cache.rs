//! The profile cache: the writer publishes committed profiles, readers insert what they read from the table, which may be out of date
//! by then. Invariants: no reader reads a version older than one acknowledged before, or than one it read before; at the end the
//! cache equals the table.

use super::table::{Table, delete, read};
use crate::disk_space::DiskSpace;
use crate::profile_cache::{CachedProfile, ProfileCache};
use crate::reader::Readers;
use crate::writer::{Shared, Writer};
use portraitd_model::UserId;
use portraitd_test_support::fixtures::{APP, user};
use portraitd_test_support::schedules::{check, failure_of};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::{future, thread};

const READERS: usize = 3;
const CHANGES: usize = 4;

fn alice() -> UserId {
    user("alice")
}

/// A way to read a profile.
type Read = fn(&Readers, &ProfileCache) -> Option<u64>;

fn as_shipped(readers: &Readers, cache: &ProfileCache) -> Option<u64> {
    read(readers, cache, alice())
}

/// Wrong on purpose: takes the shard's version after the read, so that the profile may be older than that version.
fn with_a_late_version(readers: &Readers, cache: &ProfileCache) -> Option<u64> {
    let key = (APP, alice());
    if let Ok(known) = cache.get(&key) {
        return Some(super::table::version_of(alice(), &known.profile));
    }
    let sql = "SELECT id, profile FROM accounts WHERE user = 'alice'";
    let found = readers.with(|connection| {
        Ok(connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).ok())
    });
    let (row, profile) = found.unwrap()?;
    let version = super::table::version_of(alice(), &profile);
    if let Err(version) = cache.get(&key) {
        cache.insert_if_current(key, CachedProfile { row, profile: profile.into() }, version);
    }
    Some(version)
}

/// Versions only grow, and an account that was deleted is made again with a greater one.
fn scenario(table: &Arc<Table>, read_profile: Read) {
    table.begin(&[alice()]);
    let cache = Arc::new(ProfileCache::new(1 << 20));
    let shared = Shared {
        write_lock: Arc::new(Mutex::new(())),
        erased: Arc::new(AtomicBool::new(false)),
        cache: Arc::clone(&cache),
        tail: Arc::default(),
        space: Arc::new(DiskSpace::new(table.path(), 0)),
        files: Arc::default(),
    };
    let writer = Writer::start(&table.path(), shared).unwrap();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (cache, acknowledged) = (Arc::clone(&cache), Arc::clone(&acknowledged));
            let readers = Readers::new(&table.path(), Arc::default());
            thread::spawn(move || {
                let mut seen = 0;
                for _ in 0..3 {
                    let least = acknowledged.load(Ordering::SeqCst).max(seen);
                    // A deleted account has no version; the next one is greater than all before.
                    let Some(version) = read_profile(&readers, &cache) else { continue };
                    assert!(version >= least, "version {version} is read after version {least}");
                    seen = version;
                }
            })
        })
        .collect();
    let mut exists = true;
    for version in 1..=CHANGES {
        let (write, exists_then) = match thread_rng().gen_range(0..6) {
            0 => (delete(alice()), false),
            // Fails, and the cache is cleared.
            1 => (table.failing_import(), exists),
            // Invalidates the entry, so that readers read the table.
            2 | 3 => (table.import(alice(), version), true),
            _ if exists => (table.set(alice(), version), true),
            _ => continue,
        };
        let deleted = !exists_then;
        if future::block_on(writer.write(write, None)).is_ok() {
            exists = exists_then;
            if !deleted {
                acknowledged.store(version as u64, Ordering::SeqCst);
            }
        }
    }
    for reader in readers {
        reader.join().unwrap();
    }
    future::block_on(writer.close());
    let stored = table.stored().get(&alice()).copied();
    match cache.get(&(APP, alice())) {
        Ok(known) => assert_eq!(Some(super::table::version_of(alice(), &known.profile)), stored, "memory"),
        Err(_) => assert_eq!(read(&Readers::new(&table.path(), Arc::default()), &cache, alice()), stored),
    }
}

#[test]
fn no_reader_reads_an_outdated_profile() {
    let table = Arc::new(Table::new());
    check(2000, move || scenario(&table, as_shipped));
}

/// The model can fail: with a reader that takes its version too late.
#[test]
fn a_reader_that_takes_its_version_too_late_is_detected() {
    let table = Arc::new(Table::new());
    let found = failure_of(2000, move || scenario(&table, with_a_late_version));
    assert!(found.contains("is read after version") || found.contains("memory"), "{found}");
}
