//! The store: starts and stops the engine's parts, and passes each call of the trait to one of them.

use crate::OpenError;
use crate::apply::{self, Applier, Bounds, Work};
use crate::directory_lock::{self, DirectoryLock};
use crate::disk_space::DiskSpace;
use crate::files::Files;
use crate::frames::Frames;
use crate::identity;
use crate::journal::{self, JournalRow, JournalStatus};
use crate::maintenance::backup::Backups;
use crate::outbox_tail::OutboxTail;
use crate::pending::Pending;
use crate::primitives::{AtomicBool, Instant, Mutex, spawn_blocking};
use crate::profile_cache::ProfileCache;
use crate::reader::Readers;
use crate::transactions::Transactions;
use crate::wal::{mark, verify};
use crate::write::deletions;
use crate::writer::{Found as FoundAtStart, Writer, WriterQueue};
use crate::{admin, connection, events, reader, recover, schema};
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

/// The resources that a store may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SqliteSettings {
    /// The size of the profile cache, in bytes; 0 = no cache.
    pub profiles_bytes_max: usize,
    /// Bytes of the file system that are kept free, at most a twentieth of it: with less, changes and imports are
    /// [`StoreError::Unavailable`], deletions are not. 0 = no limit.
    pub keep_free_bytes: u64,
    /// Bytes of the journal's two files together, at least 32 KiB: what one of them takes is applied to the database at a time.
    pub journal_bytes_max: u64,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { profiles_bytes_max: 512 << 20, keep_free_bytes: 256 << 20, journal_bytes_max: 512 << 20 }
    }
}

