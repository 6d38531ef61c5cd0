//! What the database says of its journal.

use rusqlite::Connection;

/// The row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct JournalRow {
    /// The last segment that the tables have.
    pub(crate) applied: u64,
    /// Whether the journal may have more.
    pub(crate) needed: bool,
}

impl JournalRow {
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row("SELECT applied, needed FROM journal", [], |row| {
            Ok(Self { applied: row.get(0)?, needed: row.get(1)? })
        })
    }

    /// From here on acknowledged changes may be in the journal only.
    pub(crate) fn need(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute("UPDATE journal SET needed = 1 WHERE needed = 0", []).map(drop)
    }

    /// The tables have a segment, and all before it.
    pub(crate) fn set_applied(connection: &Connection, segment: u64) -> rusqlite::Result<()> {
        let applied = i64::try_from(segment).unwrap_or(i64::MAX);
        connection.prepare_cached("UPDATE journal SET applied = ?1")?.execute([applied]).map(drop)
    }

    /// The tables have everything. Skips the number of a segment: the next one may have been begun by a frame that could not be
    /// synced, and is in its file.
    pub(crate) fn close(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute("UPDATE journal SET needed = 0, applied = applied + 1", []).map(drop)
    }

    /// The tables go on without a journal: both segments that it may have are of the past.
    pub(crate) fn give_up(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute("UPDATE journal SET needed = 0, applied = applied + 2", []).map(drop)
    }
}
