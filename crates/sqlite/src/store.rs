//! The store: starts and stops the engine's parts, and passes each call of the trait to one of them.

use crate::OpenError;
use crate::backup::Backups;
use crate::checkpoint::{Bounds, Checkpointer};
use crate::directory_lock::{self, DirectoryLock};
use crate::disk_space::DiskSpace;
use crate::files::Files;
use crate::outbox_tail::OutboxTail;
use crate::primitives::{AtomicBool, Mutex};
use crate::profile_cache::ProfileCache;
use crate::reader::Readers;
use crate::writer::{Shared, Writer};
use crate::{admin, connection, deletions, outbox, reader, wal, wal_mark};
use futures_util::future::BoxFuture;
use portraitd_model::{AccountState, AppRecord, SdkAppId, Tag, UnixMillis, UserId, bilingual};
use portraitd_store::{
    AuditEntry, AuditNote, AuditSeq, Backlog, BackupReport, EventState, Found, Measurements, OutboxEvent,
    OutboxSeq, Store, StoreError, StoreFuture, StoreId, StoreStats, StoreStatus, TokenRecord, Write,
    WriteOutcome,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// The resources that a store may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SqliteSettings {
    /// The size of the profile cache, in bytes; 0 = no cache.
    pub profiles_bytes_max: usize,
    /// Bytes of the file system that are kept free, at most a twentieth of it: with less, changes and imports are
    /// [`StoreError::Unavailable`], deletions are not. 0 = no limit.
    pub keep_free_bytes: u64,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { profiles_bytes_max: 512 << 20, keep_free_bytes: 256 << 20 }
    }
}

/// A store in one directory of this machine, used by one process at a time. Dropped without [`Store::close`], it waits for its
/// threads and leaves the WAL to the next start, as after `kill -9`.
pub struct SqliteStore {
    path: PathBuf,
    id: StoreId,
    // A dropped store drops its fields in this order.
    writer: Writer,
    readers: Readers,
    cache: Arc<ProfileCache>,
    tail: Arc<OutboxTail>,
    space: Arc<DiskSpace>,
    backups: Arc<Backups>,
    /// Dropped last: closing a file that SQLite also has open would release SQLite's locks.
    files: Arc<Files>,
    /// Stopped by [`Store::close`], in this order.
    running: tokio::sync::Mutex<Option<(Checkpointer, Anchor, DirectoryLock)>>,
}

/// A connection that is never used: it keeps the WAL's index open, which all connections of a process share. Opened writable
/// once, the index stays so; opened again without free file descriptors, it would be read-only for all connections.
type Anchor = rusqlite::Connection;

impl SqliteStore {
    /// Opens or creates the store. Refuses, without changing anything, a directory that another process has open, and data
    /// of another format.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, SqliteSettings::default())
    }

    /// As [`SqliteStore::open`], with settings of its own.
    pub fn open_with(dir: &Path, settings: SqliteSettings) -> Result<Self, OpenError> {
        Self::open_bounded(dir, settings, Bounds::DEFAULT)
    }

    pub(crate) fn open_bounded(
        dir: &Path,
        settings: SqliteSettings,
        bounds: Bounds,
    ) -> Result<Self, OpenError> {
        let mut lock = DirectoryLock::take(dir)?;
        let path = dir.join("portraitd.db");
        let anchor = connection::prepare(&path)?;
        connection::open_wal(&anchor).map_err(OpenError::engine(&path))?;
        // SQLite does this too, at the first commit, but ignores an error: then a power cut could remove the WAL with
        // acknowledged changes.
        directory_lock::sync_directory(dir).map_err(OpenError::io(dir))?;
        wal_mark::set(&anchor, &path)?;
        let wal_path = wal::path_of(&path);
        lock.lock_wal(&wal_path)?;
        let files = Files::watch(&path, &wal_path, &directory_lock::lock_path(dir));
        let files = Arc::new(files.map_err(OpenError::io(dir))?);
        let id = connection::store_id(&anchor).map_err(OpenError::engine(&path))?;
        let write_lock = Arc::new(Mutex::new(()));
        // The WAL may have bytes that an earlier process deleted.
        let erased = Arc::new(AtomicBool::new(true));
        let cache = Arc::new(ProfileCache::new(settings.profiles_bytes_max));
        let tail = Arc::new(OutboxTail::default());
        let space = Arc::new(DiskSpace::new(dir.to_owned(), settings.keep_free_bytes));
        let shared = Shared {
            write_lock: Arc::clone(&write_lock),
            erased: Arc::clone(&erased),
            cache: Arc::clone(&cache),
            tail: Arc::clone(&tail),
            space: Arc::clone(&space),
            files: Arc::clone(&files),
        };
        let writer = Writer::start(&path, shared)?;
        let wal_pages = Arc::new(AtomicI64::new(0));
        let backups = Arc::new(Backups::new(&path, Arc::clone(&files), Arc::clone(&wal_pages))?);
        let watched = (Arc::clone(&space), Arc::clone(&files));
        let checkpointer = Checkpointer::start(&path, write_lock, erased, watched, wal_pages, bounds)?;
        let running = tokio::sync::Mutex::new(Some((checkpointer, anchor, lock)));
        let readers = Readers::new(&path, Arc::clone(&files));
        Ok(Self { path, id, writer, readers, cache, tail, space, backups, files, running })
    }

    /// Reads on the calling thread: a read of cached pages takes a few microseconds, less than a switch to another thread.
    fn read<'a, T: Send + 'a>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError>,
    ) -> StoreFuture<'a, T> {
        Box::pin(std::future::ready(self.readers.with(read)))
    }
}

