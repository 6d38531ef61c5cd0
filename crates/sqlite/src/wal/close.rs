//! The end of a WAL: everything in it is copied, and the file is removed.

use crate::connection::keep_wal_on_close;
use crate::wal::mark;
use rusqlite::Connection;

/// Closes the last connection of the process: copies the whole WAL, and removes it if its path leads to `ours`.
pub(crate) fn close_last(connection: Connection, ours: bool) -> rusqlite::Result<()> {
    mark::clear(&connection)?;
    let (busy, left): (bool, i64) =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // SQLite removes the WAL on close whenever its own checkpoint returns success; that nothing is left in it is checked here.
    if busy || left > 0 {
        mark::write(&connection, true)?;
    } else if ours {
        keep_wal_on_close(&connection, false)?;
    }
    connection.close().map_err(|(_, error)| error)
}
