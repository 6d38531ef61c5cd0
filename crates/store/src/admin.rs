//! Admin tokens and the audit log. A note of who changed what is in the same unit as the change itself, or neither is there.

use portraitd_model::{SdkAppId, UnixMillis};

/// The most entries that the audit log keeps; the oldest give way.
pub const AUDIT_ENTRIES_MAX: u64 = 100_000;
/// The most admin tokens at once.
pub const TOKENS_MAX: usize = 100;

/// A place in the audit log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuditSeq(pub u64);

/// What is written down of a change. A store does not look into the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditNote {
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
    pub note: AuditNote,
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
