//! The engine's files, taken as they are, with the checker's primitives and the models beside them.

#[path = "../../src/sqlite/deletions.rs"]
mod deletions;
#[path = "../../src/sqlite/files.rs"]
mod files;
#[path = "../../src/sqlite/fresh.rs"]
mod fresh;
mod group_commit;
#[path = "../../src/sqlite/hot.rs"]
mod hot;
#[path = "../../src/sqlite/import.rs"]
mod import;
mod memory;
#[path = "../../src/sqlite/operation.rs"]
mod operation;
#[path = "../../src/sqlite/operator.rs"]
mod operator;
#[path = "../../src/sqlite/outbox.rs"]
mod outbox;
mod primitives;
#[path = "../../src/sqlite/reader.rs"]
mod reader;
#[path = "../../src/sqlite/room.rs"]
mod room;
mod table;
#[path = "../../src/sqlite/touched.rs"]
mod touched;
#[path = "../../src/sqlite/writer.rs"]
mod writer;

/// As the product's file of this name, but that a commit can fail (`table.rs`), and that nothing waits for the disk.
mod connection {
    use rusqlite::{Connection, OpenFlags, ffi};
    use std::path::Path;

    pub(super) fn writing(path: &Path) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON;",
        )?;
        Ok(connection)
    }

    pub(super) fn reading(path: &Path) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    pub(super) fn result_code(error: &rusqlite::Error) -> Option<i32> {
        error.sqlite_error().map(|error| error.extended_code & 0xff)
    }

    pub(super) fn is_of_one_page(error: &rusqlite::Error) -> bool {
        matches!(result_code(error), Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_IOERR))
    }
}
