//! The checkpointer: copies the write-ahead log into the database, beside the writer and not in its way.
//!
//! Passive checkpoints never stop anyone, but under load they never quite catch up either, and the log starts
//! anew only when they do. So once the log is large, the checkpointer first gets close and then closes the gate to
//! the writer for the last few milliseconds; the next write finds everything copied and starts the log from its head.

use super::connection;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(1);
/// Pages in the log that are worth a checkpoint under load: 64 MiB.
const PAGES_WORTH_COPYING: i64 = 32 * 1024;
/// Pages in the log from which it should start anew: 1 GiB.
const PAGES_MAX: i64 = 512 * 1024;
/// Pages that a closed gate may cost: some milliseconds.
const PAGES_IN_A_GAP: i64 = 2048;

/// The checkpointing thread.
pub(super) struct Checkpointer {
    stop: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// How far the log is copied, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Log {
    pages: i64,
    copied: i64,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, gate: Arc<Mutex<()>>) -> rusqlite::Result<Self> {
        let connection = connection::checkpointing(path)?;
        let (stop, stopped) = mpsc::sync_channel(1);
        let run = move || {
            let mut seen = Log { pages: 0, copied: 0 };
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                match round(&connection, &gate, seen) {
                    Ok(log) => seen = log,
                    // The log keeps everything until a later round succeeds.
                    Err(error) => tracing::warn!(%error, "a checkpoint failed; the log is kept"),
                }
            }
            // The last connection of the process: closing it copies the log and removes it.
            if let Err((_, error)) = connection.close() {
                tracing::warn!(%error, "the last checkpoint failed; the log is read at the next start");
            }
        };
        let thread = thread::Builder::new().name("store-checkpoint".into()).spawn(run).ok();
        Ok(Self { stop, thread })
    }

    /// Copies the whole log and ends the thread; the writer must have ended.
    pub(super) fn finish(mut self) {
        // A thread that is gone can't be told.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

fn round(connection: &Connection, gate: &Mutex<()>, seen: Log) -> rusqlite::Result<Log> {
    // Copies nothing, only tells how things stand.
    let log = checkpoint(connection, "NOOP")?;
    let left = log.pages - log.copied;
    let idle = log.pages == seen.pages;
    if left <= 0 || (!idle && left < PAGES_WORTH_COPYING) {
        return Ok(log);
    }
    let mut log = checkpoint(connection, "PASSIVE")?;
    if log.pages >= PAGES_MAX {
        // What came in meanwhile is little; without this round it would have to be copied with the gate closed.
        log = checkpoint(connection, "PASSIVE")?;
        if log.pages - log.copied <= PAGES_IN_A_GAP {
            let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
            log = checkpoint(connection, "PASSIVE")?;
            tracing::debug!(?log, "the log may start anew");
        }
    }
    Ok(log)
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Log> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(Log { pages: row.get(1)?, copied: row.get(2)? })
    })
}
