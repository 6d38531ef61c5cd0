//! Whether the database needs its WAL, and which one, marked in the database's own file.
//!
//! SQLite takes a missing or empty log for one that was copied, and opens without what was in it; and it reads whatever log
//! lies there. So the mark is set, and on the disk in the database's file, before a change is acknowledged that is in the
//! WAL alone; it is cleared in the WAL, which carries it into the file, before the WAL is emptied or removed. A file that is
//! marked and has no WAL lost it.
//!
//! The mark counts: `needs_log` is how often a WAL was begun, below zero while none is needed. A WAL that is not of the file's last count
//! is of an earlier time.

use crate::OpenError;
use crate::directory_lock::sync_directory;
use crate::{connection, wal};
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Marks a database whose connections are all of this process, unless its file says so already. Its WAL has something
/// in it from here on.
pub(crate) fn set(connection: &Connection, database: &Path) -> Result<(), OpenError> {
    let failed = OpenError::engine(database);
    // A checkpoint that was cut off leaves a file that reads well with its WAL only.
    if in_file(database).is_ok_and(|mark| mark.is_some_and(Mark::is_needed)) {
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

/// Refuses a database that lost its WAL, or has one that is not its own beside it. Leaves everything as it is.
pub(crate) fn refuse_wrong_log(database: &Path) -> Result<(), OpenError> {
    let path = || database.to_owned();
    if !wal::is_there(database) {
        let mark = in_file(database).map_err(OpenError::engine(database))?;
        return if mark.is_some_and(Mark::is_needed) {
            Err(OpenError::LostLog { path: path() })
        } else {
            Ok(())
        };
    }
    // A checkpoint that was cut off leaves a file that reads well with its WAL only.
    let Ok(Some(mark)) = in_file(database) else { return Ok(()) };
    let held = wal::holds_page(database, mark.page).map_err(OpenError::io(&wal::path_of(database)))?;
    let fits = match held {
        // Nothing that was committed.
        None => true,
        Some(false) => mark.is_needed(),
        Some(true) => match with_log(database) {
            Ok(through) => through.follows(mark),
            Err(_) => mark.is_needed(),
        },
    };
    if fits { Ok(()) } else { Err(OpenError::ForeignLog { path: path() }) }
}

/// Refuses a data directory whose database lost its WAL, or has one that is not its own: no server starts on it. One without a
/// database, or of a format that is not known, is none of this function's business.
pub fn check_log(dir: &Path) -> Result<(), OpenError> {
    let database = dir.join("portraitd.db");
    if database.is_file() { refuse_wrong_log(&database) } else { Ok(()) }
}

/// The row of the mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    id: [u8; 16],
    count: i64,
    /// Where it is stored.
    page: u32,
}

impl Mark {
    fn is_needed(self) -> bool {
        self.count > 0
    }

    /// Whether a WAL that says this can come after a file that says `file`.
    fn follows(self, file: Self) -> bool {
        let (begun, before) = (self.count.unsigned_abs(), file.count.unsigned_abs());
        self.id == file.id && (begun > before || (begun == before && (file.is_needed() || !self.is_needed())))
    }
}

fn read(connection: &Connection) -> rusqlite::Result<Mark> {
    let sql = "SELECT id, needs_log, (SELECT rootpage FROM sqlite_schema WHERE name = 'store') FROM store";
    connection.query_row(sql, [], |row| Ok(Mark { id: row.get(0)?, count: row.get(1)?, page: row.get(2)? }))
}

/// Writes the mark into the WAL.
pub(crate) fn write(connection: &Connection, needed: bool) -> rusqlite::Result<()> {
    let sql = if needed { BEGIN } else { "UPDATE store SET needs_log = -abs(needs_log)" };
    connection.execute(sql, []).map(drop)
}

/// Counts another WAL.
pub(crate) const BEGIN: &str = "UPDATE store SET needs_log = abs(needs_log) + 1;";

fn copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// What the file itself says, without the WAL; `None` for a format before 5, or another's database.
fn in_file(database: &Path) -> rusqlite::Result<Option<Mark>> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(without_log(database), flags)?;
    if !connection::is_ours(&connection)? || !connection::has_table(&connection, "store")? {
        return Ok(None);
    }
    read(&connection).map(Some)
}

/// What both say together.
fn with_log(database: &Path) -> rusqlite::Result<Mark> {
    read(&connection::open(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_follows_its_file_or_does_not() {
        let mark = |count| Mark { id: [1; 16], count, page: 2 };
        let check = |log: i64, file: i64, expected: bool| {
            assert_eq!(mark(log).follows(mark(file)), expected, "{log} after {file}");
        };
        for (log, file) in [(1, 0), (2, -1), (1, 1), (2, 1), (-1, 1), (-1, -1), (-2, -1), (3, -1), (0, 0)] {
            check(log, file, true);
        }
        for (log, file) in [(1, -1), (1, -2), (1, 2), (-1, 2), (-1, -2), (0, -1)] {
            check(log, file, false);
        }
        assert!(!Mark { id: [2; 16], ..mark(9) }.follows(mark(1)), "of another store");
    }
}
