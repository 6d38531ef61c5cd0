//! The embedded engine: SQLite, one writer that shares each sync among many changes, and readers beside it.
//!
//! Two things make it fast and must stay: an update touches one leaf of a rowid table (the index on (app, user)
//! does not change), and the write-ahead log may grow, so that a checkpoint writes each page once, in page order.

mod ahead;
mod backup;
mod check;
mod checkpoint;
mod compact;
mod connection;
mod deletions;
mod files;
mod fresh;
mod hot;
mod import;
mod log;
mod log_mark;
mod operation;
mod operator;
mod outbox;
mod pace;
mod partial;
mod primitives;
mod reader;
mod restore;
mod room;
mod touched;
mod writer;

pub use check::{Checked, Damage, Finding, check};
pub use compact::{Compacted, compact};
pub use log::{Repaired, repair};
pub use restore::{RestoreError, restore};

use crate::open::{self, DirectoryLock, OpenError};
use crate::operator::{AuditEntry, AuditSeq, Note, OperatorStore, OperatorWrite, TokenRecord, Written};
use crate::outbox::{Backlog, EventState, OutboxEvent, OutboxSeq, Selection, Verdict};
use crate::{
    CatalogStore, Change, Found, Measurements, OutboxStore, ProfileStore, Standing, Store, StoreError,
    StoreFuture, StoreId, StoreStats,
};
use backup::Backups;
use checkpoint::{Bounds, Checkpointer};
use files::Files;
use fresh::FreshEvents;
use futures_util::future::BoxFuture;
use hot::HotProfiles;
use operation::{Operation, Outcome};
use portrait_model::{
    AccountSeed, AccountState, AppRecord, AppSettings, Origin, SdkAppId, Tag, UnixMillis, UnixSeconds, UserId,
};
use reader::Readers;
use room::Room;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex};
use writer::{Shared, Writer};

/// What a store may use of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SqliteSettings {
    /// For profiles kept in memory, in bytes; 0 = none are kept.
    pub profiles_bytes_max: usize,
    /// Bytes of the file system that are kept free, but a twentieth of it at most: with less, changes and imports are
    /// [`StoreError::Unavailable`] and deletions are not. 0 = the disk is filled to its end.
    pub keep_free_bytes: u64,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { profiles_bytes_max: 512 << 20, keep_free_bytes: 256 << 20 }
    }
}

/// A store in one directory of this machine, used by one process at a time. Dropped without [`Store::close`], it
/// waits for its threads and leaves the log to the next start, as after `kill -9`.
pub struct SqliteStore {
    path: PathBuf,
    id: StoreId,
    // The order of the fields is the order in which a dropped store ends.
    writer: Writer,
    readers: Readers,
    hot: Arc<HotProfiles>,
    fresh: Arc<FreshEvents>,
    room: Arc<Room>,
    backups: Arc<Backups>,
    /// To the end: closing a file that SQLite has open too would give up SQLite's locks.
    files: Arc<Files>,
    /// What ends at [`Store::close`]: the checkpointer, the anchor, then the right to the directory.
    running: tokio::sync::Mutex<Option<(Checkpointer, Anchor, DirectoryLock)>>,
}

/// A connection that is never used: it keeps the log's index open, which all connections of a process share. Found
/// writable once, it stays so; opened anew at a bad moment (no file descriptors left), it would be read-only for all.
type Anchor = rusqlite::Connection;

