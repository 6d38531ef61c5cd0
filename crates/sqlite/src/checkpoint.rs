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
use crate::sync::{AtomicBool, Mutex};
use crate::{connection, preallocate, wal_mark};
use rusqlite::{Connection, ffi};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// When the WAL is copied; in pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Between two rounds.
    interval: Duration,
    /// So much written in one interval: the WAL's file is made longer in advance.
    busy: i64,
    /// Worth a checkpoint under load.
    worth_copying: i64,
    /// From here on the WAL should be reset.
    max: i64,
    /// What may be copied while the write lock is held.
    in_a_gap: i64,
    /// How long deleted bytes may stay in a WAL that is never idle.
    erase_within: Duration,
}

impl Bounds {
    /// 64 MiB, 512 MiB, and some milliseconds.
    pub(crate) const DEFAULT: Self = Self {
        interval: Duration::from_secs(1),
        busy: 4096,
        worth_copying: 32 * 1024,
        max: 256 * 1024,
        in_a_gap: 2048,
        erase_within: Duration::from_mins(1),
    };

    /// A writer that is faster than the disk copies is stopped here: a pause is better than a full disk.
    pub(crate) const fn hard_max(self) -> i64 {
        self.max * 2
    }
}

/// How often a round tries to catch up with the writer.
const PURSUITS: usize = 8;

/// The checkpointing thread. Dropped unfinished, it leaves the WAL to the next start.
pub(crate) struct Checkpointer {
    /// `None` once dropped.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How far the WAL is copied, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Log {
    pages: i64,
    copied: i64,
}

impl Log {
    fn left(self) -> i64 {
        self.pages - self.copied
    }
}

