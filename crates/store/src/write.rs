//! Every way to change a store, declared once. Each [`Write`] is one atomic unit, which an engine does whole or not at all.
//!
//! Each kind of write is a struct; the type of its outcome is [`TypedWrite::Output`].

use crate::{DeliveryOutcome, EventState, OutboxSeq, Selection, StoreError, TokenRecord};
use portraitd_model::{
    AccountSeed, AppSettings, Origin, ProfilePatch, SdkAppId, UnixMillis, UnixSeconds, UserId, bilingual,
};

/// The most notes of deletions that [`ForgetDeletions`] removes.
pub const DELETIONS_UNIT_MAX: usize = 1000;
/// The most events that one [`Discard`] or [`Replay`] touches.
pub const EVENTS_UNIT_MAX: usize = 1000;

/// Merges a patch into a profile, all or nothing. [`StoreError::NoSuchAccount`] when there is no account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The app.
    pub app: SdkAppId,
    /// The user whose profile is changed.
    pub user: UserId,
    /// What to set; other fields stay as they are.
    pub patch: ProfilePatch,
    /// The time of the request.
    pub at: UnixMillis,
    /// The origin of the change; `Some` writes an event into the outbox in the same unit, unless nothing changed.
    pub origin: Option<Origin>,
}

/// Creates the accounts that do not exist and merges every seed's patch. Returns the users that were left out, in the order
/// of the seeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// The app.
    pub app: SdkAppId,
    /// The accounts; of one named twice the later patch is merged after the earlier.
    pub seeds: Vec<AccountSeed>,
    /// The time of the request.
    pub at: UnixMillis,
    /// The origin of the import; with `Some` every seed that changes something writes an event into the outbox in the same
    /// unit.
    pub origin: Option<Origin>,
    /// An account that does not exist because of a deletion that was noted after this moment is left out; `None` leaves none
    /// out.
    pub deleted_after: Option<UnixMillis>,
}

/// Deletes accounts with their profiles; returns for each whether it existed. A user named twice does not exist the second
/// time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delete {
    /// The app.
    pub app: SdkAppId,
    /// The accounts.
    pub users: Vec<UserId>,
    /// The time to note for those that existed; `None` = no note. A note keeps the id until [`ForgetDeletions`] removes it, or
    /// the account is created again.
    pub noted_at: Option<UnixMillis>,
}

/// Removes the notes of deletions up to a moment, at most [`DELETIONS_UNIT_MAX`]; returns their number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetDeletions {
    /// The app.
    pub app: SdkAppId,
    /// The last moment whose notes are removed.
    pub until: UnixMillis,
}

/// Invalidates the UserSigs of an account that were issued up to a second; never moves that second backwards.
/// [`StoreError::NoSuchAccount`] when there is no account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kick {
    /// The app.
    pub app: SdkAppId,
    /// The account.
    pub user: UserId,
    /// The last second whose UserSigs are invalid.
    pub at: UnixSeconds,
}

/// Stores an app's settings and creates the accounts of its admins; returns the new revision.
#[derive(Clone, PartialEq, Debug)]
pub struct PutApp {
    /// The new settings.
    pub settings: Box<AppSettings>,
    /// The revision that they were made from, `None` for a new app; [`StoreError::Conflict`] when it is not the stored one.
    pub expected: Option<u64>,
}

/// Removes an app's settings; returns how many were removed, 0 or 1. Its accounts and events are the caller's to remove before:
/// what is left of them belongs to no app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RemoveApp(pub SdkAppId);

/// Records the outcomes of attempts to deliver waiting events; ignores an event that no longer waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordDeliveries {
    /// The app.
    pub app: SdkAppId,
    /// Each event's place and outcome.
    pub outcomes: Vec<(OutboxSeq, DeliveryOutcome)>,
}

/// Removes events of one state, at most [`EVENTS_UNIT_MAX`]; returns their number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discard {
    /// The app.
    pub app: SdkAppId,
    /// Events of this state.
    pub state: EventState,
    /// Which of them.
    pub selection: Selection,
}

/// Makes parked events wait again, behind all others and with no attempts, at most [`EVENTS_UNIT_MAX`]; returns their
/// number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// The app.
    pub app: SdkAppId,
    /// Which of its parked events.
    pub selection: Selection,
}

/// Adds an admin token. [`StoreError::Conflict`] when there is one of that name, [`StoreError::Refused`] beyond
/// [`TOKENS_MAX`](crate::TOKENS_MAX).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutToken(pub TokenRecord);