impl SqliteStore {
    /// Opens or creates the store. Refuses, before anything is changed, a directory that another process has
    /// open, and data of another format.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, SqliteSettings::default())
    }

    /// As [`SqliteStore::open`], with settings of its own.
    pub fn open_with(dir: &Path, settings: SqliteSettings) -> Result<Self, OpenError> {
        Self::open_bounded(dir, settings, Bounds::DEFAULT)
    }

    fn open_bounded(dir: &Path, settings: SqliteSettings, bounds: Bounds) -> Result<Self, OpenError> {
        let mut lock = DirectoryLock::take(dir)?;
        let path = dir.join("portraitd.db");
        let anchor = connection::prepare(&path)?;
        connection::join(&anchor).map_err(OpenError::engine(&path))?;
        // SQLite does this too, at the first commit, but passes over an error: the log could be gone with what was
        // acknowledged.
        open::sync_directory(dir).map_err(OpenError::io(dir))?;
        log_mark::set(&anchor, &path)?;
        let log = log::path_of(&path);
        lock.hold_log(&log)?;
        let files = Files::watch(&path, &log, &open::lock_path(dir));
        let files = Arc::new(files.map_err(OpenError::io(dir))?);
        let id = connection::store_id(&anchor).map_err(OpenError::engine(&path))?;
        let gate = Arc::new(Mutex::new(()));
        // The log found here may hold what an earlier process deleted.
        let erased = Arc::new(AtomicBool::new(true));
        let hot = Arc::new(HotProfiles::new(settings.profiles_bytes_max));
        let fresh = Arc::new(FreshEvents::default());
        let room = Arc::new(Room::new(dir.to_owned(), settings.keep_free_bytes));
        let shared = Shared {
            gate: Arc::clone(&gate),
            erased: Arc::clone(&erased),
            hot: Arc::clone(&hot),
            fresh: Arc::clone(&fresh),
            room: Arc::clone(&room),
            files: Arc::clone(&files),
        };
        let writer = Writer::start(&path, shared)?;
        let log_pages = Arc::new(AtomicI64::new(0));
        let backups = Arc::new(Backups::new(&path, Arc::clone(&files), Arc::clone(&log_pages))?);
        let looked_at = (Arc::clone(&room), Arc::clone(&files));
        let checkpointer = Checkpointer::start(&path, gate, erased, looked_at, log_pages, bounds)?;
        let running = tokio::sync::Mutex::new(Some((checkpointer, anchor, lock)));
        let readers = Readers::new(&path, Arc::clone(&files));
        Ok(Self { path, id, writer, readers, hot, fresh, room, backups, files, running })
    }

    /// Reads at once, on the calling thread: a read of cached pages takes a few microseconds, less than handing it
    /// to another thread would.
    fn read<'a, T: Send + 'a>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError>,
    ) -> StoreFuture<'a, T> {
        Box::pin(std::future::ready(self.readers.with(read)))
    }
}

impl ProfileStore for SqliteStore {
    fn apply(&self, change: Change) -> StoreFuture<'_, ()> {
        Box::pin(async { self.writer.write(Operation::Apply(change)).await.map(|_| ()) })
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        Box::pin(std::future::ready(reader::profiles(&self.readers, &self.hot, app, &users)))
    }

    fn import_unless_deleted(
        &self,
        app: SdkAppId,
        seeds: Vec<AccountSeed>,
        at: UnixMillis,
        origin: Option<Origin>,
        deleted_after: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<UserId>> {
        let import = Operation::Import { app, seeds, at, origin, deleted_after };
        Box::pin(async move {
            match self.writer.write(import).await? {
                Outcome::Done => Ok(Vec::new()),
                Outcome::LeftOut(users) => Ok(users),
                other => Err(other.unexpected()),
            }
        })
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        self.read(|connection| reader::states(connection, app, &users))
    }

    fn delete_noting(
        &self,
        app: SdkAppId,
        users: Vec<UserId>,
        noted_at: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<bool>> {
        Box::pin(async move {
            match self.writer.write(Operation::Delete { app, users, noted_at }).await? {
                Outcome::Deleted(existed) => Ok(existed),
                other => Err(other.unexpected()),
            }
        })
    }

    fn forget_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, usize> {
        let due = self.readers.with(|connection| deletions::has_until(connection, app, until));
        Box::pin(async move {
            if !due? {
                return Ok(0);
            }
            match self.writer.write(Operation::ForgetDeletions { app, until }).await? {
                Outcome::Counted(count) => Ok(count),
                other => Err(other.unexpected()),
            }
        })
    }

    fn kick(&self, app: SdkAppId, user: UserId, at: UnixSeconds) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.writer.write(Operation::Kick { app, user, at }).await.map(|_| ()) })
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
}

