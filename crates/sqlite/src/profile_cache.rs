//! A cache of recently read or written profiles, limited in bytes. An entry equals the table's row, so that a read needs no SQL,
//! and a change needs one update by row.
//!
//! The writer publishes committed profiles before it acknowledges them. A reader inserts what it read from the table, which may
//! be out of date by then: it passes the shard's version from before the read, and the insert is ignored when the version has
//! changed. While a change is being committed, its account is read from the table only: once one reader has read the new
//! profile there, no later read may return the old one from here.

use crate::primitives::{AtomicBool, Mutex, MutexGuard};
use portraitd_model::{SdkAppId, UserId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The app and the user of a profile.
pub(crate) type Key = (SdkAppId, UserId);

/// An account's row, and its profile in the stored form, which takes half the memory of the decoded one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CachedProfile {
    pub(crate) row: i64,
    pub(crate) profile: Arc<[u8]>,
}

/// The version of a shard. Grows with every published or invalidated update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Version(u64);

/// The cache, in shards that are locked one by one.
pub(crate) struct ProfileCache {
    shards: Box<[Mutex<Shard>]>,
    /// Spreads keys over the shards; random, so that no caller can choose ids that all fall into one.
    hasher: RandomState,
    shard_bytes_max: usize,
    closed: AtomicBool,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<Key, Entry>,
    /// The order in which entries are evicted: a clock with a second chance.
    clock: VecDeque<Key>,
    bytes: usize,
    /// The number of finished updates.
    version: u64,
    /// Accounts with an unfinished update: they are neither returned nor inserted.
    updating: HashSet<Key>,
}

struct Entry {
    cached: CachedProfile,
    bytes: usize,
    /// Read since the clock last passed it.
    used: bool,
}

/// The most shards. Enough that readers rarely wait for one another, and that the growth of one map, which moves all its
/// entries, is short: with 64 shards and a million profiles it took 5 ms.
const SHARDS_MAX: usize = 1024;
/// The least budget of a shard; a small budget is split into fewer.
const SHARD_BYTES_MIN: usize = 64 << 10;

/// How many stale keys a clock may have before it is rebuilt.
const CLOCK_SLACK: usize = 64;

/// The approximate memory of an entry without its profile: the key twice, the map's free slots, an allocation.
const ENTRY_BYTES: usize = 2 * size_of::<(Key, Entry)>() + size_of::<Key>() + 32;

