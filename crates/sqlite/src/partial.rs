//! A database that is made beside its place, and takes it once it is whole: a crash leaves the one or the other.

use crate::OpenError;
use crate::backup;
use crate::connection::{self, Identity};
use crate::directory_lock::sync_directory;
use portrait_store::StoreError;
use rusqlite::Connection;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What it is called until then.
pub(crate) const PARTIAL: &str = "portraitd.db.partial";

/// What SQLite may put beside a database.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Whether a file's name is that of a database that was never finished, or of something beside it.
pub(crate) fn is_left_over(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(PARTIAL));
    rest.is_some_and(|rest| rest.is_empty() || BESIDE.contains(&rest))
}

/// Writes all that a connection sees into a new file beside a database's place.
pub(crate) fn fill(connection: &Connection, path: &Path) -> Result<PathBuf, OpenError> {
    let partial = path.with_file_name(PARTIAL);
    clear(&partial)?;
    match backup::copy(connection, &partial) {
        Ok(()) => Ok(partial),
        Err(error) => {
            // Nothing depends on it, and the disk may be full.
            let _ = clear(&partial);
            let reason = match error {
                StoreError::Unavailable(reason) => reason,
                other => other.to_string(),
            };
            Err(OpenError::Engine { path: path.to_owned(), reason })
        }
    }
}

/// Puts it in its place. Durable when it returns.
///
/// It says that it has a log from the start: SQLite would write that in place, beside a journal, and does not notice when the
/// journal's name could not be synced.
pub(crate) fn take_place(partial: &Path, path: &Path, identity: Identity) -> Result<(), OpenError> {
    let ready = connection::identify(partial, identity).and_then(|()| connection::give_log(partial));
    let taken = ready.map_err(OpenError::engine(path)).and_then(|()| {
        let synced = File::open(partial).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| fs::rename(partial, path));
        renamed
            .and_then(|()| sync_directory(path.parent().unwrap_or(Path::new("."))))
            .map_err(OpenError::io(path))
    });
    taken.inspect_err(|_| {
        // Of no use to anyone, and the disk may be full.
        let _ = clear(partial);
    })
}

/// Removes it, and what is beside it.
pub(crate) fn clear(partial: &Path) -> Result<(), OpenError> {
    for suffix in [""].into_iter().chain(BESIDE) {
        let mut left = partial.as_os_str().to_owned();
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
