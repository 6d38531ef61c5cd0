//! The embedded engine: SQLite in one directory of this machine, one writer that shares each sync among many changes, and
//! readers beside it.
//!
//! What may not enter this crate: HTTP, the protocol, the server's settings. Two things make it fast and must stay: an update
//! touches one leaf of a rowid table (the index on (app, user) does not change), and the write-ahead log may grow, so that
//! a checkpoint writes each page once, in page order.

mod admin;
mod ahead;
mod backup;
mod check;
mod checkpoint;
mod compact;
mod connection;
mod deletions;
mod directory_lock;
mod error;
mod files;
mod fresh;
mod hot;
mod import;
mod log;
mod log_mark;
#[cfg(test)]
#[cfg(feature = "shuttle")]
mod models;
mod outbox;
mod pace;
mod partial;
mod reader;
mod restore;
mod room;
mod store;
mod sync;
mod touched;
mod write;
mod writer;

pub use check::{Checked, Damage, Finding, check};
pub use compact::{Compacted, compact};
pub use directory_lock::is_in_use;
pub use error::OpenError;
pub use log::{Repaired, repair};
pub use restore::{RestoreError, restore};
pub use store::{SqliteSettings, SqliteStore};
