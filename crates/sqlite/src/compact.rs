//! Writes a stopped store to a new file: without free space, and without the copies of rows that an engine leaves behind when
//! it moves them between pages.
//!
//! `secure_delete` overwrites a row where it is. But SQLite moves rows when a page overflows, and does not clear where
//! they were; such a copy of a row that is deleted later stays until its place is needed. Only a new file is sure.

use crate::OpenError;
use crate::connection::{self, Access, Identity};
use crate::directory_lock::DirectoryLock;
use crate::staging;
use std::fs;
use std::path::Path;

/// How large the database was, and is; in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compacted {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Writes the store in a directory that no process has open to a new file, which then takes the place of the old one; a crash leaves one or the other. Durable when it returns.
pub fn compact(dir: &Path) -> Result<Compacted, OpenError> {
    let path = dir.join("portraitd.db");
    if !path.is_file() {
        return Err(OpenError::NoStore { dir: dir.to_owned() });
    }
    let _lock = DirectoryLock::take(dir)?;
    let size = |path: &Path| fs::metadata(path).map(|file| file.len());
    let connection = connection::existing(&path, Access::Write)?;
    let before = size(&path).map_err(OpenError::io(&path))?;
    let partial = staging::write(&connection, &path)?;
    // With the last connection the WAL goes, which belongs to the old file alone.
    connection::close_last(connection, true).map_err(OpenError::engine(&path))?;
    let log = dir.join("portraitd.db-wal");
    if log.exists() {
        let _ = staging::clear(&partial);
        return Err(OpenError::Engine { path: log, reason: "the log is still in use".into() });
    }
    staging::publish(&partial, &path, Identity::Kept)?;
    Ok(Compacted { before, after: size(&path).map_err(OpenError::io(&path))? })
}
