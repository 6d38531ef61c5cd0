//! Who changes what, and how that is written down: every change leaves an entry in the audit log, in the same commit.

use super::{AdminError, Peer, State};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use portrait_model::SdkAppId;
use portrait_store::{AuditNote, NoteOnly, StoreError, TypedWrite};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A call of somebody who may make it.
#[derive(Clone, Debug)]
pub(super) struct Act {
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
pub(crate) fn fingerprint(user: &str) -> String {
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
const DONE: &str = "done";

impl Act {
    pub(super) fn of(request: &Request, who: Arc<str>) -> Self {
        /// Longer paths than this name nothing that exists.
        const CHARS_MAX: usize = 300;
        let from = request.extensions().get::<Peer>().map(|Peer(address)| *address);
        let resource = without_user(request.uri().path()).chars().take(CHARS_MAX).collect();
        Self { who, from, method: request.method().clone(), resource }
    }

    pub(super) fn address(&self) -> IpAddr {
        self.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    fn entry(&self, outcome: String, changed: Changed) -> Entry {
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

    /// The app in the path.
    fn app(&self) -> Option<SdkAppId> {
        let mut parts = self.resource.split('/').skip_while(|part| *part != "apps");
        parts.nth(1).and_then(|app| app.parse().ok()).map(SdkAppId)
    }
}

impl State {
    /// Writes, and writes it down in the same unit.
    pub(super) async fn operate<W: TypedWrite>(
        &self,
        act: &Act,
        app: Option<SdkAppId>,
        write: W,
        changed: Changed,
    ) -> Result<W::Output, StoreError> {
        let text = serde_json::to_string(&act.entry(DONE.to_owned(), changed));
        let text = text.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.store.perform(write, Some(AuditNote { app, at: self.clock.now(), text })).await
    }

    /// Writes down what is no change of the store.
    pub(super) async fn write_down(
        &self,
        act: &Act,
        app: Option<SdkAppId>,
        changed: Changed,
    ) -> Result<(), AdminError> {
        Ok(self.operate(act, app, NoteOnly, changed).await?)
    }

    /// Writes down that a change was refused; nothing but the status, since a body may hold secrets.
    pub(super) async fn write_down_refusal(&self, act: &Act, status: StatusCode) {
        let reading = act.method == Method::GET || act.method == Method::HEAD;
        if reading || !(status.is_client_error() || status.is_server_error()) {
            return;
        }
        let entry = act.entry(format!("refused: {}", status.as_u16()), Changed::default());
        let Ok(text) = serde_json::to_string(&entry) else { return };
        let note = AuditNote { app: act.app(), at: self.clock.now(), text };
        if let Err(error) = self.store.perform(NoteOnly, Some(note)).await {
            tracing::warn!(%error, "a refused admin call could not be written down");
        }
    }
}
