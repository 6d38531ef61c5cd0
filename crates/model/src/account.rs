//! Accounts: the seed that creates one, and the state that is not part of the profile.

use crate::{NewUserId, ProfilePatch, UnixSeconds};

/// An account to create, or to update when it exists (`account_import`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountSeed {
    /// Whose account.
    pub user: NewUserId,
    /// Fields to set; may be empty.
    pub patch: ProfilePatch,
}

/// An account as authentication and `account_check` need to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AccountState {
    /// UserSigs issued at or before this second no longer work (`kick`).
    pub kicked_at: Option<UnixSeconds>,
}
