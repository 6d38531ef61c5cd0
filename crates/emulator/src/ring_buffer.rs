//! The newest of something: bounded in number and in size, the oldest go first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Something with a number and a size.
pub(crate) trait Entry: Clone {
    /// Gives it its number.
    fn number(&mut self, number: u64);
    /// Its number.
    fn numbered(&self) -> u64;
    /// About how many bytes it takes.
    fn bytes(&self) -> usize;
}

/// A ring of entries, numbered from 1 on.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    inner: Mutex<Inner<T>>,
    /// The last number; tells those who wait.
    last: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner<T> {
    entries: VecDeque<T>,
    bytes: usize,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        let inner = Inner { entries: VecDeque::new(), bytes: 0 };
        Self { inner: Mutex::new(inner), last: watch::Sender::default() }
    }
}

impl<T: Entry> Ring<T> {
    /// The most entries that are kept.
    pub(crate) const MAX: usize = 1000;
    /// The most bytes that they take together.
    const BYTES_MAX: usize = 16 << 20;

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry.
    pub(crate) fn push(&self, mut entry: T) {
        let mut inner = self.lock();
        // Under the lock, so that numbers stand in order.
        self.last.send_modify(|last| {
            *last += 1;
            entry.number(*last);
        });
        inner.bytes += entry.bytes();
        inner.entries.push_back(entry);
        while inner.entries.len() > Self::MAX || inner.bytes > Self::BYTES_MAX {
            let Some(oldest) = inner.entries.pop_front() else { break };
            inner.bytes -= oldest.bytes();
        }
    }

    /// Those that fit and come after a number, oldest first; the newest `limit` of them.
    pub(crate) fn find(&self, after: u64, limit: usize, fits: impl Fn(&T) -> bool) -> Vec<T> {
        let inner = self.lock();
        let newest = inner.entries.iter().rev().take_while(|entry| entry.numbered() > after);
        let mut found: Vec<T> = newest.filter(|entry| fits(entry)).take(limit).cloned().collect();
        found.reverse();
        found
    }

    /// Removes those that fit; how many they were.
    pub(crate) fn remove(&self, fits: impl Fn(&T) -> bool) -> usize {
        let mut inner = self.lock();
        let before = inner.entries.len();
        inner.entries.retain(|entry| !fits(entry));
        inner.bytes = inner.entries.iter().map(Entry::bytes).sum();
        before - inner.entries.len()
    }

    /// Tells of every entry that is added.
    pub(crate) fn wake(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Sized(u64, usize);

    impl Entry for Sized {
        fn number(&mut self, number: u64) {
            self.0 = number;
        }
        fn numbered(&self) -> u64 {
            self.0
        }
        fn bytes(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_ring_is_bounded_in_number_and_size() {
        let ring = Ring::default();
        let numbers = |ring: &Ring<Sized>, after, limit| {
            ring.find(after, limit, |_| true).iter().map(|entry| entry.0).collect::<Vec<_>>()
        };
        for _ in 0..Ring::<Sized>::MAX + 5 {
            ring.push(Sized(0, 1));
        }
        assert_eq!(ring.find(0, usize::MAX, |_| true).len(), 1000);
        assert_eq!(numbers(&ring, 0, 3), [1003, 1004, 1005]);
        assert_eq!(numbers(&ring, 1004, 9), [1005]);
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
