//! Atomic replacement of a database: written to a staging file, then renamed. A crash leaves the old one or the new one.

use crate::OpenError;
use crate::connection::{self, use_wal};
use crate::directory_lock::sync_directory;
use crate::identity::has_table;
use crate::journal::JournalRow;
use crate::maintenance::vacuum;
use crate::wal::{mark, verify};
use portraitd_store::StoreError;
use rusqlite::Connection;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The staging file's name.
pub(crate) const STAGING: &str = "portraitd.db.partial";

/// The suffixes of files that SQLite creates next to a database.
const SQLITE_SUFFIXES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Whether a file's name is that of a staging file that was never published, or of a file that SQLite created for it.
pub(crate) fn is_left_over(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(STAGING));
    rest.is_some_and(|rest| rest.is_empty() || SQLITE_SUFFIXES.contains(&rest))
}

/// Writes everything that a connection reads into the staging file of a database's path.
pub(crate) fn write(connection: &Connection, path: &Path) -> Result<PathBuf, OpenError> {
    let staging = path.with_file_name(STAGING);
    clear(&staging)?;
    match vacuum::copy(connection, &staging) {
        Ok(()) => Ok(staging),
        Err(error) => {
            // An incomplete file is useless, and the disk may be full.
            let _ = clear(&staging);
            let reason = match error {
                StoreError::Unavailable(reason) => reason.english().to_owned(),
                other => other.to_string(),
            };
            Err(OpenError::Engine { path: path.to_owned(), reason })
        }
    }
}

/// Renames the staging file to the database's path. Durable when it returns.
///
/// The staging file is switched to WAL mode first: on the published file, SQLite would write that change in place with a
/// rollback journal, and would not notice when the journal's name could not be synced.
pub(crate) fn publish(staging: &Path, path: &Path, identity: Identity) -> Result<(), OpenError> {
    let ready = identify(staging, identity).and_then(|()| switch_to_wal(staging));
    // SQLite says nothing when it can't copy a log at its end; the log would be left behind.
    let ready = ready.and_then(|()| {
        let left = verify::exists(staging);
        if left { Err(connection::internal("its write-ahead log can't be copied into it")) } else { Ok(()) }
    });
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

/// Whether a database that is copied from another is the same store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Identity {
    Kept,
    Renewed,
}

/// Sets a staging file's identity, and clears its marks of a WAL and a journal: it has neither.
pub(crate) fn identify(staging: &Path, identity: Identity) -> rusqlite::Result<()> {
    let connection = Connection::open(staging)?;
    mark::clear(&connection)?;
    // Formats before 8 have none.
    if has_table(&connection, "journal")? {
        JournalRow::close(&connection)?;
    }
    // Formats before 5 get their identity with their upgrade.
    if identity == Identity::Renewed && has_table(&connection, "store")? {
        connection.execute("UPDATE store SET id = randomblob(16)", [])?;
    }
    connection.close().map_err(|(_, error)| error)
}

/// Switches a staging file to WAL mode.
fn switch_to_wal(staging: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(staging)?;
    use_wal(&connection)?;
    // Closing the last connection removes the WAL and its index.
    connection.close().map_err(|(_, error)| error)
}

/// Removes the staging file, and the files that SQLite created for it.
pub(crate) fn clear(staging: &Path) -> Result<(), OpenError> {
    for suffix in [""].into_iter().chain(SQLITE_SUFFIXES) {
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
