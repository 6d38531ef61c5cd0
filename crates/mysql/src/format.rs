//! The format of the tables.

/// The format of the tables that this version reads and writes. A change of `statements.rs` that an older version can't live
/// with raises it.
pub const FORMAT: u64 = 1;
