//! The format of the tables.

/// The format of the tables that this version reads and writes. A change of `statements.rs` that an older version can't live
/// with raises it.
pub const FORMAT: u64 = 1;

/// The oldest format whose nodes can still use tables of [`FORMAT`]: smaller while changes only add. The database keeps it
/// beside the format, so that a node of an older version knows.
pub(crate) const OLDEST_NODE: u64 = 1;
