//! The embedded engine: SQLite in one directory of this machine, with one writer that shares each sync among many changes, and
//! concurrent readers.
//!
//! Not allowed here: HTTP, the protocol, the server's settings. Two properties make it fast and must stay: an update changes
//! one leaf of a rowid table (the index on (app, user) does not change), and the WAL may grow, so that a checkpoint writes each
//! page once, in page order.

mod admin;
mod backup;
mod check;
mod checkpoint;
mod compact;
mod connection;
mod contents;
mod copied_rows;
mod deletions;
mod directory_lock;
mod disk_space;
mod error;
mod files;
mod import;
#[cfg(test)]
#[cfg(feature = "shuttle")]
mod models;
mod outbox;
mod outbox_tail;
mod preallocate;
mod primitives;
mod profile_cache;
mod reader;
mod restore;
mod staging;
mod store;
mod throttle;
mod wal;
mod wal_mark;
mod write;
mod write_batch;
mod writer;

pub use check::{Checked, Damage, Finding, check};
pub use compact::{Compacted, compact};
pub use contents::{SqliteContents, SqliteCopy};
pub use directory_lock::{DirectoryLock, is_in_use};
pub use error::OpenError;
pub use restore::{RestoreError, restore};
pub use store::{SqliteSettings, SqliteStore};
pub use wal::{Repaired, repair};
pub use wal_mark::check_wal;