impl CatalogStore for SqliteStore {
    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        self.read(reader::catalog)
    }

    fn put_app(&self, settings: AppSettings, expected: Option<u64>) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            match self.writer.write(Operation::PutApp { settings: Box::new(settings), expected }).await? {
                Outcome::Revision(revision) => Ok(revision),
                other => Err(other.unexpected()),
            }
        })
    }
}

impl OutboxStore for SqliteStore {
    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>> {
        let place = after.unwrap_or_default();
        let fresh = (state == EventState::Waiting).then(|| self.fresh.take(app, place, limit)).flatten();
        match fresh {
            Some(events) => Box::pin(std::future::ready(Ok(events))),
            None => self.read(|connection| {
                outbox::page(connection, app, state, after, limit, self.writer.backlogs())
            }),
        }
    }

    fn settle(&self, app: SdkAppId, verdicts: Vec<(OutboxSeq, Verdict)>) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.writer.write(Operation::Settle { app, verdicts }).await.map(|_| ()) })
    }

    fn discard(&self, app: SdkAppId, state: EventState, selection: Selection) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            match self.writer.write(Operation::Discard { app, state, selection }).await? {
                Outcome::Counted(count) => Ok(count),
                other => Err(other.unexpected()),
            }
        })
    }

    fn replay(&self, app: SdkAppId, selection: Selection) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            match self.writer.write(Operation::Replay { app, selection }).await? {
                Outcome::Counted(count) => Ok(count),
                other => Err(other.unexpected()),
            }
        })
    }

    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.writer.backlogs().all()
    }
}

impl OperatorStore for SqliteStore {
    fn operate(&self, write: OperatorWrite, note: Note) -> StoreFuture<'_, Written> {
        let operation = Box::new(Operation::from(write));
        Box::pin(self.writer.write(Operation::Noted { operation, note }))
    }

    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>> {
        self.read(|connection| operator::audit(connection, app, before, limit))
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>> {
        self.read(operator::tokens)
    }

    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64> {
        self.read(|connection| operator::accounts_count(connection, app))
    }

    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let (mut holders, mut next) = (0, Some(0));
            while let Some(after) = next {
                let step =
                    self.readers.with(|connection| operator::holders_step(connection, app, tag, after))?;
                (holders, next) = (holders + step.0, step.1);
                // Whoever waits for this thread comes first.
                tokio::task::yield_now().await;
            }
            Ok(holders)
        })
    }
}

impl Store for SqliteStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { self.writer.write(Operation::Probe).await.map(|_| ()) })
    }

    fn backup(&self, to: &Path) -> StoreFuture<'_, ()> {
        let (backups, to, commits) = (Arc::clone(&self.backups), to.to_owned(), self.writer.commits());
        Box::pin(async move {
            let taken = tokio::task::spawn_blocking(move || backups.take(&to, commits)).await;
            taken.map_err(|error| StoreError::Unavailable(format!("the backup ended badly: {error}")))?
        })
    }

    fn stats(&self) -> StoreStats {
        self.writer.stats()
    }

    fn measurements(&self) -> Option<&Measurements> {
        Some(self.writer.measurements())
    }

    fn standing(&self) -> Standing {
        // A file that is not there takes no room.
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let space = self.room.space().unwrap_or_default();
        Standing {
            database_bytes: bytes(&self.path),
            log_bytes: bytes(&log::path_of(&self.path)),
            waiting: self.writer.waiting() as u64,
            disk_free_bytes: space.free,
            disk_kept_bytes: space.kept,
            files_changed: self.files.are_changed(),
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Held to the end: who closes a second time waits for the first.
            let mut running = self.running.lock().await;
            self.writer.close().await;
            self.readers.close();
            self.hot.close();
            self.fresh.close();
            if let Some((checkpointer, anchor, lock)) = running.take() {
                let backups = Arc::clone(&self.backups);
                // The last checkpoint writes to the disk: not on a thread that serves others.
                let finished = tokio::task::spawn_blocking(move || {
                    backups.close();
                    drop(anchor);
                    checkpointer.finish();
                    drop(lock);
                });
                if let Err(error) = finished.await {
                    tracing::error!(%error, "the last checkpoint ended badly");
                }
            }
        })
    }
}
