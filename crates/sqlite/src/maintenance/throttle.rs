//! The throttle of a backup: slows it down while others write.
//!
//! The copy works for some milliseconds, syncs what it wrote, so that no commit waits for one large sync at the end, and then
//! pauses for a multiple of that time. It does not pause while nothing is committed, nor when the WAL has become long: the WAL
//! can't be reset before the copy ends, so it is better to finish.

use super::pauses::Pauses;
use portraitd_model::bilingual;
use portraitd_store::StoreError;
use std::fs::File;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// Called by the copy about every millisecond.
pub(crate) struct Throttle<C> {
    copy: File,
    wal_pages: Arc<AtomicI64>,
    pauses: Pauses<C>,
    failure: SharedError,
}

/// The error with which the throttle ended a copy, if it did.
pub(crate) type SharedError = Arc<OnceLock<StoreError>>;

/// A WAL of this many pages is long: 1 GiB. Without a backup it is as long as a transaction.
const WAL_PAGES_MAX: i64 = 512 * 1024;

impl<C: Fn() -> u64> Throttle<C> {
    /// A throttle for a copy that begins now.
    pub(crate) fn new(copy: File, wal_pages: Arc<AtomicI64>, commits: C) -> (Self, SharedError) {
        let failure = SharedError::default();
        let pauses = Pauses::new(commits);
        (Self { copy, wal_pages, pauses, failure: Arc::clone(&failure) }, failure)
    }

    /// Returns when the copy may continue; `false` when it must end because a sync failed.
    pub(crate) fn proceed(&mut self) -> bool {
        if !self.pauses.is_due() {
            return true;
        }
        if let Err(error) = self.copy.sync_data() {
            let _ = self.failure.set(StoreError::Unavailable(bilingual!(
                "the copy can't be synced to the disk: {error}",
                "副本无法同步到磁盘：{error}"
            )));
            return false;
        }
        self.pauses.take(self.wal_pages.load(Ordering::Relaxed) < WAL_PAGES_MAX);
        true
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::super::pauses::{PAUSE_FACTOR, WORK};
    use super::*;
    use std::os::fd::OwnedFd;
    use std::sync::atomic::AtomicU64;
    use std::thread;
    use std::time::{Duration, Instant};

    #[test]
    fn it_pauses_while_the_wal_is_short() {
        let (commits, wal_pages) = (AtomicU64::new(0), Arc::new(AtomicI64::new(0)));
        let commit = || commits.fetch_add(1, Ordering::Relaxed);
        let (mut throttle, _) = Throttle::new(tempfile::tempfile().unwrap(), Arc::clone(&wal_pages), commit);
        let mut proceed = || -> Duration {
            thread::sleep(WORK);
            let started = Instant::now();
            assert!(throttle.proceed());
            started.elapsed()
        };
        assert!(proceed() >= WORK * PAUSE_FACTOR);
        wal_pages.store(WAL_PAGES_MAX, Ordering::Relaxed);
        let pauses: Vec<_> = (0..5).map(|_| proceed()).collect();
        assert!(pauses.iter().any(|pause| *pause < WORK * PAUSE_FACTOR), "{pauses:?}");
    }

    #[test]
    fn a_copy_that_cannot_be_synced_ends_with_the_error() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let (mut throttle, failure) = Throttle::new(File::from(OwnedFd::from(writer)), Arc::default(), || 7);
        thread::sleep(WORK);
        assert!(!throttle.proceed());
        let failure = failure.get().unwrap().to_string();
        assert!(failure.contains("the copy can't be synced to the disk: Invalid argument"), "{failure}");
    }
}
