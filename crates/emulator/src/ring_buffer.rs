//! A ring buffer of numbered entries, bounded in number and bytes. When it is full, the oldest entries are removed.

use portraitd_admin::error::AdminError;
use portraitd_model::bilingual;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// An entry of a [`RingBuffer`].
pub(crate) trait RingEntry: Clone {
    /// Sets the entry's number.
    fn set_number(&mut self, number: u64);
    /// Returns the entry's number.
    fn number(&self) -> u64;
    /// Returns about how many bytes it takes.
    fn size(&self) -> usize;
}

/// A ring buffer whose entries are numbered from 1.
#[derive(Debug)]
pub(crate) struct RingBuffer<T> {
    inner: Mutex<Inner<T>>,
    /// The last number; notifies the callers that wait for new entries.
    last: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner<T> {
    entries: VecDeque<T>,
    bytes: usize,
    /// The highest number of an entry that had to make room.
    dropped: u64,
}

impl<T> Default for RingBuffer<T> {
    fn default() -> Self {
        let inner = Inner { entries: VecDeque::new(), bytes: 0, dropped: 0 };
        Self { inner: Mutex::new(inner), last: watch::Sender::default() }
    }
}

impl<T: RingEntry> RingBuffer<T> {
    /// The most entries.
    pub(crate) const MAX: usize = 1000;
    /// The most bytes of all entries together.
    const BYTES_MAX: usize = 16 << 20;

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry, and gives it the next number.
    pub(crate) fn push(&self, mut entry: T) {
        let mut inner = self.lock();
        // Numbered while the lock is held, so that the entries are in the order of their numbers.
        self.last.send_modify(|last| {
            *last += 1;
            entry.set_number(*last);
        });
        inner.bytes += entry.size();
        inner.entries.push_back(entry);
        while inner.entries.len() > Self::MAX || inner.bytes > Self::BYTES_MAX {
            let Some(oldest) = inner.entries.pop_front() else { break };
            inner.bytes -= oldest.size();
            inner.dropped = oldest.number();
        }
    }

    /// Returns the last `limit` entries that match and have a number above `after`, oldest first.
    pub(crate) fn find(&self, after: u64, limit: usize, matches: impl Fn(&T) -> bool) -> Vec<T> {
        let inner = self.lock();
        let newest = inner.entries.iter().rev().take_while(|entry| entry.number() > after);
        let mut found: Vec<T> = newest.filter(|entry| matches(entry)).take(limit).cloned().collect();
        found.reverse();
        found
    }

    /// Returns the next entries above `after`, oldest first, and how many above it had to make room before.
    pub(crate) fn next_after(&self, after: u64, limit: usize) -> (u64, Vec<T>) {
        let inner = self.lock();
        let start = inner.entries.partition_point(|entry| entry.number() <= after);
        let entries = inner.entries.range(start..).take(limit).cloned().collect();
        (inner.dropped.saturating_sub(after), entries)
    }

    /// Removes the entries that match, and returns how many there were.
    pub(crate) fn remove(&self, matches: impl Fn(&T) -> bool) -> usize {
        let mut inner = self.lock();
        let before = inner.entries.len();
        inner.entries.retain(|entry| !matches(entry));
        inner.bytes = inner.entries.iter().map(RingEntry::size).sum();
        before - inner.entries.len()
    }

    /// Returns the last number, that is how many entries were added.
    pub(crate) fn last_number(&self) -> u64 {
        *self.last.borrow()
    }

    /// Returns a receiver that is notified of every new entry, with the entry's number.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// Like [`Self::find`], but first waits until there are enough entries. After the time limit, those that are there
    /// are returned.
    pub(crate) async fn find_within(
        &self,
        wait: Wait,
        after: u64,
        limit: usize,
        matches: impl Fn(&T) -> bool,
    ) -> Vec<T> {
        let mut last = self.subscribe();
        let enough = async {
            loop {
                last.mark_unchanged();
                // The sender lives as long as the emulator.
                if self.find(after, limit, &matches).len() >= wait.count || last.changed().await.is_err() {
                    return;
                }
            }
        };
        // The entries after the time limit are what the caller asked for too.
        let _ = tokio::time::timeout(wait.limit, enough).await;
        self.find(after, limit, matches)
    }
}

/// How many entries a caller waits for, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    count: usize,
    limit: Duration,
}

impl Wait {
    /// Reads the parameters `count` and `wait_ms`: both, or neither for no wait.
    pub(crate) fn read(count: Option<usize>, wait_ms: Option<u64>) -> Result<Self, AdminError> {
        /// The longest wait: one minute.
        const WAIT_MS_MAX: u64 = 60_000;
        match (count, wait_ms) {
            (None, None) => Ok(Self { count: 0, limit: Duration::ZERO }),
            (Some(count), Some(wait_ms)) if wait_ms <= WAIT_MS_MAX => {
                Ok(Self { count, limit: Duration::from_millis(wait_ms) })
            }
            (Some(_), Some(wait_ms)) => Err(AdminError::invalid(bilingual!(
                "wait_ms: {wait_ms} is too long; at most {WAIT_MS_MAX} is allowed",
                "wait_ms：{wait_ms} 过长，最多允许 {WAIT_MS_MAX}"
            ))),
            _ => Err(AdminError::invalid(bilingual!(
                "set both count and wait_ms, or neither",
                "count 与 wait_ms 应同时设置，或都不设置"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Sized(u64, usize);

    impl RingEntry for Sized {
        fn set_number(&mut self, number: u64) {
            self.0 = number;
        }
        fn number(&self) -> u64 {
            self.0
        }
        fn size(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn the_buffer_is_bounded_in_number_and_size() {
        let ring = RingBuffer::default();
        let numbers = |ring: &RingBuffer<Sized>, after, limit| {
            ring.find(after, limit, |_| true).iter().map(|entry| entry.0).collect::<Vec<_>>()
        };
        for _ in 0..RingBuffer::<Sized>::MAX + 5 {
            ring.push(Sized(0, 1));
        }
        assert_eq!(ring.find(0, usize::MAX, |_| true).len(), 1000);
        assert_eq!(numbers(&ring, 0, 3), [1003, 1004, 1005]);
        assert_eq!(numbers(&ring, 1004, 9), [1005]);
        let next = |after, limit| {
            let (missed, entries) = ring.next_after(after, limit);
            (missed, entries.iter().map(|entry| entry.0).collect::<Vec<_>>())
        };
        assert_eq!(next(2, 2), (3, vec![6, 7]), "5 made room, of which the caller had 2");
        assert_eq!(next(1004, 9), (0, vec![1005]));
        assert_eq!(next(1005, 9), (0, vec![]));
        for _ in 0..3 {
            ring.push(Sized(0, 8 << 20));
        }
        assert_eq!(numbers(&ring, 0, 9), [1007, 1008]);
        assert_eq!(ring.remove(|entry| entry.0 == 1007), 1);
        ring.push(Sized(0, 1));
        assert_eq!(numbers(&ring, 0, 9), [1008, 1009]);
        ring.push(Sized(0, 17 << 20));
        assert!(numbers(&ring, 0, 9).is_empty(), "larger than everything");
    }
}
