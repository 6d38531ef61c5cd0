//! Makes the WAL's file longer ahead of a busy writer. A sync of bytes written over others takes half the time of one that
//! makes the file longer, since a longer file has its length written too, elsewhere on the disk.
//!
//! What is added is zeros, which no reader of a WAL takes for a frame. It is added while nothing can be written to it.

use crate::sync::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::PoisonError;

/// Added at a time: the writer waits about a millisecond for it.
const STEP_BYTES: usize = 2 << 20;

/// Makes the WAL's file at least so long. An error does no harm: the writer then makes the file longer itself.
pub(crate) fn preallocate(
    log: &Path,
    bytes: u64,
    connection: &Connection,
    write_lock: &Mutex<()>,
) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(log)?;
    while step(&file, bytes, connection, write_lock)? {
        // Here, beside the writer: else its next sync would carry these zeros too.
        file.sync_data()?;
    }
    Ok(())
}

/// Adds some zeros; false when there is nothing more to add.
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