impl ProfileCache {
    /// A cache of at most about `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let shards = (bytes_max / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / shards,
            closed: AtomicBool::new(false),
        }
    }

    /// Returns a profile, or the version to insert it with once it is read from the table.
    pub(crate) fn get(&self, key: &Key) -> Result<CachedProfile, Version> {
        let mut shard = self.shard(key);
        let updating = !shard.updating.is_empty() && shard.updating.contains(key);
        match shard.entries.get_mut(key) {
            Some(entry) if !updating => {
                entry.used = true;
                Ok(entry.cached.clone())
            }
            _ => Err(Version(shard.version)),
        }
    }

    /// Until the update is published, invalidated or cancelled, the account is neither returned nor inserted.
    pub(crate) fn begin_update(&self, key: Key) {
        self.shard(&key).updating.insert(key);
    }

    /// Ends an update that was not committed: the entry is valid again.
    pub(crate) fn cancel_update(&self, key: &Key) {
        self.shard(key).updating.remove(key);
    }

    /// Inserts a profile that was read from the table after [`ProfileCache::get`] returned `version`, unless it may be out of
    /// date.
    pub(crate) fn insert_if_current(&self, key: Key, cached: CachedProfile, version: Version) {
        let mut shard = self.shard(&key);
        if Version(shard.version) == version && !shard.updating.contains(&key) {
            self.put(&mut shard, key, cached);
        }
    }

    /// Ends an update with the committed profile.
    pub(crate) fn publish(&self, key: Key, cached: CachedProfile) {
        let mut shard = self.shard(&key);
        shard.version += 1;
        shard.updating.remove(&key);
        self.put(&mut shard, key, cached);
    }

    /// Ends an update whose result is in the table only; removes the entry.
    pub(crate) fn invalidate(&self, key: &Key) {
        let mut shard = self.shard(key);
        shard.version += 1;
        shard.updating.remove(key);
        if let Some(entry) = shard.entries.remove(key) {
            shard.bytes -= entry.bytes;
        }
    }

    /// Removes everything, when the content of the table is not known.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            *shard = Shard { version: shard.version + 1, ..Shard::default() };
        }
    }

    /// Removes everything, and inserts nothing from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.clear();
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) % self.shards.len() as u64;
        let index = usize::try_from(index).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "below the number of shards")]
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, shard: &mut Shard, key: Key, cached: CachedProfile) {
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        let bytes = ENTRY_BYTES + cached.profile.len();
        // A new entry has no second chance: a scan over everything must not evict entries that are read often.
        match shard.entries.insert(key, Entry { cached, bytes, used: false }) {
            Some(old) => {
                shard.bytes -= old.bytes;
                if let Some(entry) = shard.entries.get_mut(&key) {
                    entry.used = true;
                }
            }
            None => shard.clock.push_back(key),
        }
        // A key that was removed and inserted again is on the clock twice.
        if shard.clock.len() > 2 * shard.entries.len() + CLOCK_SLACK {
            shard.clock = shard.entries.keys().copied().collect();
        }
        shard.bytes += bytes;
        while shard.bytes > self.shard_bytes_max {
            let Some(oldest) = shard.clock.pop_front() else { break };
            match shard.entries.get_mut(&oldest) {
                Some(entry) if entry.used => {
                    entry.used = false;
                    shard.clock.push_back(oldest);
                }
                Some(entry) => {
                    shard.bytes -= entry.bytes;
                    shard.entries.remove(&oldest);
                }
                // A stale key.
                None => {}
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        (SdkAppId(1), UserId::parse(name).unwrap())
    }

    fn cached(text: &str) -> CachedProfile {
        CachedProfile { row: 7, profile: text.as_bytes().into() }
    }

    #[test]
    fn profiles_that_may_be_out_of_date_are_not_inserted() {
        let profiles = ProfileCache::new(1 << 20);
        let version = profiles.get(&key("a")).unwrap_err();
        profiles.insert_if_current(key("a"), cached("read"), version);
        assert_eq!(profiles.get(&key("a")), Ok(cached("read")));
        profiles.invalidate(&key("a"));
        profiles.insert_if_current(key("a"), cached("read before it was deleted"), version);
        let version = profiles.get(&key("a")).unwrap_err();
        profiles.publish(key("a"), cached("written"));
        profiles.insert_if_current(key("a"), cached("read before it was written"), version);
        assert_eq!(profiles.get(&key("a")), Ok(cached("written")));
        profiles.begin_update(key("a"));
        let version = profiles.get(&key("a")).unwrap_err();
        profiles.insert_if_current(key("a"), cached("read while it was being written"), version);
        profiles.get(&key("a")).unwrap_err();
        profiles.cancel_update(&key("a"));
        assert_eq!(profiles.get(&key("a")), Ok(cached("written")));
        profiles.close();
        profiles.publish(key("a"), cached("late"));
        profiles.get(&key("a")).unwrap_err();
    }

    #[test]
    fn the_budget_holds_and_entries_that_are_read_often_stay() {
        const BYTES_MAX: usize = 10 * SHARD_BYTES_MIN;
        let profiles = ProfileCache::new(BYTES_MAX);
        profiles.publish(key("often"), cached("x"));
        for n in 0..10_000 {
            profiles.publish(key(&format!("user{n}")), cached(&"x".repeat(n % 300)));
            assert_eq!(profiles.get(&key("often")), Ok(cached("x")), "{n}");
            if n % 3 == 0 {
                profiles.invalidate(&key(&format!("user{n}")));
            }
        }
        let kept: usize = profiles.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum();
        assert!(kept <= BYTES_MAX && kept > BYTES_MAX / 2, "{kept}");
        for shard in &profiles.shards {
            let shard = shard.lock().unwrap();
            assert_eq!(shard.bytes, shard.entries.values().map(|entry| entry.bytes).sum::<usize>());
            assert!(shard.clock.len() <= 2 * shard.entries.len() + CLOCK_SLACK);
        }
    }
}
