//! Writes a stopped store anew: without free space, and without the copies of rows that an engine leaves behind when
//! it moves them between pages.
//!
//! `secure_delete` overwrites a row where it is. But SQLite moves rows when a page overflows, and does not clear where
//! they were; such a copy of a row that is deleted later stays until its place is needed. Only a new file is sure.

use crate::OpenError;
use crate::connection::{self, Access, Identity};
use crate::directory_lock::DirectoryLock;
use crate::partial;
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

/// Writes the store in a directory that no process has open anew, in a new file beside the old one that then takes
/// its place; a crash leaves one or the other. Durable when it returns.
pub fn compact(dir: &Path) -> Result<Compacted, OpenError> {
    let path = dir.join("portraitd.db");
    if !path.is_file() {
        return Err(OpenError::NoStore { dir: dir.to_owned() });
    }
    let _lock = DirectoryLock::take(dir)?;
    let size = |path: &Path| fs::metadata(path).map(|file| file.len());
    let connection = connection::existing(&path, Access::Write)?;
    let before = size(&path).map_err(OpenError::io(&path))?;
    let partial = partial::fill(&connection, &path)?;
    // With the last connection the log goes, which belongs to the old file alone.
    connection::close_last(connection, true).map_err(OpenError::engine(&path))?;
    let log = dir.join("portraitd.db-wal");
    if log.exists() {
        let _ = partial::clear(&partial);
        return Err(OpenError::Engine { path: log, reason: "the log is still in use".into() });
    }
    partial::take_place(&partial, &path, Identity::Kept)?;
    Ok(Compacted { before, after: size(&path).map_err(OpenError::io(&path))? })
}
