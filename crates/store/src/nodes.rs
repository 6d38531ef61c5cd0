//! Several processes on one store.

use crate::future::StoreFuture;
use portraitd_model::{Bilingual, SdkAppId, UnixMillis};

/// The processes that share a store, as this one saw them in the last seconds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodesStatus {
    /// The number of this process.
    pub node: u32,
    /// What operators know it by, such as its machine and where it listens.
    pub name: String,
    /// How many live, this one among them; at least 1.
    pub live: usize,
    /// The host of the database that is in use.
    pub host: String,
    /// The version of catalog and tokens: greater after each change by any process.
    pub catalog: u64,
    /// Every process uses this version or a later one, except those whose writes the store refuses since they seem dead.
    pub adopted_everywhere: u64,
    /// How many of the 16 parts of the users this process delivers the events of.
    pub leases: usize,
    /// By how many milliseconds the clock of this machine is ahead of the database's.
    pub clock_ahead_ms: i64,
    /// Why the database can't be reached at the moment.
    pub problem: Option<String>,
    /// How many attempts in succession have failed to reach it, one a second.
    pub failed_beats: u32,
    /// For how many milliseconds they have failed.
    pub failing_ms: u64,
    /// Why this process must not serve although the database answers: its clock, the tables' format, its rights.
    pub unfit: Option<Bilingual>,
    /// How often another host of the database was taken.
    pub failovers: u64,
    /// Transactions that were tried again.
    pub retried: u64,
    /// Transactions that were divided because others were in their way again and again.
    pub divided: u64,
    /// Transactions whose answer was lost and that turned out to be committed.
    pub found_committed: u64,
}

/// A sign-in that every process of a store knows: a session, or a ticket for one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// The SHA-256 of its secret.
    pub hash: [u8; 32],
    /// The name of the admin token that it stands for.
    pub name: String,
    /// What it is for, at most 64 bytes: a session, a ticket that signs in, one for a download.
    pub scope: String,
    /// When it was made.
    pub made: UnixMillis,
    /// When it was last used.
    pub used: UnixMillis,
}

/// The number of calls of one command with one code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallTally {
    /// The command's name.
    pub command: String,
    /// The protocol's code; 0 = OK.
    pub code: u32,
    /// The number of calls.
    pub calls: u64,
    /// When the last one came, about.
    pub last: UnixMillis,
}

/// What the processes of a store share besides its data: small tables, each operation of which is visible to all at once. Not
/// part of a copy of the store.
pub trait NodeTables: Send + Sync {
    /// The sign-in of a secret with this SHA-256; also one that has ended and was not removed yet.
    fn sign_in(&self, hash: [u8; 32]) -> StoreFuture<'_, Option<SignIn>>;

    /// Every sign-in, also those that have ended and were not removed yet: some hundred at most.
    fn sign_ins(&self) -> StoreFuture<'_, Vec<SignIn>>;

    /// Stores a new sign-in.
    fn add_sign_in(&self, sign_in: SignIn) -> StoreFuture<'_, ()>;

    /// Notes when a sign-in was last used; does nothing when it was removed meanwhile.
    fn note_use(&self, hash: [u8; 32], used: UnixMillis) -> StoreFuture<'_, ()>;

    /// Removes sign-ins; returns how many of them were there. Of several processes that remove the same one at the same time,
    /// one counts it.
    fn remove_sign_ins(&self, hashes: Vec<[u8; 32]>) -> StoreFuture<'_, u64>;

    /// Adds to an app's calls. After an error the calls may be added or not.
    fn add_calls(&self, app: SdkAppId, calls: Vec<CallTally>) -> StoreFuture<'_, ()>;

    /// The calls of an app that all processes have added.
    fn calls(&self, app: SdkAppId) -> StoreFuture<'_, Vec<CallTally>>;
}
