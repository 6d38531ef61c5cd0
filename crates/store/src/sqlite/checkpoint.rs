//! The checkpointer: copies the write-ahead log into the database, beside the writer and not in its way.
//!
//! Passive checkpoints never stop anyone, but under load they never quite catch up either, and the log starts
//! anew only when they do. So once the log is large, the checkpointer first gets close and then closes the gate to
//! the writer for the last few milliseconds; the next write finds everything copied and starts the log from its head.
//!
//! A log that starts anew still holds its old bytes until they are written over. What was deleted must not stay
//! readable for that long: after a deletion the log is also cut off, at once when nothing is written, else within a
//! minute.

use super::files::Files;
use super::room::Room;
use super::{ahead, connection, log_mark};
use crate::open::OpenError;
use rusqlite::{Connection, ffi};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// When the log is copied; in pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Between two looks at the log.
    interval: Duration,
    /// Within one interval: the log's file is grown ahead.
    busy: i64,
    /// Worth a checkpoint under load.
    worth_copying: i64,
    /// From here on the log should start anew.
    max: i64,
    /// What a closed gate may cost.
    in_a_gap: i64,
    /// How long deleted bytes may stay in a log that is never idle.
    erase_within: Duration,
}

impl Bounds {
    /// 64 MiB, 512 MiB, and some milliseconds.
    pub(super) const DEFAULT: Self = Self {
        interval: Duration::from_secs(1),
        busy: 4096,
        worth_copying: 32 * 1024,
        max: 256 * 1024,
        in_a_gap: 2048,
        erase_within: Duration::from_mins(1),
    };

    /// A writer that is faster than the disk copies is stopped here: a pause is better than a full disk.
    pub(super) const fn hard_max(self) -> i64 {
        self.max * 2
    }
}

/// How often a round tries to catch up with the writer.
const PURSUITS: usize = 8;

/// The checkpointing thread. Dropped unfinished, it leaves the log to the next start.
pub(super) struct Checkpointer {
    /// `None` once dropped.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How far the log is copied, in pages.
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
    /// Whoever deletes something sets `erased` once that is committed; `log_pages` is how long the log is found to be.
    pub(super) fn start(
        path: &Path,
        gate: Arc<Mutex<()>>,
        erased: Arc<AtomicBool>,
        (room, files): (Arc<Room>, Arc<Files>),
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
            gate,
            erased,
            room,
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

    /// Copies the whole log and ends the thread; the writer must have ended.
    pub(super) fn finish(self) {
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
    gate: Arc<Mutex<()>>,
    /// Something deleted may still be in the log.
    erased: Arc<AtomicBool>,
    room: Arc<Room>,
    files: Arc<Files>,
    log_pages: Arc<AtomicI64>,
    /// When the log was last cut off.
    cut_off: Instant,
    /// Nothing is copied any more.
    a_sync_failed: bool,
    bounds: Bounds,
}

impl Worker {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut seen = Log::default();
        loop {
            self.room.look();
            // Told in the log when it is found, and to everyone who wants to change something.
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

    /// The log keeps everything until a later round succeeds. There is none after a failed sync: the kernel may have
    /// dropped any page that was copied since the last sync, and SQLite, which counts them as copied, would not copy
    /// them again and start the log anew. The next start reads the log from its beginning.
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
        // Under its name there may be another store's log by now.
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
        // Copies nothing, only tells how things stand.
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
            let _closed = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            log = checkpoint(connection, "PASSIVE")?;
            tracing::debug!(?log, "the log may start anew");
        }
        Ok(log)
    }

    /// Keeps the log's file longer than the log will be before the next round, when the writer is busy.
    fn grow_ahead(&self, connection: &Connection, log: Log, seen: Log) {
        /// A page of the database with what the log writes before it.
        const PAGE_BYTES: i64 = 2048 + 24;
        let grown = log.pages - seen.pages;
        if grown < self.bounds.busy {
            return;
        }
        let pages = (log.pages + 2 * grown).min(self.bounds.max + self.bounds.worth_copying);
        let bytes = u64::try_from(pages * PAGE_BYTES).unwrap_or_default();
        let path = self.path.with_extension("db-wal");
        if let Err(error) = ahead::grow(&path, bytes, connection, &self.gate) {
            tracing::debug!(%error, "the log's file was not grown ahead");
        }
    }

    /// Gets close to the writer: what came in meanwhile would otherwise have to be copied with the gate closed. And
    /// what is copied goes to the disk here: SQLite syncs the database only when it has caught up with the writer, which
    /// under load is behind the closed gate, and that took 180 ms.
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
            // A view that is open, a backup's say, lets no more be copied.
            let stuck = reached.copied == log.copied;
            log = reached;
            if stuck || log.left() <= self.bounds.in_a_gap {
                break;
            }
        }
        Ok(log)
    }

    /// Copies the whole log and makes its file empty. Given up, until the next round, when a reader still needs it.
    fn cut_off(&mut self, connection: &Connection) -> rusqlite::Result<Log> {
        self.pursue(connection)?;
        let gate = Arc::clone(&self.gate);
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        // What is deleted from here on sets it again.
        self.erased.store(false, Ordering::Release);
        // The writer waits: no time for readers.
        connection.busy_timeout(Duration::ZERO)?;
        let log = log_mark::cleared(connection, || checkpoint(connection, "TRUNCATE"));
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
mod tests {
    use super::*;
    use crate::{ProfileStore, SqliteSettings, SqliteStore, Store};
    use portrait_model::{AccountSeed, NewUserId, ProfilePatch, SdkAppId, UnixMillis, UserId};

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
                // Each commit is a page of 2 KiB and more: without bounds the log would hold them all.
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
