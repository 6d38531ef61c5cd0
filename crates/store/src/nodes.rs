//! Several processes on one store.

/// The processes that share a store, as this one saw them in the last seconds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodesStatus {
    /// The number of this process.
    pub node: u32,
    /// How many live, this one among them; at least 1.
    pub live: usize,
    /// The host of the database that is in use.
    pub host: String,
    /// The version of catalog and tokens: greater after each change by any process.
    pub catalog: u64,
    /// Every living process uses this version or a later one.
    pub adopted_everywhere: u64,
    /// How many of the 16 parts of the users this process delivers the events of.
    pub leases: usize,
    /// By how many milliseconds the clock of this machine is ahead of the database's.
    pub clock_ahead_ms: i64,
    /// Why the database can't be reached at the moment.
    pub problem: Option<String>,
}
