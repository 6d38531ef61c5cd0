//! What the applier shares with the rest of the engine.

use crate::admin;
use crate::disk_space::DiskSpace;
use crate::files::Files;
use crate::journal::JournalStatus;
use crate::pending::Pending;
use crate::primitives::{AtomicBool, Mutex};
use crate::profile_cache::ProfileCache;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// What the applier shares with the rest of the engine.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Held for each transaction and each checkpoint that must be alone.
    pub(crate) table_lock: Arc<Mutex<()>>,
    /// Set once something was deleted that may still be in SQLite's log.
    pub(crate) erased: Arc<AtomicBool>,
    pub(crate) cache: Arc<ProfileCache>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) status: Arc<JournalStatus>,
    pub(crate) space: Arc<DiskSpace>,
    pub(crate) files: Arc<Files>,
    /// The length of SQLite's log, in pages.
    pub(crate) wal_pages: Arc<AtomicI64>,
    /// Set when truncating SQLite's log ended before its mark was set again ([`crate::wal::mark`]): the next transaction sets it.
    pub(crate) mark_due: Arc<AtomicBool>,
    /// Set by a store that closes: what can't be applied is left to the next start.
    pub(crate) closing: Arc<AtomicBool>,
}

impl Shared {
    /// For a store that is stopped, in which one thread applies what is left.
    pub(crate) fn stopped(dir: &Path, connection: &Connection, applied: u64) -> rusqlite::Result<Self> {
        Ok(Self {
            table_lock: Arc::default(),
            erased: Arc::new(AtomicBool::new(false)),
            cache: Arc::new(ProfileCache::new(0, applied)),
            pending: Arc::new(Pending::new(admin::populations(connection)?, applied)),
            status: Arc::default(),
            space: Arc::new(DiskSpace::new(dir.to_owned(), 0)),
            files: Arc::default(),
            wal_pages: Arc::default(),
            mark_due: Arc::new(AtomicBool::new(false)),
            closing: Arc::new(AtomicBool::new(true)),
        })
    }

    /// The tables have a segment, and all before it.
    pub(crate) fn set_applied(&self, segment: u64) {
        self.cache.set_applied(segment);
        self.pending.set_applied(segment);
    }
}
