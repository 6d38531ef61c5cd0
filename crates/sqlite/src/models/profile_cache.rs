//! The cache of profiles: the writer publishes what it commits, readers insert what they find in the table, which may be out of date by
//! then. No reader reads what is older than what was acknowledged before, or than what it read before; and in the end the cache
//! holds what the table holds.

use super::table::{Table, delete, read};
use crate::disk_space::DiskSpace;
use crate::profile_cache::{CachedProfile, ProfileCache};
use crate::reader::Readers;
use crate::writer::{Shared, Writer};
use portraitd_model::UserId;
use portraitd_test_support::fixtures::{APP, user};
use portraitd_test_support::schedules::{check, wrong};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::{future, thread};

const READERS: usize = 3;
const CHANGES: usize = 4;

fn alice() -> UserId {
    user("alice")
}

/// How a reader reads.
type Read = fn(&Readers, &ProfileCache) -> Option<u64>;

fn as_shipped(readers: &Readers, cache: &ProfileCache) -> Option<u64> {
    read(readers, cache, alice())
}

/// Looks at the clock after the fact: what it offers may be older than the version that it carries.
fn carelessly(readers: &Readers, cache: &ProfileCache) -> Option<u64> {
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
fn story(table: &Arc<Table>, look: Read) {
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
                    // Deleted, it has no version; the next one is greater than all before.
                    let Some(version) = look(&readers, &cache) else { continue };
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
            // Fails, and memory is cleared.
            1 => (table.unlucky(), exists),
            // After it memory knows nothing, and readers look into the table.
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
fn no_reader_reads_what_is_out_of_date() {
    let table = Arc::new(Table::new());
    check(2000, move || story(&table, as_shipped));
}

/// The model can fail: with a reader that takes its version too late.
#[test]
fn a_careless_reader_is_found_out() {
    let table = Arc::new(Table::new());
    let found = wrong(2000, move || story(&table, carelessly));
    assert!(found.contains("is read after version") || found.contains("memory"), "{found}");
}
