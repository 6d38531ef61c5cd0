//! The free space of the disk. Below a limit, writes that make the data grow are refused, so that deletions, the checkpointer
//! and other programs still have space.

use crate::primitives::AtomicBool;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// The free space of a file system, as it was at the last refresh.
pub(crate) struct DiskSpace {
    dir: PathBuf,
    keep_free: u64,
    low: AtomicBool,
}

/// Free space, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct FreeSpace {
    pub(crate) free: u64,
    /// The part of it that is kept free.
    pub(crate) kept: u64,
}

impl DiskSpace {
    /// At most a twentieth of a file system is kept free.
    const SHARE: u64 = 20;

    /// Keeps `keep_free` bytes free on the file system of this directory; 0 = none.
    pub(crate) fn new(dir: PathBuf, keep_free: u64) -> Self {
        Self { dir, keep_free, low: AtomicBool::new(false) }
    }

    /// The directory whose file system it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Measures the space; `None` on a file system that does not report it, where the disk can become full.
    pub(crate) fn measure(&self) -> Option<FreeSpace> {
        let disk = rustix::fs::statvfs(&self.dir).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let kept = self.keep_free.min(bytes(disk.f_blocks) / Self::SHARE);
        Some(FreeSpace { free: bytes(disk.f_bavail), kept })
    }

    /// Whether the space was low at the last refresh.
    pub(crate) fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// Measures again; returns whether the space is low. Once low, it stays so until there is a tenth more than is kept:
    /// otherwise every deletion would admit a few changes.
    pub(crate) fn refresh(&self) -> bool {
        let Some(FreeSpace { free, kept }) = self.measure() else { return self.is_low() };
        let was = self.is_low();
        let is = free < if was { kept + kept / 10 } else { kept };
        self.low.store(is, Ordering::Relaxed);
        match (was, is) {
            (false, true) => tracing::error!(
                "the disk of {} has {} MiB left, and {} MiB are kept free (store.keep_free_mib): changes are refused until there is \
                 more space; reads and deletions go on",
                self.dir.display(),
                free >> 20,
                kept >> 20
            ),
            (true, false) => tracing::info!(
                "the disk of {} has enough space again; changes are accepted",
                self.dir.display()
            ),
            _ => {}
        }
        is
    }
}

/// Whether an error says that a file system, or a quota on it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_a_part_of_the_disk_at_most() {
        let dir = std::env::temp_dir();
        let space = |keep| DiskSpace::new(dir.clone(), keep).measure().unwrap();
        assert_eq!(space(0).kept, 0);
        assert_eq!(space(7).kept, 7);
        let most = space(u64::MAX);
        assert!(most.kept > 0 && most.kept < u64::MAX / DiskSpace::SHARE, "{most:?}");
        assert!(!DiskSpace::new(dir, 0).refresh(), "nothing is kept");
        assert!(!DiskSpace::new("/nowhere/at/all".into(), u64::MAX).refresh(), "nothing is known");
    }
}
