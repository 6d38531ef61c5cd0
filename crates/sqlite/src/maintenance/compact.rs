//! Compaction: writes a stopped store to a new file, without free space and without old copies of rows.
//!
//! `secure_delete` overwrites a deleted row. But SQLite moves rows between pages when a page overflows, and does not clear the
//! old place: that copy of a row that is deleted later stays until the space is reused. Only a new file has none.

use crate::OpenError;
use crate::connection::Access;
use crate::directory_lock::DirectoryLock;
use crate::journal;
use crate::maintenance::staging;
use crate::maintenance::staging::Identity;
use crate::recover;
use crate::schema;
use crate::wal::close_last;
use std::fs;
use std::path::Path;

/// The size of the database before and after, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compacted {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Writes the store of a directory that no process has open to a new file, which then replaces the old one; a crash leaves one
/// or the other. Durable when it returns.
pub fn compact(dir: &Path) -> Result<Compacted, OpenError> {
    let path = dir.join("portraitd.db");
    if !path.is_file() {
        return Err(OpenError::NoStore { dir: dir.to_owned() });
    }
    let _lock = DirectoryLock::take(dir)?;
    let size = |path: &Path| fs::metadata(path).map(|file| file.len());
    recover::apply_stopped(dir)?;
    journal::erase_all(dir)?;
    let connection = schema::existing(&path, Access::Write)?;
    let before = size(&path).map_err(OpenError::io(&path))?;
    let staged = staging::write(&connection, &path)?;
    // Closing the last connection removes the WAL, which belongs to the old file only.
    close_last(connection, true).map_err(OpenError::engine(&path))?;
    let log = dir.join("portraitd.db-wal");
    if log.exists() {
        let _ = staging::clear(&staged);
        return Err(OpenError::Engine {
            path: log,
            reason: "the write-ahead log is still in use; stop the other program that has the database open"
                .into(),
        });
    }
    staging::publish(&staged, &path, Identity::Kept)?;
    Ok(Compacted { before, after: size(&path).map_err(OpenError::io(&path))? })
}
