//! What an operator changes, and how that is written down: every change leaves an entry in the audit log, in the same commit.

use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;
use portraitd_model::SdkAppId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A call of somebody who may make it.
#[derive(Clone, Debug)]
pub(super) struct AuditContext {
    who: Arc<str>,
    /// `None` in-process: there is no caller but this machine.
    from: Option<IpAddr>,
    method: Method,
    resource: String,
}

/// An entry's text, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) who: String,
    pub(super) from: Option<String>,
    pub(super) method: String,
    pub(super) resource: String,
    pub(super) outcome: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) before: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) after: Value,
}

/// What a change changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    pub(super) before: Value,
    pub(super) after: Value,
}

impl Changed {
    pub(super) fn to(after: Value) -> Self {
        Self { before: Value::Null, after }
    }
}

/// How an account is named in the log: enough to find what was done to a known one, and nothing that has to be erased
/// with it.
pub fn fingerprint(user: &str) -> String {
    let hash = Sha256::digest(user);
    hash.iter().take(8).fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}

/// A path below `/admin/v1`, its user behind a fingerprint.
fn without_user(path: &str) -> String {
    let Some((before, rest)) = path.split_once("/accounts/") else { return path.to_owned() };
    let (user, after) =
        rest.split_once('/').map_or((rest, String::new()), |(user, after)| (user, format!("/{after}")));
    let user = percent_decode_str(user).decode_utf8_lossy();
    format!("{before}/accounts/{}{after}", fingerprint(&user))
}

/// The outcome of a change that happened.
pub(super) const DONE: &str = "done";

impl AuditContext {
    pub(super) fn of(who: Arc<str>, from: Option<IpAddr>, method: Method, uri: &Uri) -> Self {
        /// Longer paths than this name nothing that exists.
        const CHARS_MAX: usize = 300;
        let resource = without_user(uri.path()).chars().take(CHARS_MAX).collect();
        Self { who, from, method, resource }
    }

    pub(super) fn address(&self) -> IpAddr {
        self.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// What is written down of it.
    pub(super) fn entry(&self, outcome: String, changed: Changed) -> Entry {
        Entry {
            who: self.who.to_string(),
            from: self.from.map(|address| address.to_canonical().to_string()),
            method: self.method.to_string(),
            resource: self.resource.clone(),
            outcome,
            before: changed.before,
            after: changed.after,
        }
    }

    /// Whether it only reads, so that a refusal is not written down.
    pub(super) fn reads(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The app in the path.
    pub(super) fn app(&self) -> Option<SdkAppId> {
        let mut parts = self.resource.split('/').skip_while(|part| *part != "apps");
        parts.nth(1).and_then(|app| app.parse().ok()).map(SdkAppId)
    }
}