/// A store in one directory of this machine, used by one process at a time. Dropped without [`Store::close`], it waits for its
/// threads and leaves the WAL to the next start, as after `kill -9`.
pub struct SqliteStore {
    path: PathBuf,
    id: StoreId,
    journal_bytes_max: u64,
    // A dropped store drops its fields in this order.
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) shared: apply::Shared,
    tail: Arc<OutboxTail>,
    backups: Arc<Backups>,
    /// Stopped by [`Store::close`], in this order.
    running: tokio::sync::Mutex<Option<(Applier, Anchor, DirectoryLock)>>,
    /// Dropped last: closing a file that SQLite also has open would release SQLite's locks.
    _files: Arc<Files>,
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
        let bounds = Bounds::of(settings.profiles_bytes_max, settings.journal_bytes_max);
        let mut lock = DirectoryLock::take(dir)?;
        let path = dir.join("portraitd.db");
        let engine = |error| OpenError::engine(&path)(error);
        let anchor = schema::prepare(&path)?;
        // Before anything is changed.
        let id = identity::store_id(&anchor).map_err(engine)?;
        let opened = recover::open(dir, bounds.first_bytes(), &anchor, id)?;
        connection::open_wal(&anchor).map_err(engine)?;
        // SQLite does this too, at the first commit, but ignores an error: then a power cut could remove the WAL with
        // acknowledged changes.
        directory_lock::sync_directory(dir).map_err(OpenError::io(dir))?;
        mark::set(&anchor, &path)?;
        let wal_path = verify::path_of(&path);
        lock.lock_wal(&wal_path)?;
        // From here on acknowledged changes may be in the journal only; the file says so, too, if it loses its WAL.
        JournalRow::need(&anchor).map_err(engine)?;
        mark::copy(&anchor).map_err(engine)?;
        let [first, second] = journal::paths(dir);
        let files = Files::watch(&path, &wal_path, &directory_lock::lock_path(dir), [&first, &second]);
        let files = Arc::new(files.map_err(OpenError::io(dir))?);
        let (was_killed, applied) = (opened.row.needed, opened.row.applied);
        let populations = admin::populations(&anchor).map_err(engine)?;
        let shared = apply::Shared {
            table_lock: Arc::new(Mutex::new(())),
            // The WAL may have bytes that an earlier process deleted.
            erased: Arc::new(AtomicBool::new(true)),
            cache: Arc::new(ProfileCache::new(settings.profiles_bytes_max, applied)),
            pending: Arc::new(Pending::new(populations, applied)),
            status: Arc::new(JournalStatus::default()),
            space: Arc::new(DiskSpace::new(dir.to_owned(), settings.keep_free_bytes)),
            files: Arc::clone(&files),
            wal_pages: Arc::default(),
            mark_due: Arc::new(AtomicBool::new(false)),
            closing: Arc::new(AtomicBool::new(false)),
        };
        let tail = Arc::new(OutboxTail::default());
        let found = recover::recover(&path, &anchor, opened, &shared.cache, &shared.pending)?;
        let transactions = Transactions::new(&path).map_err(engine)?;
        let queue = WriterQueue::new();
        let (applier, ends) = Applier::start(&path, shared.clone(), bounds, was_killed, queue.nudge())?;
        if let Some(frozen) = found.frozen {
            let bytes = frozen.file.capacity();
            shared.status.change(|status| status.applying.push_back((Instant::now(), bytes)));
            // An error means that the thread has ended already.
            let _ = ends.work.send(Work::Apply(frozen));
        }
        let frames = Frames::new(&path, id, (bounds, ends), found.frames, &shared.status);
        let found = FoundAtStart { frames, transactions, next: found.next, backlogs: found.backlogs };
        let writer = Writer::start(&path, queue, found, shared.clone(), Arc::clone(&tail))?;
        let running = tokio::sync::Mutex::new(Some((applier, anchor, lock)));
        let readers = Readers::new(&path, Arc::clone(&files));
        let journal_bytes_max = bounds.segment_bytes_max.saturating_mul(2);
        let backups = Arc::new(Backups::new(&path, &shared, journal_bytes_max)?);
        Ok(Self {
            path,
            id,
            journal_bytes_max,
            writer,
            readers,
            shared,
            tail,
            backups,
            running,
            _files: files,
        })
    }

    /// Returns once the tables have every change that was acknowledged before.
    async fn apply_all(&self) -> Result<(), StoreError> {
        let segment = self.writer.freeze().await?;
        self.wait_for(segment).await
    }

    /// Returns once the tables have a segment, or why they can't have it at the moment.
    async fn wait_for(&self, segment: u64) -> Result<(), StoreError> {
        match self.shared.pending.wait_for(segment) {
            Some(applied) => applied.await.map_err(|_| StoreError::closed())?,
            None => Ok(()),
        }
    }

    /// Returns once the tables list the accounts of an app, and the notes of its deletions, as they are.
    async fn apply_listed(&self, app: SdkAppId) -> Result<(), StoreError> {
        if self.shared.pending.is_listed_late(app) { self.apply_all().await } else { Ok(()) }
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
        Box::pin(async move {
            if let Write::ForgetDeletions(forget) = &write {
                self.apply_listed(forget.app).await?;
            }
            self.writer.write(write, note).await
        })
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        Box::pin(std::future::ready(reader::profiles(&self.readers, &self.shared.cache, app, &users)))
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        Box::pin(std::future::ready(reader::states(&self.readers, &self.shared.cache, app, &users)))
    }

    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>> {
        Box::pin(async move {
            self.apply_listed(app).await?;
            self.readers.with(|connection| reader::accounts_page(connection, app, &prefix, after, limit))
        })
    }

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        Box::pin(std::future::ready(Ok(self.shared.pending.population(app))))
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            self.apply_all().await?;
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
        Box::pin(async move {
            self.apply_listed(app).await?;
            self.readers.with(|connection| deletions::has_until(connection, app, until))
        })
    }

    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        Box::pin(std::future::ready(reader::catalog(&self.readers, &self.shared.cache)))
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
        Box::pin(async move {
            if let Some(events) = tail {
                return Ok(events);
            }
            let from = after.map_or(OutboxSeq::default(), |seq| OutboxSeq(seq.0.saturating_add(1)));
            let read = |before| {
                self.readers.with(|connection| {
                    events::page(connection, app, state, (after, before), limit, self.writer.backlogs())
                })
            };
            // The table has what is before the first change that it does not have.
            if let Some(before) = self.shared.pending.first_event(app, from) {
                let events = read(before)?;
                if events.len() == limit {
                    return Ok(events);
                }
                self.apply_all().await?;
            }
            let before =
                self.shared.pending.first_event(app, from).unwrap_or(OutboxSeq(i64::MAX.unsigned_abs()));
            read(before)
        })
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
        let pending = self.shared.pending.notes();
        self.read(|connection| admin::audit(connection, pending, app, before, limit))
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
            let (segment, reached) = self.writer.freeze_exactly().await?;
            self.wait_for(segment).await?;
            let moment = reached.await.map_err(|_| StoreError::closed())??;
            let taken = spawn_blocking(move || backups.take(&to, moment, commits, &report)).await;
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
        let space = self.shared.space.measure().unwrap_or_default();
        let journal = self.shared.status.read();
        let began = journal
            .applying
            .iter()
            .map(|(began, _)| *began)
            .chain(journal.active.map(|active| active.began))
            .min();
        StoreStatus {
            database_bytes: bytes(&self.path),
            log_bytes: bytes(&verify::path_of(&self.path)),
            journal_bytes: journal.applying.iter().map(|(_, bytes)| bytes).sum::<u64>()
                + journal.active.map_or(0, |active| active.bytes),
            journal_bytes_max: self.journal_bytes_max,
            journal_age: began
                .map(|began| Instant::now().saturating_duration_since(began))
                .unwrap_or_default(),
            journal_failure: journal.failure,
            waiting: self.writer.waiting() as u64,
            disk_free_bytes: space.free,
            disk_kept_bytes: space.kept,
            files_changed: self.shared.files.are_changed(),
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Held to the end, so that a second `close` waits for the first.
            let mut running = self.running.lock().await;
            self.writer.close().await;
            self.readers.close();
            self.tail.close();
            if let Some((applier, anchor, lock)) = running.take() {
                let (backups, shared) = (Arc::clone(&self.backups), self.shared.clone());
                // What is applied is written to the disk, so it must not block a thread of the runtime.
                let finished = spawn_blocking(move || {
                    backups.close();
                    drop(anchor);
                    applier.finish();
                    shared.cache.close();
                    shared.pending.fail(&StoreError::closed());
                    drop(lock);
                });
                if let Err(error) = finished.await {
                    tracing::error!(%error, "the thread of the last checkpoint failed");
                }
            }
        })
    }
}
