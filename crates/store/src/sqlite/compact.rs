//! Writes a stopped store anew: without free space, and without the copies of rows that an engine leaves behind when
//! it moves them between pages.
//!
//! `secure_delete` overwrites a row where it is. But SQLite moves rows when a page overflows, and does not clear where
//! they were; such a copy of a row that is deleted later stays until its place is needed. Only a new file is sure.

use super::backup::{PARTIAL, copy};
use super::connection::{self, Access};
use crate::StoreError;
use crate::open::{DirectoryLock, OpenError, sync_directory};
use std::fs;
use std::io;
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
    let (partial, size) = (dir.join(PARTIAL), |path: &Path| fs::metadata(path).map(|file| file.len()));
    if let Err(error) = fs::remove_file(&partial)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(OpenError::io(&partial)(error));
    }
    let connection = connection::existing(&path, Access::Write)?;
    let before = size(&path).map_err(OpenError::io(&path))?;
    copy(&connection, &partial).map_err(|error| {
        // Nothing depends on it, and the disk may be full.
        let _ = fs::remove_file(&partial);
        let reason = match error {
            StoreError::Unavailable(reason) => reason,
            other => other.to_string(),
        };
        OpenError::Engine { path: path.clone(), reason }
    })?;
    // With the last connection the log goes, which belongs to the old file alone.
    connection::close_last(connection).map_err(OpenError::engine(&path))?;
    let log = dir.join("portraitd.db-wal");
    if log.exists() {
        let _ = fs::remove_file(&partial);
        return Err(OpenError::Engine { path: log, reason: "the log is still in use".into() });
    }
    fs::rename(&partial, &path).and_then(|()| sync_directory(dir)).map_err(OpenError::io(&path))?;
    Ok(Compacted { before, after: size(&path).map_err(OpenError::io(&path))? })
}
