//! stub
/// x
pub struct SqliteStore;
