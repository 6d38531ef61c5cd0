//! What an operator does to a store, written down beside the change: who changed what is in the same unit as the
//! change itself, or neither is there.

use crate::{Change, EventState, Selection, StoreFuture};
use portrait_model::{AccountSeed, AppSettings, Origin, SdkAppId, Tag, UnixMillis, UserId};

/// The most entries that the audit log keeps; the oldest give way.
pub const AUDIT_ENTRIES_MAX: u64 = 100_000;
/// The most admin tokens at once.
pub const TOKENS_MAX: usize = 100;

/// A place in the audit log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuditSeq(pub u64);

/// What is written down of a change. A store does not look into the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Whose settings or accounts; `None` = the whole store's.
    pub app: Option<SdkAppId>,
    /// When.
    pub at: UnixMillis,
    /// Who, what, before and after.
    pub text: String,
}

/// A note with its place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Its place; later ones are greater.
    pub seq: AuditSeq,
    /// What was written down.
    pub note: Note,
}

/// A named admin token. The token itself is nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRecord {
    /// Its name; no two have the same.
    pub name: String,
    /// The SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it was made.
    pub created: UnixMillis,
}

/// One atomic unit of an operator's writing; each does what the store's method of that name does.
#[derive(Clone, Debug)]
pub enum OperatorWrite {
    /// [`crate::CatalogStore::put_app`]
    PutApp {
        /// The new settings.
        settings: Box<AppSettings>,
        /// The revision that they were made from.
        expected: Option<u64>,
    },
    /// [`crate::ProfileStore::apply`]
    Apply(Change),
    /// [`crate::ProfileStore::import`]
    Import {
        /// The app.
        app: SdkAppId,
        /// The accounts.
        seeds: Vec<AccountSeed>,
        /// When.
        at: UnixMillis,
        /// Where it came from, when it is to be told.
        origin: Option<Origin>,
    },
    /// [`crate::ProfileStore::delete`]
    Delete {
        /// The app.
        app: SdkAppId,
        /// The accounts.
        users: Vec<UserId>,
        /// When, where the app wants to remember it: [`crate::ProfileStore::delete_noting`].
        noted_at: Option<UnixMillis>,
    },
    /// [`crate::OutboxStore::discard`]
    Discard {
        /// The app.
        app: SdkAppId,
        /// Events of this state.
        state: EventState,
        /// Which of them.
        selection: Selection,
    },
    /// [`crate::OutboxStore::replay`]
    Replay {
        /// The app.
        app: SdkAppId,
        /// Which of its parked events.
        selection: Selection,
    },
    /// A new token. [`crate::StoreError::Conflict`] when there is one of that name,
    /// [`crate::StoreError::Refused`] beyond [`TOKENS_MAX`].
    PutToken(TokenRecord),
    /// The token of this name is gone; [`Written::Counted`] says whether it was there.
    RemoveToken(String),
    /// Nothing but the note: for what is no change of the store.
    Nothing,
}

/// What an operator's write gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// It is done.
    Done,
    /// For each account whether it existed.
    Deleted(Vec<bool>),
    /// The new revision.
    Revision(u64),
    /// How many were touched.
    Counted(usize),
    /// An import is done, but for these accounts.
    LeftOut(Vec<UserId>),
}

impl Written {
    /// Whether there is something to write down.
    pub(crate) fn changed(&self) -> bool {
        match self {
            Self::Done | Self::Revision(_) | Self::LeftOut(_) => true,
            Self::Deleted(existed) => existed.contains(&true),
            Self::Counted(count) => *count > 0,
        }
    }
}

/// The operator's side of a store.
pub trait OperatorStore: Send + Sync {
    /// Writes, and in the same unit appends the note to the audit log, unless nothing was there to change. What is
    /// refused leaves no note.
    fn operate(&self, write: OperatorWrite, note: Note) -> StoreFuture<'_, Written>;

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

    /// How many accounts an app has. Reads one row.
    fn accounts_count(&self, app: SdkAppId) -> StoreFuture<'_, u64>;

    /// How many of an app's accounts have a value in a field. Reads every profile of the store, in steps, so that
    /// others go on meanwhile.
    fn holders_count(&self, app: SdkAppId, tag: Tag) -> StoreFuture<'_, u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_something_is_written_down() {
        for changed in [
            Written::Done,
            Written::Revision(1),
            Written::Deleted(vec![false, true]),
            Written::Counted(1),
            Written::Counted(2),
            Written::LeftOut(vec![]),
        ] {
            assert!(changed.changed(), "{changed:?}");
        }
        for nothing in [Written::Deleted(vec![false]), Written::Deleted(vec![]), Written::Counted(0)] {
            assert!(!nothing.changed(), "{nothing:?}");
        }
    }
}
