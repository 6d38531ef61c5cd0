//! The mark in the database file that says whether the database needs its WAL, and which one.
//!
//! SQLite treats a missing or empty WAL as one that was copied, and opens without its changes; and it reads any WAL of the right
//! name. So the mark is set, and synced in the database file, before a change that is only in the WAL is acknowledged; it is
//! cleared in the WAL, whose checkpoint copies it into the file, before the WAL is truncated or removed. A marked file without a
//! WAL has lost it.
//!
//! The mark is a counter: `needs_log` is the number of WALs that were begun, negative while none is needed. A WAL with another
//! count than the file's is of an earlier time.

use crate::OpenError;
use crate::connection;
use crate::directory_lock::sync_directory;
use crate::identity;
use crate::primitives::AtomicBool;
use crate::wal::verify;
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Sets the mark, unless the file has it already. All connections to the database must be of this process. From here on the WAL
/// is not empty.
pub(crate) fn set(connection: &Connection, database: &Path) -> Result<(), OpenError> {
    let failed = OpenError::engine(database);
    // After an interrupted checkpoint the file is consistent only together with its WAL. And after an interrupted stop the WAL clears
    // the mark that the file still has: the next checkpoint would.
    let is_set = in_file(database).is_ok_and(|mark| mark.is_some_and(Mark::is_needed))
        && read(connection).map_err(&failed)?.is_needed();
    if is_set {
        return Ok(());
    }
    write(connection, true).map_err(&failed)?;
    // The WAL's name must be on the disk before the file says that it is needed.
    sync_directory(database.parent().unwrap_or(Path::new("."))).map_err(OpenError::io(database))?;
    copy(connection).map_err(&failed)
}

/// Clears the mark while `work` truncates the WAL. The WAL must be copied, and the write lock held. If a reader blocks the copy
/// afterwards, the next checkpoint copies the mark into the file.
pub(crate) fn cleared<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    write(connection, false)?;
    let done = work();
    write(connection, true).and_then(|()| copy(connection))?;
    done
}

/// A mark that a transaction sets; it counts once that is committed.
#[must_use]
pub(crate) struct Marking<'a>(Option<&'a AtomicBool>);

impl Marking<'_> {
    pub(crate) fn done(self) {
        if let Some(due) = self.0 {
            due.store(false, Ordering::Release);
        }
    }
}

/// Sets the mark within a transaction, when an earlier truncation did not get to it: a WAL without it would be taken for one of an
/// earlier time.
pub(crate) fn set_if_due<'a>(connection: &Connection, due: &'a AtomicBool) -> rusqlite::Result<Marking<'a>> {
    if !due.load(Ordering::Acquire) {
        return Ok(Marking(None));
    }
    connection.execute_batch(BEGIN)?;
    Ok(Marking(Some(due)))
}

/// Clears the mark before the WAL is removed. Formats before 5 have no mark.
pub(crate) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    if identity::has_table(connection, "store")? { write(connection, false) } else { Ok(()) }
}

/// Refuses a database that lost its WAL, or whose WAL is not its own. Changes nothing.
pub(crate) fn refuse_wrong_wal(database: &Path) -> Result<(), OpenError> {
    let path = || database.to_owned();
    if !verify::exists(database) {
        let mark = in_file(database).map_err(OpenError::engine(database))?;
        return if mark.is_some_and(Mark::is_needed) {
            Err(OpenError::LostWal { path: path() })
        } else {
            Ok(())
        };
    }
    // After an interrupted checkpoint the file is consistent only together with its WAL.
    let Ok(Some(mark)) = in_file(database) else { return Ok(()) };
    let held = verify::holds_page(database, mark.page).map_err(OpenError::io(&verify::path_of(database)))?;
    let fits = match held {
        // The WAL has no commit.
        None => true,
        Some(false) => mark.is_needed(),
        Some(true) => match in_file_and_wal(database) {
            Ok(combined) => combined.follows(mark),
            Err(_) => mark.is_needed(),
        },
    };
    if fits { Ok(()) } else { Err(OpenError::ForeignWal { path: path() }) }
}

/// Refuses a data directory whose database lost its WAL, or whose WAL is not its own: no server starts on it. Accepts a
/// directory without a database, and one of an unknown format, which [`crate::SqliteStore::open`] refuses.
pub fn check_wal(dir: &Path) -> Result<(), OpenError> {
    let database = dir.join("portraitd.db");
    if database.is_file() { refuse_wrong_wal(&database) } else { Ok(()) }
}

/// The mark's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    id: [u8; 16],
    count: i64,
    /// The page that it is stored in.
    page: u32,
}

impl Mark {
    fn is_needed(self) -> bool {
        self.count > 0
    }

    /// Whether a WAL with this mark can continue a file with the mark `file`.
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

/// Counts one more WAL, and marks it as needed.
pub(crate) const BEGIN: &str = "UPDATE store SET needs_log = abs(needs_log) + 1;";

/// Copies the WAL into the file.
pub(crate) fn copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// The mark in the file alone; `None` for a format before 5, and for a database that is not portraitd's.
fn in_file(database: &Path) -> rusqlite::Result<Option<Mark>> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable_uri(database), flags)?;
    if !identity::is_ours(&connection)? || !identity::has_table(&connection, "store")? {
        return Ok(None);
    }
    read(&connection).map(Some)
}

/// The mark in the file and the WAL together.
fn in_file_and_wal(database: &Path) -> rusqlite::Result<Mark> {
    read(&connection::open(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
}

/// The database's path as a URI. With `immutable` SQLite reads this file only, and creates no others.
fn immutable_uri(database: &Path) -> String {
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
    fn a_wal_continues_its_file_or_does_not() {
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
