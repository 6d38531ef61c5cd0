//! Measurements of a store, cheap enough for every commit.

use portraitd_model::Bilingual;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A histogram: how many values fell into each range. Recording a value is two relaxed additions.
#[derive(Debug)]
pub struct Histogram {
    /// The upper ends of the ranges, rising; the last range has none.
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// The bounds for times, in microseconds: from 100 µs to 10 s.
    pub const MICROS: &'static [u64] = &[
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 10_000_000,
    ];

    /// With ranges that end at `bounds`.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a time, in microseconds.
    pub fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Each range's upper end and how many values fell into it; the last range has no end.
    pub fn ranges(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// All values together.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

/// The measurements of a store that writes to a disk.
#[derive(Debug)]
pub struct Measurements {
    /// From the beginning of a commit to the end of its sync, in microseconds.
    pub commit: Histogram,
    /// Operations in one commit.
    pub batch: Histogram,
    /// How long an operation waited in the queue, in microseconds.
    pub wait: Histogram,
    /// Commits that failed: a full disk, an I/O error.
    pub failed: AtomicU64,
}

impl Default for Measurements {
    fn default() -> Self {
        Self {
            commit: Histogram::new(Histogram::MICROS),
            batch: Histogram::new(&[1, 2, 4, 8, 16, 32, 64, 128, 256]),
            wait: Histogram::new(Histogram::MICROS),
            failed: AtomicU64::new(0),
        }
    }
}

/// The state of a store at this moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreStatus {
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
    /// Bytes of the journal that the tables do not have yet.
    pub journal_bytes: u64,
    /// Bytes that the journal may grow to.
    pub journal_bytes_max: u64,
    /// How long the oldest of these changes has waited.
    pub journal_age: Duration,
    /// Why the journal can't be applied at the moment.
    pub journal_failure: Option<Bilingual>,
    /// Operations that wait in the queue.
    pub waiting: u64,
    /// Bytes that are free on the file system of the data.
    pub disk_free_bytes: u64,
    /// With fewer free bytes than this, writes that make the data grow are refused.
    pub disk_kept_bytes: u64,
    /// A file was removed, moved, replaced or linked under the open store: changes are refused.
    pub files_changed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_ranges() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, u64::MAX - 24] {
            histogram.record(value);
        }
        let ranges: Vec<_> = histogram.ranges().collect();
        assert_eq!(ranges, [(Some(1), 2), (Some(10), 2), (None, 2)]);
        assert_eq!(histogram.sum(), u64::MAX);
    }

    #[test]
    fn times_are_counted_in_microseconds() {
        let histogram = Histogram::new(Histogram::MICROS);
        histogram.record_time(Duration::from_millis(3));
        histogram.record_time(Duration::MAX);
        assert_eq!(histogram.sum(), 2999, "3,000 and the largest number, which wraps");
        assert_eq!(histogram.ranges().map(|(_, count)| count).sum::<u64>(), 2);
    }
}
