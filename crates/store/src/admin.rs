//! Admin tokens and the audit log. A change and its audit note are committed together or not at all.

use portraitd_model::{SdkAppId, UnixMillis};

/// The most entries that the audit log keeps; beyond that the oldest are removed.
pub const AUDIT_ENTRIES_MAX: u64 = 100_000;
/// The most admin tokens at once.
pub const TOKENS_MAX: usize = 100;

/// A place in the audit log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuditSeq(pub u64);

/// An audit note about a change. A store does not parse its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditNote {
    /// The app that is changed; `None` = the whole store.
    pub app: Option<SdkAppId>,
    /// The time of the change.
    pub at: UnixMillis,
    /// The operator, the operation, and the values before and after.
    pub text: String,
}

/// A note with its place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Its place; greater for later entries.
    pub seq: AuditSeq,
    /// The note.
    pub note: AuditNote,
}

/// A named admin token. The token itself is not stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRecord {
    /// Its name; no two have the same.
    pub name: String,
    /// The SHA-256 of the token.
    pub hash: [u8; 32],
    /// The time it was created.
    pub created: UnixMillis,
    /// What it may do.
    pub role: TokenRole,
}

/// What an admin token may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TokenRole {
    /// Read.
    Viewer,
    /// Change accounts, profiles and sensitive words, and make calls and backups.
    Operator,
    /// Everything, such as keys, settings and other tokens.
    Admin,
}

impl TokenRole {
    /// Every role, in ascending order.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// Returns its name, which is also its stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Returns the role of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}
