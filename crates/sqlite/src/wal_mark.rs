//! Whether the database needs its WAL, marked in the database's own file.
//!
//! SQLite takes a missing or empty log for one that was copied, and opens without what was in it. So the mark is set, and
//! on the disk in the database's file, before a change is acknowledged that is in the WAL alone; it is cleared in the WAL,
//! which carries it into the file, before the WAL is emptied or removed. A file that is marked and has no WAL lost it.

use crate::OpenError;
use crate::directory_lock::sync_directory;
use crate::{connection, wal};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Marks a database whose connections are all of this process, unless its file says so already. Its WAL has something
/// in it from here on.
pub(crate) fn set(connection: &Connection, database: &Path) -> Result<(), OpenError> {
    let failed = OpenError::engine(database);
    // A checkpoint that was cut off leaves a file that reads well with its WAL only.
    if is_set(database).unwrap_or_default() {
        return Ok(());
    }
    write(connection, true).map_err(&failed)?;
    // The WAL must be there under its name before the file says that it is needed.
    sync_directory(database.parent().unwrap_or(Path::new("."))).map_err(OpenError::io(database))?;
    copy(connection).map_err(&failed)
}

/// Clears the mark while `work` empties the WAL. The WAL must be copied and the writer wait. Should a reader be in the way
/// of the copy behind it, the next checkpoint brings the mark back into the file.
pub(crate) fn cleared<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    write(connection, false)?;
    let done = work();
    write(connection, true).and_then(|()| copy(connection))?;
    done
}

/// Clears the mark for good: what follows removes the WAL. Formats before 5 have none.
pub(crate) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    if connection::has_table(connection, "store")? { write(connection, false) } else { Ok(()) }
}

/// Refuses a database that lost its WAL. Reads the database's file alone, and leaves everything as it is.
pub(crate) fn refuse_lost_log(database: &Path) -> Result<(), OpenError> {
    if wal::is_there(database) || !is_set(database).map_err(OpenError::engine(database))? {
        return Ok(());
    }
    Err(OpenError::LostLog { path: database.to_owned() })
}

/// Writes the mark into the WAL.
pub(crate) fn write(connection: &Connection, needed: bool) -> rusqlite::Result<()> {
    connection.execute("UPDATE store SET needs_log = ?1", [needed]).map(drop)
}

fn copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// What the file itself says, without the WAL.
fn is_set(database: &Path) -> rusqlite::Result<bool> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(without_log(database), flags)?;
    if !connection::is_ours(&connection)? || !connection::has_table(&connection, "store")? {
        return Ok(false);
    }
    let mark = connection.query_row("SELECT needs_log FROM store", [], |row| row.get(0)).optional()?;
    Ok(mark.unwrap_or_default())
}

/// As a URI: `immutable` has SQLite read the file alone, and make none beside it.
fn without_log(database: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in database.as_os_str().as_bytes() {
        // Writing into a String can't fail.
        let _ = match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.write_char(char::from(*byte))
            }
            other => write!(uri, "%{other:02X}"),
        };
    }
    uri + "?immutable=1"
}
