//! Profiles in memory: those lately read or written, within a budget. What is here is what the table holds, so that a
//! read costs no SQL, and a change costs one update by row.
//!
//! The writer publishes what it committed before it acknowledges anybody. A reader offers what it read from the table,
//! which may be out of date by then: the offer carries the state of the shelf from before the read and is passed over
//! when that has changed meanwhile. And while a change is being committed, its account is answered for by the table
//! alone: some reader may have found it changed there, and nobody may find it unchanged here after that.

use crate::sync::{AtomicBool, Mutex, MutexGuard};
use portrait_model::{SdkAppId, UserId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Whose profile.
pub(crate) type Key = (SdkAppId, UserId);

/// An account's row, and its profile in the stored form: half the size of the other one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hot {
    pub(crate) row: i64,
    pub(crate) profile: Arc<[u8]>,
}

/// The state of a shelf at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp(u64);

/// Profiles in memory.
pub(crate) struct HotProfiles {
    shelves: Box<[Mutex<Shelf>]>,
    /// Spreads keys over the shelves; random, so that nobody can choose names that meet on one.
    hasher: RandomState,
    shelf_bytes_max: usize,
    closed: AtomicBool,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<Key, Entry>,
    /// The order in which entries are looked at when room is needed: a clock with a second chance.
    clock: VecDeque<Key>,
    bytes: usize,
    /// Counts what the writer did here.
    stamp: u64,
    /// Those that the table alone answers for.
    withheld: HashSet<Key>,
}

struct Entry {
    hot: Hot,
    bytes: usize,
    /// Read since the clock's hand last passed.
    used: bool,
}

/// The most shelves. So many that readers seldom meet, and that a map that outgrows its memory, which moves all its
/// entries, holds nobody up: with 64 shelves and a million profiles each such move took 5 ms.
const SHELVES_MAX: usize = 1024;
/// Fewer of them share a small budget.
const SHELF_BYTES_MIN: usize = 64 << 10;

/// So many places of a clock may be out of date before it is made anew.
const CLOCK_SLACK: usize = 64;

/// About what an entry takes beside the profile: the key twice, room that a map keeps free, an allocation.
const ENTRY_BYTES: usize = 2 * size_of::<(Key, Entry)>() + size_of::<Key>() + 32;

