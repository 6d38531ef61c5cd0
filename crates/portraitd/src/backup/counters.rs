//! What the metrics tell about scheduled backups.

use crate::config::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers of the places that backups are taken to.
#[derive(Debug, Default)]
pub(crate) struct BackupCounters {
    /// The time between two backups.
    pub(crate) interval_seconds: u64,
    pub(crate) places: Vec<PlaceCounters>,
}

/// The numbers of one place.
#[derive(Debug, Default)]
pub(crate) struct PlaceCounters {
    /// `directory` or `s3`.
    pub(crate) name: &'static str,
    /// Backups that stand, since the start.
    pub(crate) successes: AtomicU64,
    /// Attempts that failed, since the start.
    pub(crate) failures: AtomicU64,
    /// When the last one that stands began, in Unix milliseconds; 0 = there is none.
    pub(crate) last_ms: AtomicU64,
    /// The length of its database.
    pub(crate) last_bytes: AtomicU64,
    /// How long it took, in milliseconds; 0 for one from before the start.
    pub(crate) last_duration_ms: AtomicU64,
}

/// The label of backups in a directory.
pub(crate) const DIRECTORY: &str = "directory";
/// The label of backups in an S3-compatible storage.
pub(crate) const S3: &str = "s3";

impl BackupCounters {
    /// The counters of the places that are configured.
    pub(crate) fn of(config: &Config) -> Arc<Self> {
        let places = [(DIRECTORY, config.backup.directory.is_some()), (S3, config.s3.bucket.is_some())];
        let places = places.into_iter().filter(|(_, is_set)| *is_set);
        let interval_seconds =
            config.backup.schedule().map_or(0, super::schedule::Schedule::interval_seconds);
        let places = places.map(|(name, _)| PlaceCounters { name, ..PlaceCounters::default() }).collect();
        Arc::new(Self { interval_seconds, places })
    }

    /// The numbers of a place, if it is configured.
    pub(super) fn place(&self, name: &str) -> Option<&PlaceCounters> {
        self.places.iter().find(|place| place.name == name)
    }
}

impl PlaceCounters {
    /// Notes the last backup that stands.
    pub(super) fn stands(&self, at_ms: u64, bytes: u64, duration_ms: u64) {
        self.last_ms.store(at_ms, Ordering::Relaxed);
        self.last_bytes.store(bytes, Ordering::Relaxed);
        self.last_duration_ms.store(duration_ms, Ordering::Relaxed);
    }
}
