//! The storage interface: whole operations behind one trait, so that engines can be local or remote.
//!
//! Not allowed here: an engine on a disk, SQL, HTTP, protocol error codes, wire forms. A [`Write`] is one atomic, retryable
//! unit: no transaction object crosses the trait, because on a clustered engine a unit must be repeatable as a whole.
//! Every write is durable (survives power loss) before its future resolves with `Ok`, and visible to every read
//! that starts after that.

mod admin;
pub mod codec;
mod contents;
pub mod engine;
mod error;
mod future;
mod identity;
mod memory;
mod metrics;
mod nodes;
mod outbox;
mod write;

pub use admin::{AUDIT_ENTRIES_MAX, AuditEntry, AuditNote, AuditSeq, TOKENS_MAX, TokenRecord, TokenRole};
pub use contents::{Contents, CopyStart, CopyTarget, RowKey, Section, StoredRow};
pub use error::StoreError;
pub use future::StoreFuture;
pub use identity::{StoreId, StoreIdError};
pub use memory::{Image, MemoryStore};
pub use metrics::{Histogram, Measurements, StoreStatus};
pub use nodes::{CallTally, NodeTables, NodesStatus, SignIn};
pub use outbox::{
    Amount, Backlog, DeliveryOutcome, DeliveryRight, EventState, OutboxCursor, OutboxEvent, OutboxScan,
    OutboxSeq, Selection,
};
pub use write::{
    Change, DELETIONS_UNIT_MAX, Delete, Discard, EVENTS_UNIT_MAX, ForgetDeletions, Import, Kick, NoteOnly,
    Probe, PutApp, PutToken, RecordDeliveries, RemoveApp, RemoveToken, Replay, TypedWrite, Write,
    WriteOutcome,
};

use futures_util::future::BoxFuture;
use portraitd_model::{
    AccountSeed, AccountState, AppRecord, AppSettings, Origin, Profile, SdkAppId, Tag, UnixMillis,
    UnixSeconds, UserId,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The result of reading one account's profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// The account exists; this is its profile, as one change or another left it, never between two.
    Profile(Profile),
    /// No such account.
    Missing,
    /// The account's profile, or the index that leads to it, is damaged.
    Damaged,
}

/// Counts since a store was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreStats {
    /// Operations written.
    pub changes: u64,
    /// Commits, each with one sync of the disk, that carried them.
    pub commits: u64,
}

/// How far a backup is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BackupProgress {
    /// The bytes that are copied.
    pub bytes: u64,
    /// The bytes that there are to copy, never less than `bytes`: an estimate until all are copied.
    pub total: u64,
}

/// What is told about the progress of a backup. It is called often, and must return at once.
pub type BackupReport = Arc<dyn Fn(BackupProgress) + Send + Sync>;

/// A storage engine: [`Store::write`], and the reads. The other methods that write are shorthand for it.
pub trait Store: Send + Sync {
    /// Does one write, and in the same unit appends the note to the audit log unless nothing changed. A refused write leaves
    /// no note.
    fn write(&self, write: Write, note: Option<AuditNote>) -> StoreFuture<'_, WriteOutcome>;

    /// Reads profiles, in the order asked for; a user asked for twice is answered twice.
    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>>;

    /// Reads what authentication and `account_check` need to know; `None` for an account that does not exist.
    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>>;

    /// Lists users in the order of their ids (by bytes) that start with `prefix` and come after `after`; at most
    /// `limit`.
    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>>;

    /// How many accounts an app has. Reads one row.
    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64>;

    /// How many of an app's accounts have a value in a field. Reads every profile of the store, in steps, so that other
    /// operations can run in between.
    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64>;

    /// Whether a deletion up to a moment is noted.
    fn has_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, bool>;

    /// Every app, in the order of their numbers.
    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>>;

    /// Reads an app's events in one state, in the order of their places, those after `after`; at most `limit`. A reader that
    /// continues from the last place misses none. [`Change`] and [`Import`] write them.
    fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEvent>>;

