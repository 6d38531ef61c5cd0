//! A cache of recently read or written accounts, limited in bytes, so that a read needs no SQL.
//!
//! What the journal has and the table does not is here, too, and is not evicted until the table has it: an entry has the number of
//! the segment that changed it last, and is pinned while that is greater than the number of the last applied segment. So one look-up
//! answers every read, and an account that is not here is in the table as it is.
//!
//! The writer publishes a change once it is on the disk, before it acknowledges it. A reader inserts what it read from the table,
//! which may be out of date by then: it passes the shard's version from before the read, and the insert is ignored when the version
//! has changed.

use crate::account::{AccountRow, AccountState, Key};
use crate::primitives::{AtomicU64, Mutex, MutexGuard};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// The version of a shard. Grows with every published change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Version(u64);

/// What the cache knows of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Known {
    /// Its present state.
    Account(AccountRow),
    /// It is deleted, which the table does not know yet; with the time that is noted.
    Deleted(AccountState),
    /// Nothing: it is as the table has it. The version is for [`ProfileCache::insert_if_current`].
    Nothing(Version),
}

/// The cache, in shards that are locked one by one.
pub(crate) struct ProfileCache {
    shards: Box<[Mutex<Shard>]>,
    /// Spreads keys over the shards; random, so that no caller can choose ids that all fall into one.
    hasher: RandomState,
    shard_bytes_max: usize,
    /// The last segment that the table has completely.
    applied: AtomicU64,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<Key, Entry>,
    /// The order in which entries are evicted: a clock with a second chance.
    clock: VecDeque<Key>,
    bytes: usize,
    /// The number of published changes.
    version: u64,
    closed: bool,
}

struct Entry {
    state: AccountState,
    bytes: usize,
    /// Read since the clock last passed it.
    used: bool,
    /// The segment of the last change; 0 for one that was read from the table.
    segment: u64,
}

/// The most shards. Enough that readers rarely wait for one another, and that the growth of one map, which moves all its
/// entries, is short: with 64 shards and a million profiles it took 5 ms.
const SHARDS_MAX: usize = 1024;
/// The least budget of a shard; a small budget is split into fewer.
const SHARD_BYTES_MIN: usize = 64 << 10;

/// How many stale keys a clock may have before it is rebuilt.
const CLOCK_SLACK: usize = 64;

/// How many entries of the clock are looked at for one that is inserted. Pinned ones can't be evicted: with many of them, a search
/// to the end would take longer than the change itself.
const LOOKS: usize = 16;

/// The approximate memory of an entry without its profile: the key twice, the map's free slots, an allocation.
pub(crate) const ENTRY_BYTES: usize = 2 * size_of::<(Key, Entry)>() + size_of::<Key>() + 32;

impl ProfileCache {
    /// A cache of at most about `bytes_max` bytes, unless more is pinned; `applied` is the last segment that the table has.
    pub(crate) fn new(bytes_max: usize, applied: u64) -> Self {
        let shards = (bytes_max / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / shards,
            applied: AtomicU64::new(applied),
        }
    }

    /// What is known of an account.
    pub(crate) fn get(&self, key: &Key) -> Known {
        let mut shard = self.shard(key);
        let applied = self.applied();
        match shard.entries.get_mut(key) {
            Some(Entry { state: AccountState::Present(account), used, .. }) => {
                *used = true;
                Known::Account(account.clone())
            }
            Some(entry) if entry.segment > applied => Known::Deleted(entry.state.clone()),
            _ => Known::Nothing(Version(shard.version)),
        }
    }

    /// The state of an account that a segment changed; the applier reads it. Not a use of the entry.
    pub(crate) fn pinned(&self, key: &Key) -> Option<AccountState> {
        self.shard(key).entries.get(key).map(|entry| entry.state.clone())
    }

    /// Inserts an account that was read from the table after [`ProfileCache::get`] returned `version`, unless it may be out of
    /// date.
    pub(crate) fn insert_if_current(&self, key: Key, account: AccountRow, version: Version) {
        let mut shard = self.shard(&key);
        if Version(shard.version) == version {
            self.put(&mut shard, key, AccountState::Present(account), 0);
        }
    }

    /// Publishes a change that is on the disk, in a segment. Returns whether it is the segment's first one of that row.
    pub(crate) fn publish(&self, key: Key, state: AccountState, segment: u64) -> bool {
        let mut shard = self.shard(&key);
        shard.version += 1;
        let (row, before) = (state.row(), shard.entries.get(&key));
        let is_first = before.is_none_or(|before| before.segment != segment || before.state.row() != row);
        self.put(&mut shard, key, state, segment);
        is_first
    }

