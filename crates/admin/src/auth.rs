//! Authentication of the admin API by bearer tokens, and by the sessions that they open. Only the SHA-256 of a secret is
//! kept, and hashes are compared in constant time.

use crate::secret::AdminToken;
use crate::session::Sessions;
use crate::state::Peer;
use arc_swap::ArcSwap;
use axum::http::{Extensions, HeaderMap, header};
use portraitd_store::{Store, StoreError};
use std::sync::Arc;

/// The name of the token in `admin.token`, with which the command line calls a server on the same data.
pub(super) const LOCAL: &str = "local";

/// The access rules of a listener.
#[derive(Clone)]
pub struct Access {
    /// Authenticates callers by their tokens.
    pub authenticator: Authenticator,
    /// Whether callers on this machine need no token.
    pub local_without_token: bool,
}

impl Access {
    /// Returns the name of the caller that made a request; `None` when it needs a token and has no valid one.
    pub fn identify(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<Arc<str>> {
        let is_local =
            || extensions.get::<Peer>().is_some_and(|Peer(address)| address.to_canonical().is_loopback());
        let named = self.authenticator.identify(bearer(headers).unwrap_or_default());
        named.or_else(|| (self.local_without_token && is_local()).then(|| Arc::from(LOCAL)))
    }
}

/// Returns the secret in `Authorization: Bearer SECRET`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// How callers are authenticated.
#[derive(Clone)]
pub enum Authenticator {
    /// By a bearer token.
    Tokens(Arc<Tokens>),
    /// Not at all, in-process: every call is made by this user of the command line.
    InProcess(Arc<str>),
}

/// Every valid token of a server.
pub struct Tokens {
    store: Arc<dyn Store>,
    local: AdminToken,
    named: ArcSwap<Vec<(Arc<str>, AdminToken)>>,
    sessions: Sessions,
    /// Held during a reload, so that an older list never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// Reads the store's tokens; `local` is valid as well.
    pub async fn load(store: Arc<dyn Store>, local: AdminToken) -> Result<Self, StoreError> {
        let tokens = Self {
            store,
            local,
            named: ArcSwap::default(),
            sessions: Sessions::default(),
            reloading: tokio::sync::Mutex::default(),
        };
        tokens.reload().await?;
        Ok(tokens)
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.reloading.lock().await;
        let records = self.store.tokens().await?;
        let named =
            records.into_iter().map(|record| (record.name.into(), AdminToken::from_hash(record.hash)));
        self.named.store(Arc::new(named.collect()));
        Ok(())
    }

    /// Returns the name of the token that this is, or that opened this session. Every token is compared, so that the time
    /// taken does not tell which one matches.
    fn identify(&self, token: &str) -> Option<Arc<str>> {
        if let Some(name) = self.sessions.identify(token) {
            // A session dies with its token.
            let lives = *name == *LOCAL || self.named.load().iter().any(|(known, _)| *known == name);
            return lives.then_some(name);
        }
        let given = AdminToken::new(token);
        let named = self.named.load();
        let local = self.local.matches(&given).then(|| Arc::from(LOCAL));
        named.iter().fold(
            local,
            |found, (name, token)| if token.matches(&given) { Some(Arc::clone(name)) } else { found },
        )
    }
}

impl Authenticator {
    /// Returns the name of the caller that sent this token; `None` when no such token is valid.
    pub fn identify(&self, token: &str) -> Option<Arc<str>> {
        match self {
            Self::Tokens(tokens) => tokens.identify(token),
            Self::InProcess(user) => Some(Arc::clone(user)),
        }
    }

    /// The sessions; `None` in-process, where nobody signs in.
    pub(super) fn sessions(&self) -> Option<&Sessions> {
        match self {
            Self::Tokens(tokens) => Some(&tokens.sessions),
            Self::InProcess(_) => None,
        }
    }

    /// Reads the tokens again, after one was created or revoked.
    pub(super) async fn reload(&self) -> Result<(), StoreError> {
        match self {
            Self::Tokens(tokens) => tokens.reload().await,
            Self::InProcess(_) => Ok(()),
        }
    }
}
