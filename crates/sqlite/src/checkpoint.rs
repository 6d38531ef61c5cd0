//! The checkpointer: copies the WAL into the database while the writer writes.
//!
//! Passive checkpoints never make the writer wait, but under load they never quite catch up with it either, and SQLite resets
//! the WAL only when they do. So once the WAL is large, the checkpointer first gets close and then takes the write lock for
//! the last few milliseconds; the next write finds everything copied and starts the WAL from its head.
//!
//! A WAL that was reset still holds its old bytes until they are written over. What was deleted must not stay readable for
//! that long: after a deletion the WAL is also truncated, at once when nothing is written, else within a minute.

use crate::OpenError;
use crate::disk_space::DiskSpace;
use crate::files::Files;
use crate::primitives::{AtomicBool, Mutex};
use crate::{connection, preallocate, wal_mark};
use rusqlite::{Connection, ffi};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// When the WAL is copied, and how large it may become; in pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The time between two rounds.
    interval: Duration,
    /// From this many pages written in one interval on, the WAL's file is extended in advance.
    busy_pages: i64,
    /// Under load, fewer pages than this are not copied.
    copy_min: i64,
    /// From this length on, the WAL should be reset.
    max: i64,
    /// The most pages to copy while the write lock is held.
    locked_copy_max: i64,
    /// How long deleted bytes may stay in a WAL that is never idle.
    erase_within: Duration,
}

impl Bounds {
    /// 64 MiB, 512 MiB, and some milliseconds.
    pub(crate) const DEFAULT: Self = Self {
        interval: Duration::from_secs(1),
        busy_pages: 4096,
        copy_min: 32 * 1024,
        max: 256 * 1024,
        locked_copy_max: 2048,
        erase_within: Duration::from_mins(1),
    };

    /// From this length on, the writer waits for the checkpoint, however long: a pause is better than a full disk.
    pub(crate) const fn hard_max(self) -> i64 {
        self.max * 2
    }
}

/// The most attempts of a round to catch up with the writer.
const CATCH_UP_ROUNDS: usize = 8;

/// The checkpointing thread. Dropped without `finish`, it leaves the WAL to the next start.
pub(crate) struct Checkpointer {
    /// `None` once dropped.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How far the WAL is copied, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct CheckpointProgress {
    pages: i64,
    copied: i64,
}

impl CheckpointProgress {
    fn left(self) -> i64 {
        self.pages - self.copied
    }
}

impl Checkpointer {
    /// The writer sets `erased` once a deletion is committed; the thread sets `wal_pages` to the length of the WAL.
    pub(crate) fn start(
        path: &Path,
        write_lock: Arc<Mutex<()>>,
        erased: Arc<AtomicBool>,
        (space, files): (Arc<DiskSpace>, Arc<Files>),
        wal_pages: Arc<AtomicI64>,
        bounds: Bounds,
    ) -> Result<Self, OpenError> {
        let connection = Some(connection::writing(path).map_err(OpenError::engine(path))?);
        let database = File::open(path).map_err(OpenError::io(path))?;
        let truncated_at = Instant::now();
        let worker = Worker {
            path: path.to_owned(),
            connection,
            database,
            write_lock,
            erased,
            space,
            files,
            wal_pages,
            truncated_at,
            sync_failed: false,
            bounds,
        };
        let (stop, stopped) = mpsc::sync_channel(1);
        let run = move || worker.run(&stopped);
        let spawned = thread::Builder::new().name("store-checkpoint".into()).spawn(run);
        Ok(Self { stop: Some(stop), thread: Some(spawned.map_err(OpenError::io(path))?) })
    }

