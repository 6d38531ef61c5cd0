//! What is done with a whole store: backups while it serves; checks, repairs, compaction, restores and copies of one that is stopped.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod compact;
pub(crate) mod contents;
mod copied_rows;
pub(crate) mod pauses;
pub(crate) mod repair;
pub(crate) mod restore;
mod room;
pub(crate) mod staging;
mod throttle;
mod vacuum;
