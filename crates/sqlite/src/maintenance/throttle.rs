//! The throttle of a backup: slows it down while others write.
//!
//! The copy works for some milliseconds, syncs what it wrote, so that no commit waits for one large sync at the end, and then
//! pauses for a multiple of that time. It does not pause while nothing is committed, nor when the WAL has become long: the WAL
//! can't be reset before the copy ends, so it is better to finish.

use portraitd_model::bilingual;
use portraitd_store::StoreError;
use std::fs::File;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Called by the copy about every millisecond.
pub(crate) struct Throttle<C> {
    copy: File,
    wal_pages: Arc<AtomicI64>,
    /// Returns the number of commits since the start.
    commits: C,
    seen: u64,
    since: Instant,
    failure: SharedError,
}

/// The error with which the throttle ended a copy, if it did.
pub(crate) type SharedError = Arc<OnceLock<StoreError>>;

/// How long the copy works between two pauses.
const WORK: Duration = Duration::from_millis(6);

/// How many times longer it pauses than it worked. With 3, sets are 0.75 of what they are without a backup, on two cores.
const PAUSE_FACTOR: u32 = 4;

/// The longest pause, however long a sync took.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A WAL of this many pages is long: 1 GiB. Without a backup it is as long as a transaction.
const WAL_PAGES_MAX: i64 = 512 * 1024;

impl<C: Fn() -> u64> Throttle<C> {
    /// A throttle for a copy that begins now.
    pub(crate) fn new(copy: File, wal_pages: Arc<AtomicI64>, commits: C) -> (Self, SharedError) {
        let failure = SharedError::default();
        let seen = commits();
        let since = Instant::now();
        (Self { copy, wal_pages, commits, seen, since, failure: Arc::clone(&failure) }, failure)
    }

    /// Returns when the copy may continue; `false` when it must end because a sync failed.
    pub(crate) fn proceed(&mut self) -> bool {
        if self.since.elapsed() < WORK {
            return true;
        }
        if let Err(error) = self.copy.sync_data() {
            let _ = self.failure.set(StoreError::Unavailable(bilingual!(
                "the copy can't be synced to the disk: {error}",
                "副本无法同步到磁盘：{error}"
            )));
            return false;
        }
        let commits = (self.commits)();
        thread::sleep(self.pause(commits));
        (self.seen, self.since) = (commits, Instant::now());
        true
    }

    fn pause(&self, commits: u64) -> Duration {
        if commits == self.seen || self.wal_pages.load(Ordering::Relaxed) >= WAL_PAGES_MAX {
            return Duration::ZERO;
        }
        (self.since.elapsed() * PAUSE_FACTOR).min(PAUSE_MAX)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    fn throttle(copy: File) -> (Throttle<impl Fn() -> u64>, SharedError) {
        Throttle::new(copy, Arc::default(), || 7)
    }

    #[test]
    fn it_pauses_while_others_write_and_the_wal_is_short() {
        let (throttle, _) = throttle(tempfile::tempfile().unwrap());
        thread::sleep(WORK);
        assert!(throttle.pause(8) >= WORK * PAUSE_FACTOR);
        assert_eq!(throttle.pause(7), Duration::ZERO, "nothing was committed");
        throttle.wal_pages.store(WAL_PAGES_MAX, Ordering::Relaxed);
        assert_eq!(throttle.pause(8), Duration::ZERO, "the WAL is long");
    }

    #[test]
    fn a_copy_that_cannot_be_synced_ends_with_the_error() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let (mut throttle, failure) = throttle(File::from(OwnedFd::from(writer)));
        thread::sleep(WORK);
        assert!(!throttle.proceed());
        let failure = failure.get().unwrap().to_string();
        assert!(failure.contains("the copy can't be synced to the disk: Invalid argument"), "{failure}");
    }
}
