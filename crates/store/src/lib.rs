//! Durability. Whole operations behind one trait, so that engines can be local or remote.
//!
//! What may not enter this room: HTTP, protocol error codes, wire forms. A method is one atomic, retryable unit:
//! no transaction object crosses the trait, because on a clustered engine a unit must be repeatable as a whole.
//! Every write is durable (survives power loss) before its future resolves with `Ok`, and visible to every read
//! that starts after that.

mod codec;
mod identity;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod measure;
mod memory;
mod open;
mod operator;
mod outbox;
mod settings;
mod sqlite;

pub use identity::{NoStoreId, StoreId};
pub use measure::{Histogram, Measurements, Standing};
pub use memory::{Image, MemoryStore};
pub use open::{OpenError, StoreUrl, is_in_use, open};
pub use operator::{
    AUDIT_ENTRIES_MAX, AuditEntry, AuditSeq, Note, OperatorStore, OperatorWrite, TOKENS_MAX, TokenRecord,
    Written,
};
pub use outbox::{Amount, Backlog, EventState, OutboxEvent, OutboxSeq, Selection, Verdict};
pub use sqlite::{
    Checked, Compacted, Damage, Finding, Repaired, RestoreError, SqliteSettings, SqliteStore, check, compact,
    repair, restore,
};

use futures_util::future::BoxFuture;
use portrait_model::{
    AccountSeed, AccountState, AppRecord, AppSettings, Origin, Profile, ProfilePatch, SdkAppId, UnixMillis,
    UnixSeconds, UserId,
};
use std::collections::BTreeMap;
use std::path::Path;

/// What a store method returns.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Why a store did not do what it was asked to. Callers do a different thing for each.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The account does not exist. Nothing was written.
    #[error("no such account")]
    NoSuchAccount,
    /// The app's settings were changed by someone else since they were read. Read again and repeat.
    #[error("the settings were changed meanwhile")]
    Conflict,
    /// The engine is full, broken, overloaded or shutting down. Not acknowledged: after an I/O error the change
    /// may or may not be found after a restart, but never a part of it. Repeating it is harmless.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Stored data does not read back.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// It can't be done as it was asked for; the sentence says what to do instead. Nothing was changed.
    #[error("{0}")]
    Refused(String),
}

/// A change to one profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The app.
    pub app: SdkAppId,
    /// Whose profile.
    pub user: UserId,
    /// What to set; other fields stay as they are.
    pub patch: ProfilePatch,
    /// When it was asked for.
    pub at: UnixMillis,
    /// Where it came from; `Some` writes an event into the outbox in the same unit, unless the profile was so already.
    pub origin: Option<Origin>,
}

/// One account's answer to a read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// The account exists; this is its profile, as one change or another left it, never between two.
    Profile(Profile),
    /// No such account.
    Missing,
    /// The account's profile does not read back, or what leads to it.
    Damaged,
}

/// What a store has done since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreStats {
    /// Operations written.
    pub changes: u64,
    /// Commits, each with one sync of the disk, that carried them.
    pub commits: u64,
}

/// The most notes of deletions that are removed in one unit.
pub const DELETIONS_UNIT_MAX: usize = 1000;

/// Accounts and their profiles.
pub trait ProfileStore: Send + Sync {
    /// Merges a patch into a profile, all or nothing. [`StoreError::NoSuchAccount`] when there is no account.
    fn apply(&self, change: Change) -> StoreFuture<'_, ()>;

    /// Reads profiles, in the order asked for; a user asked for twice is answered twice.
    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>>;

