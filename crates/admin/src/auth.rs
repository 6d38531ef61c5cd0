//! Authentication of the admin API by bearer tokens, and by the sessions that they open. Only the SHA-256 of a secret is
//! kept, and hashes are compared in constant time.

use crate::error::AdminError;
use crate::secret::AdminToken;
use crate::session::Sessions;
use arc_swap::ArcSwap;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use portraitd_store::{Store, StoreError, TokenRole};
use std::net::IpAddr;
use std::sync::Arc;

/// The name of the token in `admin.token`, with which the command line calls a server on the same data.
pub(super) const LOCAL: &str = "local";

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The name of its token, or `os:` and the system's user.
    pub(super) name: Arc<str>,
    /// What it may do.
    pub(super) role: TokenRole,
}

impl Actor {
    fn admin(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), role: TokenRole::Admin }
    }

    /// Refuses a caller that has a lesser role (403).
    pub(super) fn require(&self, wanted: TokenRole) -> Result<(), AdminError> {
        if self.role >= wanted {
            return Ok(());
        }
        let (name, role, wanted) = (&self.name, self.role.as_str(), wanted.as_str());
        let message = format!(
            "the token `{name}` has the role {role}, and this call wants {wanted}: use another token; an admin makes one with `portraitd token create NAME --role {wanted}`"
        );
        Err(AdminError { status: StatusCode::FORBIDDEN, message })
    }
}

/// The address that an admin call comes from.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The access rules of a listener.
#[derive(Clone)]
pub struct Access {
    /// Authenticates callers by their tokens.
    pub authenticator: Authenticator,
    /// Whether callers on this machine need no token.
    pub local_without_token: bool,
}

impl Access {
    /// Returns the caller that made a request; `None` when it needs a token and has no valid one.
    /// An error when that can't be found out at the moment.
    pub async fn identify(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Option<Actor>, StoreError> {
        let is_local =
            || extensions.get::<Peer>().is_some_and(|Peer(address)| address.to_canonical().is_loopback());
        let named = self.authenticator.identify(bearer(headers).unwrap_or_default()).await?;
        Ok(named.or_else(|| (self.local_without_token && is_local()).then(|| Actor::admin(LOCAL))))
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
    named: ArcSwap<Vec<(Actor, AdminToken)>>,
    sessions: Sessions,
    /// Held during a reload, so that an older list never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// Reads the store's tokens; `local` is valid as well.
    pub async fn load(store: Arc<dyn Store>, local: AdminToken) -> Result<Self, StoreError> {
        let tokens = Self {
            sessions: Sessions::new(Arc::clone(&store)),
            store,
            local,
            named: ArcSwap::default(),
            reloading: tokio::sync::Mutex::default(),
        };
        tokens.reload().await?;
        Ok(tokens)
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.reloading.lock().await;
        let records = self.store.tokens().await?;
        let named = records.into_iter().map(|record| {
            (Actor { name: record.name.into(), role: record.role }, AdminToken::from_hash(record.hash))
        });
        self.named.store(Arc::new(named.collect()));
        Ok(())
    }

    /// Returns the caller whose token this is, or whose token opened this session. Every token is compared, so that the time
    /// taken does not tell which one matches.
    async fn identify(&self, token: &str) -> Result<Option<Actor>, StoreError> {
        if let Some(name) = self.sessions.identify(token).await? {
            if name == LOCAL {
                return Ok(Some(Actor::admin(name)));
            }
            // A session dies with its token, and has its role.
            let named = self.named.load();
            return Ok(named.iter().find(|(actor, _)| *actor.name == *name).map(|(actor, _)| actor.clone()));
        }
        let named = self.named.load();
        let given = AdminToken::new(token);
        let local = self.local.matches(&given).then(|| Actor::admin(LOCAL));
        Ok(named.iter().fold(
            local,
            |found, (actor, token)| if token.matches(&given) { Some(actor.clone()) } else { found },
        ))
    }
}

impl Authenticator {
    /// Returns the caller that sent this token; `None` when no such token is valid.
    pub async fn identify(&self, token: &str) -> Result<Option<Actor>, StoreError> {
        match self {
            Self::Tokens(tokens) => tokens.identify(token).await,
            Self::InProcess(user) => Ok(Some(Actor::admin(Arc::clone(user)))),
        }
    }

    /// The sessions; `None` in-process, where there is no sign-in.
    pub(super) fn sessions(&self) -> Option<&Sessions> {
        match self {
            Self::Tokens(tokens) => Some(&tokens.sessions),
            Self::InProcess(_) => None,
        }
    }

    /// Reads the tokens again, after one was created or revoked.
    pub async fn reload(&self) -> Result<(), StoreError> {
        match self {
            Self::Tokens(tokens) => tokens.reload().await,
            Self::InProcess(_) => Ok(()),
        }
    }
}
