//! The state of an account, as the journal, the profile cache and the table have it.

use portraitd_model::{SdkAppId, UnixMillis, UnixSeconds, UserId};
use std::sync::Arc;

/// The app and the user of an account.
pub(crate) type Key = (SdkAppId, UserId);

/// An account's row. The profile is in its stored form, which takes half the memory of the decoded one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AccountRow {
    /// The table's key. Only grows: an account that is made again gets a greater one.
    pub(crate) row: i64,
    pub(crate) created: UnixMillis,
    pub(crate) kicked_at: Option<UnixSeconds>,
    pub(crate) profile: Arc<[u8]>,
}

/// What a change left of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum AccountState {
    Present(AccountRow),
    /// Deleted, with the time to note, if there is one to note.
    Deleted {
        row: i64,
        noted_at: Option<UnixMillis>,
    },
}

impl AccountState {
    pub(crate) const fn row(&self) -> i64 {
        match self {
            Self::Present(account) => account.row,
            Self::Deleted { row, .. } => *row,
        }
    }

    /// The account, if it exists.
    pub(crate) const fn present(&self) -> Option<&AccountRow> {
        match self {
            Self::Present(account) => Some(account),
            Self::Deleted { .. } => None,
        }
    }

    /// The bytes of its profile.
    pub(crate) fn profile_bytes(&self) -> usize {
        self.present().map_or(0, |account| account.profile.len())
    }
}

/// A number of milliseconds or seconds as SQLite stores it.
pub(crate) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