/// Removes the admin token of a name; returns how many were removed, 0 or 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoveToken(pub String);

/// Writes and syncs something, to prove that the store can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe;

/// Writes only the note into the audit log: for operations that do not change the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoteOnly;

/// One atomic unit of writing.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each holds the struct of its name, which is documented")]
pub enum Write {
    Change(Change),
    Import(Import),
    Delete(Delete),
    ForgetDeletions(ForgetDeletions),
    Kick(Kick),
    PutApp(PutApp),
    RemoveApp(RemoveApp),
    RecordDeliveries(RecordDeliveries),
    Discard(Discard),
    Replay(Replay),
    PutToken(PutToken),
    RemoveToken(RemoveToken),
    Probe(Probe),
    NoteOnly(NoteOnly),
}

/// The outcome of a [`Write`]. Callers get it as [`TypedWrite::Output`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteOutcome {
    /// Done.
    Done,
    /// For each account whether it existed.
    Deleted(Vec<bool>),
    /// Imported without these accounts.
    LeftOut(Vec<UserId>),
    /// The new revision.
    Revision(u64),
    /// The number of rows that were changed.
    Counted(usize),
}

impl WriteOutcome {
    /// Whether something changed, and so the audit note is written.
    pub fn changed(&self) -> bool {
        match self {
            Self::Done | Self::Revision(_) | Self::LeftOut(_) => true,
            Self::Deleted(existed) => existed.contains(&true),
            Self::Counted(count) => *count > 0,
        }
    }
}

/// A write with a typed outcome.
pub trait TypedWrite: Into<Write> {
    /// Its outcome.
    type Output: TryFrom<WriteOutcome, Error = StoreError> + Send;
}

/// Declares the outcome of each write.
macro_rules! typed {
    ($($write:ident -> $output:ty;)*) => {$(
        impl From<$write> for Write {
            fn from(write: $write) -> Self {
                Self::$write(write)
            }
        }

        impl TypedWrite for $write {
            type Output = $output;
        }
    )*};
}

typed! {
    Change -> ();
    Import -> Vec<UserId>;
    Delete -> Vec<bool>;
    ForgetDeletions -> usize;
    Kick -> ();
    PutApp -> u64;
    RemoveApp -> usize;
    RecordDeliveries -> ();
    Discard -> usize;
    Replay -> usize;
    PutToken -> ();
    RemoveToken -> usize;
    Probe -> ();
    NoteOnly -> ();
}

/// Converts each outcome into its type. Another outcome is a defect of the engine.
macro_rules! outcomes {
    ($($output:ty: $pattern:pat => $value:expr;)*) => {$(
        impl TryFrom<WriteOutcome> for $output {
            type Error = StoreError;

            fn try_from(outcome: WriteOutcome) -> Result<Self, StoreError> {
                match outcome {
                    $pattern => Ok($value),
                    other => Err(StoreError::Corrupt(bilingual!("a write returned {other:?}", "写入返回了 {other:?}"))),
                }
            }
        }
    )*};
}

outcomes! {
    (): WriteOutcome::Done => ();
    Vec<bool>: WriteOutcome::Deleted(existed) => existed;
    Vec<UserId>: WriteOutcome::LeftOut(users) => users;
    u64: WriteOutcome::Revision(revision) => revision;
    usize: WriteOutcome::Counted(count) => count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_audited() {
        for changed in [
            WriteOutcome::Done,
            WriteOutcome::Revision(1),
            WriteOutcome::Deleted(vec![false, true]),
            WriteOutcome::Counted(1),
            WriteOutcome::Counted(2),
            WriteOutcome::LeftOut(vec![]),
        ] {
            assert!(changed.changed(), "{changed:?}");
        }
        for nothing in
            [WriteOutcome::Deleted(vec![false]), WriteOutcome::Deleted(vec![]), WriteOutcome::Counted(0)]
        {
            assert!(!nothing.changed(), "{nothing:?}");
        }
    }

    #[test]
    fn an_outcome_of_another_kind_is_an_error() {
        assert_eq!(usize::try_from(WriteOutcome::Counted(3)), Ok(3));
        assert_eq!(<()>::try_from(WriteOutcome::Done), Ok(()));
        let wrong = usize::try_from(WriteOutcome::Revision(3));
        assert_eq!(
            wrong,
            Err(StoreError::Corrupt(bilingual!("a write returned Revision(3)", "写入返回了 Revision(3)")))
        );
    }
}
