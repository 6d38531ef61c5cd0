//! How the copy of a store that serves leaves the disk and the processor to those who write meanwhile.
//!
//! It works for some milliseconds, brings what it wrote to the disk, so that no commit's sync waits behind all of it at
//! the end, and then rests for some times as long. While nobody writes it need not rest; nor when the write-ahead log, which
//! can't start anew before the copy is taken, has become long: then it is better to be done.

use crate::checkpoint::Bounds;
use portrait_store::StoreError;
use std::fs::File;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Told now and then by the copy that works.
pub(crate) struct Pace<C> {
    copy: File,
    log_pages: Arc<AtomicI64>,
    /// How many commits there have been.
    commits: C,
    seen: u64,
    since: Instant,
    failure: Failure,
}

/// Why a copy was ended here, if it was.
pub(crate) type Failure = Arc<OnceLock<StoreError>>;

/// Between two rests.
const WORK: Duration = Duration::from_millis(6);

/// So many times as long as it worked. With 3, sets are 0.75 of what they are without a backup, on two cores.
const RESTS: u32 = 4;

/// However long a sync took.
const REST_MAX: Duration = Duration::from_millis(500);

/// A log of so many pages is long: twice what it is without a backup.
const LOG_MAX: i64 = Bounds::DEFAULT.hard_max();

impl<C: Fn() -> u64> Pace<C> {
    /// For a copy that begins now.
    pub(crate) fn new(copy: File, log_pages: Arc<AtomicI64>, commits: C) -> (Self, Failure) {
        let failure = Failure::default();
        let seen = commits();
        let since = Instant::now();
        (Self { copy, log_pages, commits, seen, since, failure: Arc::clone(&failure) }, failure)
    }

    /// Takes as long as the copy should wait before it works on. False when there is no use in that: what it wrote can't be
    /// brought to the disk.
    pub(crate) fn goes_on(&mut self) -> bool {
        if self.since.elapsed() < WORK {
            return true;
        }
        if let Err(error) = self.copy.sync_data() {
            let _ = self
                .failure
                .set(StoreError::Unavailable(format!("the copy can't be brought to the disk: {error}")));
            return false;
        }
        let commits = (self.commits)();
        thread::sleep(self.rest(commits));
        (self.seen, self.since) = (commits, Instant::now());
        true
    }

    fn rest(&self, commits: u64) -> Duration {
        if commits == self.seen || self.log_pages.load(Ordering::Relaxed) >= LOG_MAX {
            return Duration::ZERO;
        }
        (self.since.elapsed() * RESTS).min(REST_MAX)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    fn pace(copy: File) -> (Pace<impl Fn() -> u64>, Failure) {
        Pace::new(copy, Arc::default(), || 7)
    }

    #[test]
    fn it_rests_while_others_write_and_the_log_is_short() {
        let (pace, _) = pace(tempfile::tempfile().unwrap());
        thread::sleep(WORK);
        assert!(pace.rest(8) >= WORK * RESTS);
        assert_eq!(pace.rest(7), Duration::ZERO, "nobody wrote");
        pace.log_pages.store(LOG_MAX, Ordering::Relaxed);
        assert_eq!(pace.rest(8), Duration::ZERO, "the log is long");
    }

    #[test]
    fn a_copy_that_cannot_be_synced_is_ended_and_says_why() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let (mut pace, failure) = pace(File::from(OwnedFd::from(writer)));
        thread::sleep(WORK);
        assert!(!pace.goes_on());
        let failure = failure.get().unwrap().to_string();
        assert!(failure.contains("the copy can't be brought to the disk: Invalid argument"), "{failure}");
    }
}