    /// Copies the whole WAL and ends the thread; the writer must have ended.
    pub(crate) fn finish(self) {
        if let Some(stop) = &self.stop {
            // An error means that the thread has ended already.
            let _ = stop.send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

/// What the thread owns.
struct Worker {
    path: PathBuf,
    /// `None` after an error, until the next round.
    connection: Option<Connection>,
    /// The database's file. Stays open until the store is closed: closing it would release SQLite's locks on it.
    database: File,
    write_lock: Arc<Mutex<()>>,
    /// Whether deleted bytes may still be in the WAL.
    erased: Arc<AtomicBool>,
    space: Arc<DiskSpace>,
    files: Arc<Files>,
    wal_pages: Arc<AtomicI64>,
    /// When the WAL was last truncated.
    truncated_at: Instant,
    /// After a failed sync nothing is copied.
    sync_failed: bool,
    bounds: Bounds,
}

impl Worker {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut previous = CheckpointProgress::default();
        loop {
            self.space.refresh();
            // `verify` logs a difference, and the writer refuses every write because of it.
            let _ = self.files.verify();
            match stopped.recv_timeout(self.bounds.interval) {
                Err(RecvTimeoutError::Timeout) if self.sync_failed => {}
                Err(RecvTimeoutError::Timeout) => match self.round(previous) {
                    Ok(progress) => previous = progress,
                    Err(error) => self.failed(&error),
                },
                Ok(()) if self.sync_failed => return,
                Ok(()) => return self.finish(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The WAL keeps everything until a later round succeeds. There is none after a failed sync: the kernel may have
    /// dropped any page that was copied since the last sync, and SQLite, which counts them as copied, would not copy
    /// them again and reset the WAL. The next start reads the WAL from its beginning.
    fn failed(&mut self, error: &rusqlite::Error) {
        let code = error.sqlite_error().map(|error| error.extended_code);
        self.sync_failed = code == Some(ffi::SQLITE_IOERR_FSYNC);
        if self.sync_failed {
            tracing::error!(%error, "a sync failed; the write-ahead log is kept and grows until the next start: check the disk, then restart portraitd");
        } else {
            tracing::warn!(%error, "a checkpoint failed; the write-ahead log is kept, and the next checkpoint tries again");
        }
    }

    fn finish(mut self) {
        // The path may lead to another store's WAL by now.
        let ours = self.files.verify().is_ok();
        let closed = self.take_connection().and_then(|last| connection::close_last(last, ours));
        if let Err(error) = closed {
            tracing::warn!(%error, "the last checkpoint failed; the write-ahead log is kept and read at the next start");
        }
    }

    fn take_connection(&mut self) -> rusqlite::Result<Connection> {
        self.connection.take().map_or_else(|| connection::writing(&self.path), Ok)
    }

    /// After an error the connection is dropped, as the writer's is: a failed sync is never repeated.
    fn round(&mut self, previous: CheckpointProgress) -> rusqlite::Result<CheckpointProgress> {
        let connection = self.take_connection()?;
        let mut progress = self.copy(&connection, previous)?;
        let idle = progress.pages == previous.pages;
        self.preallocate(&connection, progress, previous);
        if self.erased.load(Ordering::Acquire)
            && (idle || self.truncated_at.elapsed() >= self.bounds.erase_within)
        {
            progress = self.truncate(&connection)?;
        }
        self.wal_pages.store(progress.pages, Ordering::Relaxed);
        self.connection = Some(connection);
        Ok(progress)
    }

    fn copy(
        &self,
        connection: &Connection,
        previous: CheckpointProgress,
    ) -> rusqlite::Result<CheckpointProgress> {
        // Copies nothing; returns how much there is to copy.
        let progress = checkpoint(connection, "NOOP")?;
        let idle = progress.pages == previous.pages;
        if progress.left() <= 0 || (!idle && progress.left() < self.bounds.copy_min) {
            return Ok(progress);
        }
        let mut progress = checkpoint(connection, "PASSIVE")?;
        if progress.pages < self.bounds.max {
            return Ok(progress);
        }
        progress = self.catch_up(connection)?;
        if progress.left() <= self.bounds.locked_copy_max || progress.pages >= self.bounds.hard_max() {
            let _locked = self.write_lock.lock().unwrap_or_else(PoisonError::into_inner);
            progress = checkpoint(connection, "PASSIVE")?;
            tracing::debug!(?progress, "the write-ahead log can be reset");
        }
        Ok(progress)
    }

    /// Under load, extends the WAL's file beyond what the writer will write before the next round.
    fn preallocate(
        &self,
        connection: &Connection,
        progress: CheckpointProgress,
        previous: CheckpointProgress,
    ) {
        /// A page of the database with what the WAL writes before it.
        const PAGE_BYTES: i64 = 2048 + 24;
        let grown = progress.pages - previous.pages;
        if grown < self.bounds.busy_pages {
            return;
        }
        let pages = (progress.pages + 2 * grown).min(self.bounds.max + self.bounds.copy_min);
        let bytes = u64::try_from(pages * PAGE_BYTES).unwrap_or_default();
        let path = self.path.with_extension("db-wal");
        if let Err(error) = preallocate::preallocate(&path, bytes, connection, &self.write_lock) {
            tracing::debug!(%error, "the write-ahead log's file was not extended in advance");
        }
    }

    /// Copies repeatedly until little is left, so that little has to be copied with the write lock held. And syncs the
    /// database here: SQLite syncs it only once everything is copied, which under load happens with the write lock held,
    /// and took 180 ms.
    fn catch_up(&self, connection: &Connection) -> rusqlite::Result<CheckpointProgress> {
        let mut progress = CheckpointProgress::default();
        for _ in 0..CATCH_UP_ROUNDS {
            checkpoint(connection, "PASSIVE")?;
            self.database.sync_data().map_err(|error| {
                let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
                rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
            })?;
            // The result of a checkpoint does not count what was written since it began.
            let reached = checkpoint(connection, "NOOP")?;
            // An open read transaction, a backup's for example, keeps the rest from being copied.
            let stuck = reached.copied == progress.copied;
            progress = reached;
            if stuck || progress.left() <= self.bounds.locked_copy_max {
                break;
            }
        }
        Ok(progress)
    }

    /// Copies the whole WAL and truncates its file. When a reader still needs it, the next round tries again.
    fn truncate(&mut self, connection: &Connection) -> rusqlite::Result<CheckpointProgress> {
        self.catch_up(connection)?;
        let write_lock = Arc::clone(&self.write_lock);
        let _locked = write_lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Later deletions set it again.
        self.erased.store(false, Ordering::Release);
        // The writer is waiting, so readers are not waited for.
        connection.busy_timeout(Duration::ZERO)?;
        let progress = wal_mark::cleared(connection, || checkpoint(connection, "TRUNCATE"));
        connection::wait_when_busy(connection)?;
        match progress {
            Ok(progress) if progress.pages == 0 => self.truncated_at = Instant::now(),
            Ok(_) | Err(_) => self.erased.store(true, Ordering::Release),
        }
        progress
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<CheckpointProgress> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(CheckpointProgress { pages: row.get(1)?, copied: row.get(2)? })
    })
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::{SqliteSettings, SqliteStore};
    use portraitd_model::{AccountSeed, NewUserId, ProfilePatch, SdkAppId, UnixMillis, UserId};
    use portraitd_store::Store;

    fn small(locked_copy_max: i64) -> Bounds {
        let interval = Duration::from_millis(2);
        Bounds {
            interval,
            busy_pages: 4,
            copy_min: 8,
            max: 64,
            locked_copy_max,
            erase_within: Duration::from_millis(50),
        }
    }

    /// `locked_copy_max` below zero: the checkpointer never catches up, as on a slow disk.
    #[test]
    fn the_log_stays_within_its_bounds_under_load() {
        const COMMITS: u64 = 1500;
        for locked_copy_max in [16, -1] {
            let dir = tempfile::tempdir().unwrap();
            let bounds = small(locked_copy_max);
            let store = SqliteStore::open_bounded(dir.path(), SqliteSettings::default(), bounds).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for _ in 0..COMMITS {
                    store.probe().await.unwrap();
                }
                // Each commit is a page of 2 KiB and more: without bounds the WAL would hold them all.
                let wal_bytes = std::fs::metadata(dir.path().join("portraitd.db-wal")).unwrap().len();
                assert!(
                    wal_bytes < COMMITS * 2048 / 3,
                    "{wal_bytes} bytes with locked_copy_max {locked_copy_max}"
                );
                store.close().await;
            });
        }
    }

    /// Deleted bytes are soon in no file, though the store is never idle and never closed.
    #[test]
    fn deleted_bytes_are_truncated_under_load() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open_bounded(dir.path(), SqliteSettings::default(), small(16)).unwrap();
        let holds = |text: &str| {
            let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
            let mut files = files.map(|path| std::fs::read(path).unwrap());
            files.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (app, user) = (SdkAppId(1), UserId::parse("Geheimnis").unwrap());
            let seed = AccountSeed { user: NewUserId::new(user).unwrap(), patch: ProfilePatch::default() };
            store.import(app, vec![seed], UnixMillis(1), None).await.unwrap();
            assert!(holds("Geheimnis"));
            assert_eq!(store.delete(app, vec![user]).await.unwrap(), [true]);
            while holds("Geheimnis") {
                store.probe().await.unwrap();
            }
        });
    }
}
