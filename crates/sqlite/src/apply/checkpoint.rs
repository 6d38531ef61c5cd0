//! Copies SQLite's log into the database: after each slice, so that the log stays as short as a slice, unless a backup's view keeps it.
//!
//! A log that begins again still holds its old bytes until they are written over. What was deleted must not stay readable for that
//! long: after a deletion the log is also truncated.

use crate::apply::shared::Shared;
use crate::connection;
use crate::journal::JournalRow;
use crate::wal::close_last;
use crate::wal::mark;
use rusqlite::{Connection, ffi};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The state of the checkpoints.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// After a failed sync nothing is copied.
    sync_failed: bool,
}

/// How far the log is copied, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Progress {
    pages: i64,
    copied: i64,
}

impl Checkpoints {
    /// The log keeps everything until a later checkpoint succeeds. There is none after a failed sync: the kernel may have dropped
    /// any page that was copied since the last sync, and SQLite, which counts them as copied, would not copy them again and begin
    /// the log again. The next start reads the log from its beginning.
    pub(super) fn failed(&mut self, error: &rusqlite::Error) {
        let code = error.sqlite_error().map(|error| error.extended_code);
        if code == Some(ffi::SQLITE_IOERR_FSYNC) {
            self.sync_failed = true;
            tracing::error!(%error, "a sync failed; the write-ahead log is kept and grows until the next start: check the disk, then restart portraitd");
        } else {
            tracing::warn!(%error, "a checkpoint failed; the write-ahead log is kept, and the next checkpoint tries again");
        }
    }

    /// Copies what a slice wrote.
    pub(super) fn after_slice(&self, connection: &Connection, shared: &Shared) -> rusqlite::Result<()> {
        if !self.sync_failed {
            let progress = checkpoint(connection, "PASSIVE")?;
            shared.wal_pages.store(progress.pages, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Copies what other transactions wrote, and truncates the log after a deletion.
    pub(super) fn idle(&self, connection: &Connection, shared: &Shared) -> rusqlite::Result<()> {
        if self.sync_failed {
            return Ok(());
        }
        // Copies nothing; returns how much there is to copy.
        let progress = checkpoint(connection, "NOOP")?;
        if progress.pages > progress.copied {
            self.after_slice(connection, shared)?;
        }
        // Not while a segment that deletes something is still to be applied.
        if shared.erased.load(Ordering::Acquire) { truncate(connection, shared) } else { Ok(()) }
    }

    /// Copies the whole log, and removes it: everything is applied. If the journal's files still have deleted bytes, the database goes on
    /// to need them: the next start overwrites them, as after a kill.
    pub(super) fn finish(&self, connection: Connection, shared: &Shared, is_erased: bool) {
        if self.sync_failed {
            return;
        }
        // The path may lead to another store's log by now.
        let ours = shared.files.verify().is_ok();
        let settled = if is_erased { not_needed(&connection, shared) } else { Ok(()) };
        let closed = settled.and_then(|()| close_last(connection, ours));
        if let Err(error) = closed {
            tracing::warn!(%error, "the last checkpoint failed; the write-ahead log is kept and read at the next start");
        }
    }
}

/// Says that the tables have everything.
fn not_needed(connection: &Connection, shared: &Shared) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let marks = mark::set_if_due(&transaction, &shared.mark_due)?;
    JournalRow::close(&transaction)?;
    transaction.commit()?;
    marks.done();
    Ok(())
}

/// Copies the whole log and truncates its file. When a reader still needs it, the next round tries again.
fn truncate(connection: &Connection, shared: &Shared) -> rusqlite::Result<()> {
    let _alone = shared.table_lock.lock().unwrap_or_else(PoisonError::into_inner);
    // Later deletions set it again.
    shared.erased.store(false, Ordering::Release);
    // Others are waiting, so readers are not waited for.
    connection.busy_timeout(Duration::ZERO)?;
    let progress = mark::cleared(connection, || checkpoint(connection, "TRUNCATE"));
    if progress.is_err() {
        shared.mark_due.store(true, Ordering::Release);
    }
    connection::wait_when_busy(connection)?;
    if !progress.as_ref().is_ok_and(|progress| progress.pages == 0) {
        shared.erased.store(true, Ordering::Release);
    }
    progress.map(drop)
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Progress> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(Progress { pages: row.get(1)?, copied: row.get(2)? })
    })
}
