//! Connections, and the settings of each.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};
use std::path::Path;
use std::time::Duration;

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A connection that writes.
pub(crate) fn writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    use_wal(&connection)?;
    // FULL: a commit is on the disk before it is acknowledged. No automatic checkpoints: they would run inside a commit; the
    // checkpointer has its own thread. 256 MiB of page cache at most: a change reads its page. Deleted data is overwritten
    // with zeros.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -262144; PRAGMA secure_delete = ON;",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    #[cfg(test)]
    #[cfg(feature = "shuttle")]
    crate::models::change(&connection)?;
    Ok(connection)
}

/// Switches the database to WAL mode. In the other mode SQLite writes in place, with a rollback journal whose removal a power
/// cut can undo.
pub(crate) fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut pragma = connection.prepare("PRAGMA journal_mode = WAL")?;
    // Reads all rows: the switch is done, or fails, only after the first row was returned.
    let modes = pragma.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    if modes == ["wal"] {
        return Ok(());
    }
    let why = format!("the database can't be switched to WAL mode: {modes:?}");
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), Some(why)))
}

/// Has a connection open the WAL and its index, which all connections share; fails when they can't be written.
pub(crate) fn open_wal(connection: &Connection) -> rusqlite::Result<()> {
    use_wal(connection)?;
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")
}

/// Whether SQLite leaves the WAL when it closes the connection.
pub(crate) fn keep_wal_on_close(connection: &Connection, leave: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave).map(|_| ())
}

/// An error of our own, where SQLite's are expected.
pub(crate) fn internal(what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERNAL), Some(what.to_owned()))
}

/// SQLite's primary result code (`SQLITE_FULL` …), when the error is SQLite's.
pub(crate) fn result_code(error: &rusqlite::Error) -> Option<i32> {
    // The upper bytes are the extended code.
    error.sqlite_error().map(|error| error.extended_code & 0xff)
}

/// Whether the error may concern one damaged page only.
pub(crate) fn is_of_one_page(error: &rusqlite::Error) -> bool {
    matches!(result_code(error), Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_IOERR))
}

/// A connection that only reads.
pub(crate) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA cache_size = -16384;")?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

pub(crate) fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection is used by one thread at a time, so SQLite needs no mutex of its own.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Set at once: a connection that failed to open the WAL would otherwise remove it on close.
    keep_wal_on_close(&connection, true)?;
    wait_when_busy(&connection)?;
    Ok(connection)
}

/// There is one writer; only recovery and checkpoints can make a connection wait.
pub(crate) fn wait_when_busy(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(2))
}
