//! A database that is written to a staging file and renamed once it is whole: a crash leaves the old one or the new one.

use crate::OpenError;
use crate::backup;
use crate::connection::{self, Identity};
use crate::directory_lock::sync_directory;
use portraitd_store::StoreError;
use rusqlite::Connection;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The staging file's name.
pub(crate) const STAGING: &str = "portraitd.db.partial";

/// What SQLite may put beside a database.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Whether a file's name is that of a staging file that was never published, or of something that SQLite put beside it.
pub(crate) fn is_left_over(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(STAGING));
    rest.is_some_and(|rest| rest.is_empty() || BESIDE.contains(&rest))
}

/// Writes all that a connection sees into a staging file for a database's path.
pub(crate) fn write(connection: &Connection, path: &Path) -> Result<PathBuf, OpenError> {
    let staging = path.with_file_name(STAGING);
    clear(&staging)?;
    match backup::copy(connection, &staging) {
        Ok(()) => Ok(staging),
        Err(error) => {
            // Nothing depends on it, and the disk may be full.
            let _ = clear(&staging);
            let reason = match error {
                StoreError::Unavailable(reason) => reason,
                other => other.to_string(),
            };
            Err(OpenError::Engine { path: path.to_owned(), reason })
        }
    }
}

/// Renames it to the database's path. Durable when it returns.
///
/// The file says from the start that it has a WAL: SQLite would write that in place, beside a journal, and does not notice when
/// the journal's name could not be synced.
pub(crate) fn publish(staging: &Path, path: &Path, identity: Identity) -> Result<(), OpenError> {
    let ready = connection::identify(staging, identity).and_then(|()| connection::give_log(staging));
    let taken = ready.map_err(OpenError::engine(path)).and_then(|()| {
        let synced = File::open(staging).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| fs::rename(staging, path));
        renamed
            .and_then(|()| sync_directory(path.parent().unwrap_or(Path::new("."))))
            .map_err(OpenError::io(path))
    });
    taken.inspect_err(|_| {
        // It is of no use, and the disk may be full.
        let _ = clear(staging);
    })
}

/// Removes it, and what SQLite put beside it.
pub(crate) fn clear(staging: &Path) -> Result<(), OpenError> {
    for suffix in [""].into_iter().chain(BESIDE) {
        let mut left = staging.as_os_str().to_owned();
        left.push(suffix);
        if let Err(error) = fs::remove_file(&left)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(OpenError::io(Path::new(&left))(error));
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_finished_is_left_over() {
        for name in ["portraitd.db.partial", "portraitd.db.partial-wal", "portraitd.db.partial-journal"] {
            assert!(is_left_over(OsStr::new(name)), "{name}");
        }
        for name in
            ["portraitd.db", "portraitd.db-wal", "portraitd.db.partial2", "portraitd.db.partial-wal2", ""]
        {
            assert!(!is_left_over(OsStr::new(name)), "{name}");
        }
    }
}
