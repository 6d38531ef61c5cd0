//! Entries of the audit log: the caller, the request, the outcome, and the values before and after. The entry of a
//! change is stored in the same commit as the change, by `State::write_audited`.

use crate::auth::Actor;
use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use portraitd_model::SdkAppId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr};

/// An authenticated admin call, as the audit log describes it.
#[derive(Clone, Debug)]
pub(super) struct AuditContext {
    /// The name of the token, or `os:` and the system's user, and what it may do.
    actor: Actor,
    /// The client's address; `None` when the command line calls in-process.
    address: Option<IpAddr>,
    method: Method,
    resource: String,
}

/// The text of an audit log entry: this struct as JSON. Its field names are a stored format.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AuditEntryText {
    pub(super) who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    pub(super) from: Option<String>,
    pub(super) method: String,
    pub(super) resource: String,
    pub(super) outcome: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) before: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) after: Value,
}

/// The values that a change replaced, and the values that replaced them. Secrets are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct AuditChange {
    pub(super) before: Value,
    pub(super) after: Value,
}

impl AuditChange {
    /// Returns a change of which only the new values are recorded.
    pub(super) fn without_before(after: Value) -> Self {
        Self { before: Value::Null, after }
    }
}

/// Returns the name of an account in the audit log: a hash of its UserID. Changes of a known account can be found by it,
/// and it need not be erased with the account.
pub(super) fn fingerprint(user: &str) -> String {
    let hash = Sha256::digest(user);
    hash.iter().take(8).fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}

impl AuditEntryText {
    /// Whether it is about the account that has this fingerprint.
    pub(super) fn is_about(&self, fingerprint: &str) -> bool {
        let rest =
            self.resource.split_once("/accounts/").and_then(|(_, rest)| rest.strip_prefix(fingerprint));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Returns a path below `/admin/v1` with the UserID in it replaced by its fingerprint.
fn path_without_user_id(path: &str) -> String {
    let Some((before, rest)) = path.split_once("/accounts/") else { return path.to_owned() };
    let (user, after) =
        rest.split_once('/').map_or((rest, String::new()), |(user, after)| (user, format!("/{after}")));
    let user = percent_decode_str(user).decode_utf8_lossy();
    format!("{before}/accounts/{}{after}", fingerprint(&user))
}

/// The outcome of a change that was made.
pub(super) const OUTCOME_DONE: &str = "done";

impl AuditContext {
    pub(super) fn new(actor: Actor, address: Option<IpAddr>, method: Method, uri: &Uri) -> Self {
        /// No existing resource has a longer path.
        const CHARS_MAX: usize = 300;
        let resource = path_without_user_id(uri.path()).chars().take(CHARS_MAX).collect();
        Self { actor, address, method, resource }
    }

    /// Returns the client's address; the loopback address for an in-process call.
    pub(super) fn client_address(&self) -> IpAddr {
        self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Returns the text of this call's entry.
    pub(super) fn entry(&self, outcome: String, change: AuditChange) -> AuditEntryText {
        AuditEntryText {
            who: self.actor.name.to_string(),
            role: Some(self.actor.role.as_str().to_owned()),
            from: self.address.map(|address| address.to_canonical().to_string()),
            method: self.method.to_string(),
            resource: self.resource.clone(),
            outcome,
            before: change.before,
            after: change.after,
        }
    }

    /// Returns whether the call changes nothing. A refusal of such a call is not recorded.
    pub(super) fn is_read_only(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// Returns the app that the path names.
    pub(super) fn app_in_path(&self) -> Option<SdkAppId> {
        let mut parts = self.resource.split('/').skip_while(|part| *part != "apps");
        parts.nth(1).and_then(|app| app.parse().ok()).map(SdkAppId)
    }
}