    /// Reads the next waiting events of an app that this process delivers, at most `limit`, each once for a cursor; those of one
    /// account in the order of their places. Where several processes share a store, each event is another's or this one's.
    fn deliverable<'a>(
        &'a self,
        app: SdkAppId,
        cursor: &'a mut OutboxCursor,
        limit: usize,
    ) -> StoreFuture<'a, Vec<OutboxEvent>> {
        Box::pin(async move {
            let events = self.events(app, EventState::Waiting, cursor.last, limit).await?;
            cursor.last = events.last().map(|event| event.seq).or(cursor.last);
            Ok(events)
        })
    }

    /// Whether this process may begin to deliver an event of an account that was read with a cursor. Costs no I/O.
    fn delivery_right(&self, _cursor: &OutboxCursor, _user: &UserId) -> DeliveryRight {
        DeliveryRight::Held
    }

    /// What each app has in the outbox; an app that has nothing is absent. Costs no I/O.
    fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog>;

    /// Reads the audit log, newest first: entries before a place, those of one app when one is named; at most
    /// `limit`.
    fn audit(
        &self,
        app: Option<SdkAppId>,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<AuditEntry>>;

    /// Every admin token, in the order of the names.
    fn tokens(&self) -> StoreFuture<'_, Vec<TokenRecord>>;

    /// The identity of the store: it stays with the data, and every copy has another. Costs no I/O.
    fn id(&self) -> StoreId;

    /// Copies the whole store into a new or empty directory while it serves. The copy holds every change acknowledged
    /// before the call, and is on the disk when the future resolves. [`StoreError::Refused`] by an engine in memory, and
    /// for a directory that can't be used. `report` is called on any thread: when the copying begins, while it goes on, and
    /// when all bytes are copied; never for a backup that is refused.
    fn backup(&self, to: &Path, report: BackupReport) -> StoreFuture<'_, ()>;

    /// Counts since it was opened.
    fn stats(&self) -> StoreStats;

    /// Its measurements; `None` where nothing is written to a disk.
    fn measurements(&self) -> Option<&Measurements> {
        None
    }

    /// Its present state.
    fn status(&self) -> StoreStatus {
        StoreStatus::default()
    }

    /// The processes that share the store; `None` for an engine of one process. Costs no I/O.
    fn nodes(&self) -> Option<NodesStatus> {
        None
    }

    /// What the processes that share the store share besides its data; `None` for an engine of one process.
    fn node_tables(&self) -> Option<&dyn NodeTables> {
        None
    }

    /// Tells the other processes that this one uses the catalog and the tokens of a version ([`NodesStatus::catalog`]), and no
    /// earlier ones any more.
    fn adopt_catalog(&self, _version: u64) {}

    /// Finishes the accepted writes and closes; later calls are [`StoreError::Unavailable`]. Idempotent.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// [`Change`].
    fn apply(&self, change: Change) -> StoreFuture<'_, ()> {
        typed(self, change, None)
    }

    /// [`Import`] that also recreates deleted accounts.
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

    /// [`Import`].
    fn import_unless_deleted(
        &self,
        app: SdkAppId,
        seeds: Vec<AccountSeed>,
        at: UnixMillis,
        origin: Option<Origin>,
        deleted_after: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<UserId>> {
        typed(self, Import { app, seeds, at, origin, deleted_after }, None)
    }

    /// [`Delete`] without a note of the deletion.
    fn delete(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<bool>> {
        self.delete_noting(app, users, None)
    }

    /// [`Delete`].
    fn delete_noting(
        &self,
        app: SdkAppId,
        users: Vec<UserId>,
        noted_at: Option<UnixMillis>,
    ) -> StoreFuture<'_, Vec<bool>> {
        typed(self, Delete { app, users, noted_at }, None)
    }

    /// [`ForgetDeletions`], but writes nothing when there are none.
    fn forget_deletions(&self, app: SdkAppId, until: UnixMillis) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            if !self.has_deletions(app, until).await? {
                return Ok(0);
            }
            typed(self, ForgetDeletions { app, until }, None).await
        })
    }

    /// [`Kick`].
    fn kick(&self, app: SdkAppId, user: UserId, at: UnixSeconds) -> StoreFuture<'_, ()> {
        typed(self, Kick { app, user, at }, None)
    }

    /// [`PutApp`].
    fn put_app(&self, settings: AppSettings, expected: Option<u64>) -> StoreFuture<'_, u64> {
        typed(self, PutApp { settings: Box::new(settings), expected }, None)
    }

    /// [`RecordDeliveries`].
    fn record_deliveries(
        &self,
        app: SdkAppId,
        outcomes: Vec<(OutboxSeq, DeliveryOutcome)>,
    ) -> StoreFuture<'_, ()> {
        typed(self, RecordDeliveries { app, outcomes }, None)
    }

    /// [`Discard`].
    fn discard(&self, app: SdkAppId, state: EventState, selection: Selection) -> StoreFuture<'_, usize> {
        typed(self, Discard { app, state, selection }, None)
    }

    /// [`Replay`].
    fn replay(&self, app: SdkAppId, selection: Selection) -> StoreFuture<'_, usize> {
        typed(self, Replay { app, selection }, None)
    }

    /// Waits until every write that was accepted before has ended.
    fn settle(&self) -> StoreFuture<'_, ()> {
        // Writes are done in order.
        self.probe()
    }

    /// [`Probe`].
    fn probe(&self) -> StoreFuture<'_, ()> {
        typed(self, Probe, None)
    }
}

impl dyn Store + '_ {
    /// [`Store::write`] with a typed outcome.
    pub fn perform<W: TypedWrite>(&self, write: W, note: Option<AuditNote>) -> StoreFuture<'_, W::Output> {
        typed(self, write, note)
    }
}

fn typed<W: TypedWrite>(
    store: &(impl Store + ?Sized),
    write: W,
    note: Option<AuditNote>,
) -> StoreFuture<'_, W::Output> {
    let written = store.write(write.into(), note);
    Box::pin(async move { written.await?.try_into() })
}
