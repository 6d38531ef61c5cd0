//! The embedded engine: SQLite in one directory of this machine, with one writer that shares each sync among many changes, and
//! concurrent readers.
//!
//! A change is on the disk as a record of a redo journal before it is acknowledged (`journal`), and is brought into SQLite's tables
//! in the background (`apply`); until then it is in memory (`profile_cache`, `pending`). What is changed rarely (settings,
//! tokens) is a transaction of its own.
//!
//! Not allowed here: HTTP, the protocol, the server's settings. An update changes one leaf of a rowid table: the index on (app, user)
//! does not change.

mod account;
mod admin;
mod apply;
mod batch;
mod connection;
mod definitions;
mod directory_lock;
mod disk_space;
mod error;
mod events;
mod files;
mod frames;
mod identity;
mod job;
mod journal;
mod maintenance;
#[cfg(test)]
#[cfg(feature = "shuttle")]
mod models;
mod moment;
mod outbox_tail;
mod pending;
mod primitives;
mod profile_cache;
mod reader;
mod recover;
mod replay;
mod schema;
mod store;
mod transactions;
mod wal;
mod write;
mod writer;

pub use directory_lock::{DirectoryLock, is_in_use};
pub use error::OpenError;
pub use journal::{JournalFile, read_journal_file};
pub use maintenance::check::{Checked, Damage, Finding, check};
pub use maintenance::compact::{Compacted, compact};
pub use maintenance::contents::{SqliteContents, SqliteCopy};
pub use maintenance::pauses::Pauses;
pub use maintenance::repair::{Repaired, repair};
pub use maintenance::restore::{RestoreError, check_backup, ensure_empty, restore};
pub use store::{SqliteSettings, SqliteStore};
pub use wal::mark::check_wal;
