//! What tells a database of portraitd from others, and one store from its copies.

use portraitd_store::StoreId;
use rusqlite::Connection;

/// "PTRD", in the file's header: tells portraitd's databases from others.
pub(crate) const APPLICATION_ID: i64 = 0x5054_5244;

/// Whether a database is portraitd's.
pub(crate) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA application_id", [], |row| Ok(row.get::<_, i64>(0)? == APPLICATION_ID))
}

/// Whether a format has this table.
pub(crate) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
}

/// The identity of the store.
pub(crate) fn store_id(connection: &Connection) -> rusqlite::Result<StoreId> {
    connection.query_row("SELECT id FROM store", [], |row| row.get(0).map(StoreId::from_bytes))
}
