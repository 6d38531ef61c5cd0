//! SQLite's write-ahead log: what SQLite itself can't know of it.

mod close;
pub(crate) mod mark;
pub(crate) mod verify;

pub(crate) use close::close_last;
