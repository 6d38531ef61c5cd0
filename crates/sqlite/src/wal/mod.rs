//! SQLite's write-ahead log: what SQLite itself can't know of it.

pub(crate) mod mark;
pub(crate) mod verify;