impl Store for SqliteStore {
    fn write(&self, write: Write, note: Option<AuditNote>) -> StoreFuture<'_, WriteOutcome> {
        Box::pin(self.writer.write(write, note))
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        Box::pin(std::future::ready(reader::profiles(&self.readers, &self.cache, app, &users)))
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        self.read(|connection| reader::states(connection, app, &users))
    }

    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>> {
        self.read(|connection| reader::accounts_page(connection, app, &prefix, after, limit))
    }

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        self.read(|connection| admin::accounts_count(connection, app))
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let (mut holders, mut next) = (0, Some(0));
            while let Some(after) = next {
                let step =
                    self.readers.with(|connection| admin::holders_step(connection, app, tag, after))?;
                (holders, next) = (holders + step.0, step.1);
                // Lets other tasks of this thread run.
                tokio::task::yield_now().await;
            }
            Ok(holders)
        })
    }

    fn has_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, bool> {
        self.read(|connection| deletions::has_until(connection, app, until))
    }

    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        self.read(reader::catalog)
    }

    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>> {
        let place = after.unwrap_or_default();
        let tail = (state == EventState::Waiting).then(|| self.tail.take(app, place, limit)).flatten();
        match tail {
            Some(events) => Box::pin(std::future::ready(Ok(events))),
            None => self.read(|connection| {
                outbox::page(connection, app, state, after, limit, self.writer.backlogs())
            }),
        }
    }

    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.writer.backlogs().all()
    }

    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>> {
        self.read(|connection| admin::audit(connection, app, before, limit))
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>> {
        self.read(admin::tokens)
    }

    fn id(&self) -> StoreId {
        self.id
    }

    fn backup(&self, to: &Path, report: BackupReport) -> StoreFuture<'_, ()> {
        let (backups, to, commits) = (Arc::clone(&self.backups), to.to_owned(), self.writer.commits());
        Box::pin(async move {
            let taken = tokio::task::spawn_blocking(move || backups.take(&to, commits, &report)).await;
            taken.map_err(|error| {
                StoreError::Unavailable(bilingual!(
                    "the thread of the backup failed: {error}",
                    "备份线程出错：{error}"
                ))
            })?
        })
    }

    fn stats(&self) -> StoreStats {
        self.writer.stats()
    }

    fn measurements(&self) -> Option<&Measurements> {
        Some(self.writer.measurements())
    }

    fn status(&self) -> StoreStatus {
        // A missing file takes no space.
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let space = self.space.measure().unwrap_or_default();
        StoreStatus {
            database_bytes: bytes(&self.path),
            log_bytes: bytes(&wal::path_of(&self.path)),
            waiting: self.writer.waiting() as u64,
            disk_free_bytes: space.free,
            disk_kept_bytes: space.kept,
            files_changed: self.files.are_changed(),
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Held to the end, so that a second `close` waits for the first.
            let mut running = self.running.lock().await;
            self.writer.close().await;
            self.readers.close();
            self.cache.close();
            self.tail.close();
            if let Some((checkpointer, anchor, lock)) = running.take() {
                let backups = Arc::clone(&self.backups);
                // The last checkpoint writes to the disk, so it must not block a thread of the runtime.
                let finished = tokio::task::spawn_blocking(move || {
                    backups.close();
                    drop(anchor);
                    checkpointer.finish();
                    drop(lock);
                });
                if let Err(error) = finished.await {
                    tracing::error!(%error, "the thread of the last checkpoint failed");
                }
            }
        })
    }
}