    /// The last segment that the table has.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Unpins the entries up to a segment, which the table has from now on; evicts what is beyond the budget.
    pub(crate) fn set_applied(&self, segment: u64) {
        self.applied.store(segment, Ordering::Release);
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let looks = 2 * shard.clock.len();
            self.evict(&mut shard, looks);
        }
    }

    /// Removes everything, and keeps nothing from now on. Nothing may be pinned any more.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            *shard = Shard { version: shard.version + 1, closed: true, ..Shard::default() };
        }
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) % self.shards.len() as u64;
        let index = usize::try_from(index).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "below the number of shards")]
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, shard: &mut Shard, key: Key, state: AccountState, segment: u64) {
        if shard.closed {
            return;
        }
        let bytes = ENTRY_BYTES + state.profile_bytes();
        // A new entry has no second chance: a scan over everything must not evict entries that are read often.
        match shard.entries.insert(key, Entry { state, bytes, used: false, segment }) {
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
        self.evict(shard, LOOKS);
    }

    fn evict(&self, shard: &mut Shard, looks: usize) {
        let applied = self.applied();
        for _ in 0..looks {
            if shard.bytes <= self.shard_bytes_max {
                break;
            }
            let Some(oldest) = shard.clock.pop_front() else { break };
            match shard.entries.get_mut(&oldest) {
                Some(entry) if entry.segment > applied => shard.clock.push_back(oldest),
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
    use portraitd_model::{SdkAppId, UnixMillis, UserId};

    fn key(name: &str) -> Key {
        (SdkAppId(1), UserId::parse(name).unwrap())
    }

    fn account(text: &str) -> AccountRow {
        let profile = text.as_bytes().into();
        AccountRow { row: 7, created: UnixMillis(1), kicked_at: None, profile }
    }

    fn present(text: &str) -> AccountState {
        AccountState::Present(account(text))
    }

    fn version(profiles: &ProfileCache, name: &str) -> Version {
        match profiles.get(&key(name)) {
            Known::Nothing(version) => version,
            known => panic!("{known:?}"),
        }
    }

    #[test]
    fn accounts_that_may_be_out_of_date_are_not_inserted() {
        let profiles = ProfileCache::new(1 << 20, 0);
        let before = version(&profiles, "a");
        profiles.insert_if_current(key("a"), account("read"), before);
        assert_eq!(profiles.get(&key("a")), Known::Account(account("read")));
        profiles.publish(key("a"), present("written"), 1);
        profiles.insert_if_current(key("a"), account("read before it was written"), before);
        assert_eq!(profiles.get(&key("a")), Known::Account(account("written")));
        profiles.close();
        profiles.publish(key("a"), present("late"), 1);
        version(&profiles, "a");
    }

    #[test]
    fn a_deletion_is_known_until_the_table_has_it() {
        let profiles = ProfileCache::new(1 << 20, 4);
        let deleted = AccountState::Deleted { row: 7, noted_at: Some(UnixMillis(3)) };
        profiles.publish(key("a"), deleted.clone(), 5);
        assert_eq!(profiles.get(&key("a")), Known::Deleted(deleted.clone()));
        profiles.set_applied(4);
        assert_eq!(profiles.get(&key("a")), Known::Deleted(deleted));
        profiles.set_applied(5);
        version(&profiles, "a");
    }

    #[test]
    fn the_first_change_of_a_row_in_a_segment_is_told() {
        let profiles = ProfileCache::new(1 << 20, 0);
        let other_row = AccountState::Present(AccountRow { row: 8, ..account("again") });
        assert!(profiles.publish(key("a"), present("one"), 1));
        assert!(!profiles.publish(key("a"), present("two"), 1));
        assert!(profiles.publish(key("a"), other_row.clone(), 1));
        assert!(!profiles.publish(key("a"), other_row.clone(), 1));
        assert!(profiles.publish(key("a"), other_row, 2));
    }

    #[test]
    fn pinned_entries_stay_beyond_the_budget() {
        let profiles = ProfileCache::new(0, 0);
        for n in 0..1000 {
            profiles.publish(key(&format!("user{n}")), present("pinned"), 1 + n / 500);
        }
        let kept = || (0..1000).filter(|n| profiles.pinned(&key(&format!("user{n}"))).is_some()).count();
        assert_eq!(kept(), 1000);
        profiles.set_applied(1);
        assert_eq!(kept(), 500);
        profiles.set_applied(2);
        assert_eq!(kept(), 0, "there is no budget");
    }

    #[test]
    fn the_budget_holds_and_entries_that_are_read_often_stay() {
        const BYTES_MAX: usize = 10 * SHARD_BYTES_MIN;
        let profiles = ProfileCache::new(BYTES_MAX, 1);
        profiles.publish(key("often"), present("x"), 1);
        for n in 0..10_000 {
            profiles.publish(key(&format!("user{n}")), present(&"x".repeat(n % 300)), 1);
            assert_eq!(profiles.get(&key("often")), Known::Account(account("x")), "{n}");
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
