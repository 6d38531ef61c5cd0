//! Room on the disk. Below a watermark nothing is written that makes the data grow, so that deletions, and the log on its
//! way into the database, still find some, and so does whoever else shares the disk.

use crate::sync::AtomicBool;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// The free room of a file system, as it was when it was last looked at.
pub(crate) struct Room {
    dir: PathBuf,
    keep_free: u64,
    short: AtomicBool,
}

/// In bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Space {
    pub(crate) free: u64,
    /// Of that, kept.
    pub(crate) kept: u64,
}

impl Room {
    /// A small file system keeps less: one in so many of its bytes.
    const SHARE: u64 = 20;

    /// Keeps so many bytes free on the file system of this directory; 0 = none.
    pub(crate) fn new(dir: PathBuf, keep_free: u64) -> Self {
        Self { dir, keep_free, short: AtomicBool::new(false) }
    }

    /// How much there is. A file system that does not tell is none of our business: the engine will say what it refuses.
    pub(crate) fn space(&self) -> Option<Space> {
        let disk = rustix::fs::statvfs(&self.dir).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let kept = self.keep_free.min(bytes(disk.f_blocks) / Self::SHARE);
        Some(Space { free: bytes(disk.f_bavail), kept })
    }

    /// Whether it was short of room, a moment ago at the latest.
    pub(crate) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Looks again; says whether it is short of room. Once short, it is so until there is a tenth more than must be kept:
    /// else every deletion would let a few changes in.
    pub(crate) fn look(&self) -> bool {
        let Some(Space { free, kept }) = self.space() else { return self.is_short() };
        let was = self.is_short();
        let is = free < if was { kept + kept / 10 } else { kept };
        self.short.store(is, Ordering::Relaxed);
        match (was, is) {
            (false, true) => tracing::error!(
                "the disk of {} has {} MiB left, and {} MiB are kept free (store.keep_free_mib): changes are refused until there is \
                 room; reads and deletions go on",
                self.dir.display(),
                free >> 20,
                kept >> 20
            ),
            (true, false) => tracing::info!("the disk of {} has room again", self.dir.display()),
            _ => {}
        }
        is
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_a_part_of_the_disk_at_most() {
        let dir = std::env::temp_dir();
        let space = |keep| Room::new(dir.clone(), keep).space().unwrap();
        assert_eq!(space(0).kept, 0);
        assert_eq!(space(7).kept, 7);
        let most = space(u64::MAX);
        assert!(most.kept > 0 && most.kept < u64::MAX / Room::SHARE, "{most:?}");
        assert!(!Room::new(dir, 0).look(), "nothing is kept");
        assert!(!Room::new("/nowhere/at/all".into(), u64::MAX).look(), "nothing is known");
    }
}
