//! The log's file, grown ahead of a busy writer. A sync of bytes written over others takes half the time of one that
//! makes the file longer, since a longer file has its length written too, elsewhere on the disk.
//!
//! What is added is zeros, which no reader of a log takes for a record. It is added while nobody can write to the log.

use crate::sync::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::PoisonError;

/// What the writer waits for at a time: about a millisecond.
const STEP_BYTES: usize = 2 << 20;

/// Sees to it that the log's file is so long. An error is no harm: the writer then makes the file longer itself.
pub(crate) fn grow(log: &Path, bytes: u64, connection: &Connection, gate: &Mutex<()>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(log)?;
    while step(&file, bytes, connection, gate)? {
        // Here, beside the writer: else its next sync would carry these zeros too.
        file.sync_data()?;
    }
    Ok(())
}

/// Adds some zeros; false when there is nothing more to add.
fn step(file: &File, bytes: u64, connection: &Connection, gate: &Mutex<()>) -> io::Result<bool> {
    let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
    // The gate keeps our own writer away, the lock anybody else who has the database open.
    let locked = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let _locked = locked.map_err(io::Error::other)?;
    let len = file.metadata()?.len();
    let missing = usize::try_from(bytes.saturating_sub(len)).unwrap_or(usize::MAX).min(STEP_BYTES);
    file.write_all_at(&vec![0; missing], len)?;
    Ok(missing > 0)
}