impl Checkpointer {
    /// The writer sets `erased` once a deletion is committed; `log_pages` is set to the length of the WAL.
    pub(crate) fn start(
        path: &Path,
        write_lock: Arc<Mutex<()>>,
        erased: Arc<AtomicBool>,
        (space, files): (Arc<DiskSpace>, Arc<Files>),
        log_pages: Arc<AtomicI64>,
        bounds: Bounds,
    ) -> Result<Self, OpenError> {
        let connection = Some(connection::writing(path).map_err(OpenError::engine(path))?);
        let database = File::open(path).map_err(OpenError::io(path))?;
        let cut_off = Instant::now();
        let worker = Worker {
            path: path.to_owned(),
            connection,
            database,
            write_lock,
            erased,
            space,
            files,
            log_pages,
            cut_off,
            a_sync_failed: false,
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
            // A thread that is gone can't be told.
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
    /// The database's file. Never closed before the store is: that would give up the locks that SQLite has on it.
    database: File,
    write_lock: Arc<Mutex<()>>,
    /// Something deleted may still be in the WAL.
    erased: Arc<AtomicBool>,
    space: Arc<DiskSpace>,
    files: Arc<Files>,
    log_pages: Arc<AtomicI64>,
    /// When the WAL was last cut off.
    cut_off: Instant,
    /// Nothing is copied any more.
    a_sync_failed: bool,
    bounds: Bounds,
}

impl Worker {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut seen = Log::default();
        loop {
            self.space.refresh();
            // A difference is logged when it is found, and every write is refused with it.
            let _ = self.files.verify();
            match stopped.recv_timeout(self.bounds.interval) {
                Err(RecvTimeoutError::Timeout) if self.a_sync_failed => {}
                Err(RecvTimeoutError::Timeout) => match self.round(seen) {
                    Ok(log) => seen = log,
                    Err(error) => self.failed(&error),
                },
                Ok(()) if self.a_sync_failed => return,
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
        self.a_sync_failed = code == Some(ffi::SQLITE_IOERR_FSYNC);
        if self.a_sync_failed {
            tracing::error!(%error, "a sync failed; the log is kept and grows until the next start: look after the disk, then restart portraitd");
        } else {
            tracing::warn!(%error, "a checkpoint failed; the log is kept");
        }
    }

    fn finish(mut self) {
        // Another store's WAL may have its name by now.
        let ours = self.files.verify().is_ok();
        let closed = self.take_connection().and_then(|last| connection::close_last(last, ours));
        if let Err(error) = closed {
            tracing::warn!(%error, "the last checkpoint failed; the log is read at the next start");
        }
    }

    fn take_connection(&mut self) -> rusqlite::Result<Connection> {
        self.connection.take().map_or_else(|| connection::writing(&self.path), Ok)
    }

    /// After an error the connection is given up, as the writer's is: no sync is tried twice.
    fn round(&mut self, seen: Log) -> rusqlite::Result<Log> {
        let connection = self.take_connection()?;
        let mut log = self.copy(&connection, seen)?;
        let idle = log.pages == seen.pages;
        self.grow_ahead(&connection, log, seen);
        if self.erased.load(Ordering::Acquire) && (idle || self.cut_off.elapsed() >= self.bounds.erase_within)
        {
            log = self.cut_off(&connection)?;
        }
        self.log_pages.store(log.pages, Ordering::Relaxed);
        self.connection = Some(connection);
        Ok(log)
    }

    fn copy(&self, connection: &Connection, seen: Log) -> rusqlite::Result<Log> {
        // Copies nothing, only tells how much there is to copy.
        let log = checkpoint(connection, "NOOP")?;
        let idle = log.pages == seen.pages;
        if log.left() <= 0 || (!idle && log.left() < self.bounds.worth_copying) {
            return Ok(log);
        }
        let mut log = checkpoint(connection, "PASSIVE")?;
        if log.pages < self.bounds.max {
            return Ok(log);
        }
        log = self.pursue(connection)?;
        if log.left() <= self.bounds.in_a_gap || log.pages >= self.bounds.hard_max() {
            let _closed = self.write_lock.lock().unwrap_or_else(PoisonError::into_inner);
            log = checkpoint(connection, "PASSIVE")?;
            tracing::debug!(?log, "the log can be reset");
        }
        Ok(log)
    }

    /// Keeps the WAL's file longer than the WAL will be before the next round, when the writer is busy.
    fn grow_ahead(&self, connection: &Connection, log: Log, seen: Log) {
        /// A page of the database with what the WAL writes before it.
        const PAGE_BYTES: i64 = 2048 + 24;
        let grown = log.pages - seen.pages;
        if grown < self.bounds.busy {
            return;
        }
        let pages = (log.pages + 2 * grown).min(self.bounds.max + self.bounds.worth_copying);
        let bytes = u64::try_from(pages * PAGE_BYTES).unwrap_or_default();
        let path = self.path.with_extension("db-wal");
        if let Err(error) = preallocate::preallocate(&path, bytes, connection, &self.write_lock) {
            tracing::debug!(%error, "the log's file was not grown ahead");
        }
    }

    /// Gets close to the writer: what came in meanwhile would otherwise have to be copied with the write lock held. And
    /// what is copied goes to the disk here: SQLite syncs the database only when it has caught up with the writer, which
    /// under load is behind the write lock, and that took 180 ms.
    fn pursue(&self, connection: &Connection) -> rusqlite::Result<Log> {
        let mut log = Log::default();
        for _ in 0..PURSUITS {
            checkpoint(connection, "PASSIVE")?;
            self.database.sync_data().map_err(|error| {
                let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
                rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
            })?;
            // What a checkpoint says of itself does not count what was written since it began.
            let reached = checkpoint(connection, "NOOP")?;
            // An open read transaction, a backup's for example, lets no more be copied.
            let stuck = reached.copied == log.copied;
            log = reached;
            if stuck || log.left() <= self.bounds.in_a_gap {
                break;
            }
        }
        Ok(log)
    }

    /// Copies the whole WAL and makes its file empty. Given up, until the next round, when a reader still needs it.
    fn cut_off(&mut self, connection: &Connection) -> rusqlite::Result<Log> {
        self.pursue(connection)?;
        let write_lock = Arc::clone(&self.write_lock);
        let _closed = write_lock.lock().unwrap_or_else(PoisonError::into_inner);
        // What is deleted from here on sets it again.
        self.erased.store(false, Ordering::Release);
        // The writer waits: no time for readers.
        connection.busy_timeout(Duration::ZERO)?;
        let log = wal_mark::cleared(connection, || checkpoint(connection, "TRUNCATE"));
        connection::wait_when_busy(connection)?;
        match log {
            Ok(log) if log.pages == 0 => self.cut_off = Instant::now(),
            Ok(_) | Err(_) => self.erased.store(true, Ordering::Release),
        }
        log
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Log> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(Log { pages: row.get(1)?, copied: row.get(2)? })
    })
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::{SqliteSettings, SqliteStore};
    use portraitd_model::{AccountSeed, NewUserId, ProfilePatch, SdkAppId, UnixMillis, UserId};
    use portraitd_store::Store;

    fn small(in_a_gap: i64) -> Bounds {
        let interval = Duration::from_millis(2);
        Bounds {
            interval,
            busy: 4,
            worth_copying: 8,
            max: 64,
            in_a_gap,
            erase_within: Duration::from_millis(50),
        }
    }

    /// `in_a_gap` below zero: the checkpointer never gets close enough, as on a disk too slow for it.
    #[test]
    fn the_log_stays_within_its_bounds_under_load() {
        const COMMITS: u64 = 1500;
        for in_a_gap in [16, -1] {
            let dir = tempfile::tempdir().unwrap();
            let bounds = small(in_a_gap);
            let store = SqliteStore::open_bounded(dir.path(), SqliteSettings::default(), bounds).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for _ in 0..COMMITS {
                    store.probe().await.unwrap();
                }
                // Each commit is a page of 2 KiB and more: without bounds the WAL would hold them all.
                let log = std::fs::metadata(dir.path().join("portraitd.db-wal")).unwrap().len();
                assert!(log < COMMITS * 2048 / 3, "{log} bytes with a gap of {in_a_gap}");
                store.close().await;
            });
        }
    }

    /// What is deleted is soon in no file, though the store is never idle and never closed.
    #[test]
    fn deleted_bytes_are_cut_off_under_load() {
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