impl HotProfiles {
    /// Keeps about so many bytes at most.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let shelves = (bytes_max / SHELF_BYTES_MIN).clamp(1, SHELVES_MAX);
        Self {
            shelves: (0..shelves).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shelf_bytes_max: bytes_max / shelves,
            closed: AtomicBool::new(false),
        }
    }

    /// A profile that is here.
    pub(crate) fn get(&self, key: &Key) -> Result<Hot, Stamp> {
        let mut shelf = self.shelf(key);
        let withheld = !shelf.withheld.is_empty() && shelf.withheld.contains(key);
        match shelf.entries.get_mut(key) {
            Some(entry) if !withheld => {
                entry.used = true;
                Ok(entry.hot.clone())
            }
            _ => Err(Stamp(shelf.stamp)),
        }
    }

    /// From here until it is published, forgotten or released, it is neither given nor taken in.
    pub(crate) fn withhold(&self, key: Key) {
        self.shelf(&key).withheld.insert(key);
    }

    /// Nothing became of the change that it was withheld for.
    pub(crate) fn release(&self, key: &Key) {
        self.shelf(key).withheld.remove(key);
    }

    /// Takes in what was read from the table after `stamp`, unless it may have changed meanwhile.
    pub(crate) fn offer(&self, key: Key, hot: Hot, stamp: Stamp) {
        let mut shelf = self.shelf(&key);
        if Stamp(shelf.stamp) == stamp && !shelf.withheld.contains(&key) {
            self.put(&mut shelf, key, hot);
        }
    }

    /// Takes in what was committed.
    pub(crate) fn publish(&self, key: Key, hot: Hot) {
        let mut shelf = self.shelf(&key);
        shelf.stamp += 1;
        shelf.withheld.remove(&key);
        self.put(&mut shelf, key, hot);
    }

    /// Forgets what was changed or deleted in the table.
    pub(crate) fn forget(&self, key: &Key) {
        let mut shelf = self.shelf(key);
        shelf.stamp += 1;
        shelf.withheld.remove(key);
        if let Some(entry) = shelf.entries.remove(key) {
            shelf.bytes -= entry.bytes;
        }
    }

    /// Forgets everything, when it is not known what the table holds.
    pub(crate) fn clear(&self) {
        for shelf in &self.shelves {
            let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            *shelf = Shelf { stamp: shelf.stamp + 1, ..Shelf::default() };
        }
    }

    /// Forgets everything, for good.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.clear();
    }

    fn shelf(&self, key: &Key) -> MutexGuard<'_, Shelf> {
        let index = self.hasher.hash_one(key) % self.shelves.len() as u64;
        let index = usize::try_from(index).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "below the number of shelves")]
        self.shelves[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, shelf: &mut Shelf, key: Key, hot: Hot) {
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        let bytes = ENTRY_BYTES + hot.profile.len();
        // A new entry has no second chance yet: one scan over everything must not drive out what is read often.
        match shelf.entries.insert(key, Entry { hot, bytes, used: false }) {
            Some(old) => {
                shelf.bytes -= old.bytes;
                if let Some(entry) = shelf.entries.get_mut(&key) {
                    entry.used = true;
                }
            }
            None => shelf.clock.push_back(key),
        }
        // What was forgotten and came again stands on the clock twice.
        if shelf.clock.len() > 2 * shelf.entries.len() + CLOCK_SLACK {
            shelf.clock = shelf.entries.keys().copied().collect();
        }
        shelf.bytes += bytes;
        while shelf.bytes > self.shelf_bytes_max {
            let Some(oldest) = shelf.clock.pop_front() else { break };
            match shelf.entries.get_mut(&oldest) {
                Some(entry) if entry.used => {
                    entry.used = false;
                    shelf.clock.push_back(oldest);
                }
                Some(entry) => {
                    shelf.bytes -= entry.bytes;
                    shelf.entries.remove(&oldest);
                }
                // Forgotten before.
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

    fn hot(text: &str) -> Hot {
        Hot { row: 7, profile: text.as_bytes().into() }
    }

    #[test]
    fn what_may_be_out_of_date_is_not_taken_in() {
        let profiles = HotProfiles::new(1 << 20);
        let stamp = profiles.get(&key("a")).unwrap_err();
        profiles.offer(key("a"), hot("read"), stamp);
        assert_eq!(profiles.get(&key("a")), Ok(hot("read")));
        profiles.forget(&key("a"));
        profiles.offer(key("a"), hot("read before it was deleted"), stamp);
        let stamp = profiles.get(&key("a")).unwrap_err();
        profiles.publish(key("a"), hot("written"));
        profiles.offer(key("a"), hot("read before it was written"), stamp);
        assert_eq!(profiles.get(&key("a")), Ok(hot("written")));
        profiles.withhold(key("a"));
        let stamp = profiles.get(&key("a")).unwrap_err();
        profiles.offer(key("a"), hot("read while it was being written"), stamp);
        profiles.get(&key("a")).unwrap_err();
        profiles.release(&key("a"));
        assert_eq!(profiles.get(&key("a")), Ok(hot("written")));
        profiles.close();
        profiles.publish(key("a"), hot("late"));
        profiles.get(&key("a")).unwrap_err();
    }

    #[test]
    fn the_budget_holds_and_what_is_read_often_stays() {
        const BYTES_MAX: usize = 10 * SHELF_BYTES_MIN;
        let profiles = HotProfiles::new(BYTES_MAX);
        profiles.publish(key("often"), hot("x"));
        for n in 0..10_000 {
            profiles.publish(key(&format!("user{n}")), hot(&"x".repeat(n % 300)));
            assert_eq!(profiles.get(&key("often")), Ok(hot("x")), "{n}");
            if n % 3 == 0 {
                profiles.forget(&key(&format!("user{n}")));
            }
        }
        let kept: usize = profiles.shelves.iter().map(|shelf| shelf.lock().unwrap().bytes).sum();
        assert!(kept <= BYTES_MAX && kept > BYTES_MAX / 2, "{kept}");
        for shelf in &profiles.shelves {
            let shelf = shelf.lock().unwrap();
            assert_eq!(shelf.bytes, shelf.entries.values().map(|entry| entry.bytes).sum::<usize>());
            assert!(shelf.clock.len() <= 2 * shelf.entries.len() + CLOCK_SLACK);
        }
    }
}