    /// Creates the accounts that do not exist and merges every seed's patch, all in one atomic unit. With an origin,
    /// every seed that changes something writes an event into the outbox in the same unit.
    fn import(
        &self,
        app: SdkAppId,
        seeds: Vec<AccountSeed>,
        at: UnixMillis,
        origin: Option<Origin>,
    ) -> StoreFuture<'_, ()> {
        let import = self.import_unless_deleted(app, seeds, at, origin, None);
        Box::pin(async move { import.await.map(drop) })
    }

    /// As [`ProfileStore::import`], but leaves out, and gives, who does not exist because of a deletion that
    /// [`ProfileStore::delete_noting`] noted after a moment. Whoever is created is noted no longer.
    fn import_unless_deleted(
        &self,
        app: SdkAppId,
        seeds: Vec<AccountSeed>,
        at: UnixMillis,
        origin: Option<Origin>,
        deleted_after: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<UserId>>;

    /// Reads what authentication and `account_check` need to know; `None` for an account that does not exist.
    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>>;

    /// Deletes accounts with their profiles in one atomic unit; says for each whether it existed. Of a user
    /// named twice the second mention did not exist.
    fn delete(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<bool>> {
        self.delete_noting(app, users, None)
    }

    /// As [`ProfileStore::delete`], and notes in the same unit when those who existed were deleted, if a time is given.
    /// A note keeps the id; it goes with [`ProfileStore::forget_deletions`] or when the account is created again.
    fn delete_noting(
        &self,
        app: SdkAppId,
        users: Vec<UserId>,
        noted_at: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<bool>>;

    /// Removes the notes of deletions up to a moment, at most [`DELETIONS_UNIT_MAX`] in one unit; says how many.
    /// Writes nothing when there are none.
    fn forget_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, usize>;

    /// Remembers that an account's UserSigs issued up to `at` no longer work; never moves that time backwards.
    /// [`StoreError::NoSuchAccount`] when there is no account.
    fn kick(&self, app: SdkAppId, user: UserId, at: UnixSeconds) -> StoreFuture<'_, ()>;

    /// Lists users in the order of their ids (by bytes) that start with `prefix` and come after `after`; at most
    /// `limit`.
    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>>;
}

/// Apps and their settings.
pub trait CatalogStore: Send + Sync {
    /// Every app, in the order of their numbers.
    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>>;

    /// Stores an app's settings and, in the same unit, creates the accounts of its admins. `expected` is the
    /// revision that the change was made from, `None` for a new app; [`StoreError::Conflict`] when it is not the
    /// stored one. Gives the new revision.
    fn put_app(&self, settings: AppSettings, expected: Option<u64>) -> StoreFuture<'_, u64>;
}

/// Events that wait to be delivered. They are written by [`ProfileStore::apply`] and [`ProfileStore::import`].
pub trait OutboxStore: Send + Sync {
    /// Reads an app's events in the order of their places, those after `after`; at most `limit`. Who reads on
    /// from the last place misses none.
    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>>;

    /// Writes down what became of attempts to deliver waiting events; an event that is gone is passed over.
    fn settle(&self, app: SdkAppId, verdicts: Vec<(OutboxSeq, Verdict)>) -> StoreFuture<'_, ()>;

    /// Removes events of one state, at most 1000 in one unit; says how many.
    fn discard(&self, app: SdkAppId, state: EventState, selection: Selection) -> StoreFuture<'_, usize>;

    /// Makes parked events wait again, behind all others and as if they had never been tried; at most 1000 in one
    /// unit; says how many.
    fn replay(&self, app: SdkAppId, selection: Selection) -> StoreFuture<'_, usize>;

    /// What each app has in the outbox; an app that has nothing is absent. Costs no I/O.
    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog>;
}

/// A storage engine.
pub trait Store: ProfileStore + CatalogStore + OutboxStore + OperatorStore {
    /// Which store it is: the same for as long as it is the same data, another for every copy. Costs no I/O.
    fn id(&self) -> StoreId;

    /// Writes and syncs something, to prove that the store can.
    fn probe(&self) -> StoreFuture<'_, ()>;

    /// Copies the whole store into a directory that is new or empty, while it goes on serving. The copy holds every
    /// change acknowledged before, and is on the disk when this is. [`StoreError::Refused`] by an engine that keeps
    /// nothing, and for a directory that can't be taken.
    fn backup(&self, to: &Path) -> StoreFuture<'_, ()>;

    /// What it has done since it was opened.
    fn stats(&self) -> StoreStats;

    /// What it measures; `None` where nothing is written to a disk.
    fn measurements(&self) -> Option<&Measurements> {
        None
    }

    /// How it stands now.
    fn standing(&self) -> Standing {
        Standing::default()
    }

    /// Finishes what was accepted and closes; later calls are [`StoreError::Unavailable`]. Doing it twice is harmless.
    fn close(&self) -> BoxFuture<'_, ()>;
}
