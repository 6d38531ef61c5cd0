//! Extends the WAL's file in advance of a busy writer. A sync of overwritten bytes takes half the time of one that extends the
//! file, because the file's new length is another write, elsewhere on the disk.
//!
//! The extension is zeros, which readers of a WAL do not take for a frame. It is written with the write lock held.

use crate::primitives::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::PoisonError;

/// Bytes of one step: the writer waits about a millisecond for it.
const STEP_BYTES: usize = 2 << 20;

/// Extends the WAL's file to at least `bytes`. An error does no harm: the writer then extends the file itself.
pub(crate) fn preallocate(
    wal: &Path,
    bytes: u64,
    connection: &Connection,
    write_lock: &Mutex<()>,
) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(wal)?;
    while step(&file, bytes, connection, write_lock)? {
        // Synced here, without the write lock: otherwise the writer's next sync would also write these zeros.
        file.sync_data()?;
    }
    Ok(())
}

/// Appends one step of zeros; returns whether there was something to append.
fn step(file: &File, bytes: u64, connection: &Connection, write_lock: &Mutex<()>) -> io::Result<bool> {
    let _writer_waits = write_lock.lock().unwrap_or_else(PoisonError::into_inner);
    // The write lock excludes our own writer, the database's lock any other program that has it open.
    let locked = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let _locked = locked.map_err(io::Error::other)?;
    let len = file.metadata()?.len();
    let missing = usize::try_from(bytes.saturating_sub(len)).unwrap_or(usize::MAX).min(STEP_BYTES);
    file.write_all_at(&vec![0; missing], len)?;
    Ok(missing > 0)
}
