//! Authentication of the admin API by bearer tokens, and by the sessions that they open. Only the SHA-256 of a secret is
//! kept, and hashes are compared in constant time.

use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::failed_tokens::{FAILURES_MAX, FailedTokens};
use crate::secret::AdminToken;
use crate::session::{self, Export, Sessions};
use arc_swap::ArcSwap;
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Response};
use portraitd_model::{Bilingual, Clock, UnixMillis, bilingual};
use portraitd_store::{Store, StoreError, TokenRole};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
        let sentence = bilingual!(
            "the token `{name}` has the role {role}, and this call wants {wanted}: use another token; an admin makes one with `portraitd token create NAME --role {wanted}`",
            "令牌 `{name}` 的角色为 {role}，此调用需要 {wanted}：请换用其他令牌；admin 可用 `portraitd token create NAME --role {wanted}` 创建"
        );
        Err(AdminError::new(AdminCode::RoleTooLow, sentence))
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

/// A caller that was let in.
pub struct Caller {
    /// Its name and role.
    pub actor: Actor,
    /// Whether it would still be let in.
    pub validity: Validity,
}

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotLetIn {
    /// It sent no token, or none that is valid (401).
    WithoutToken,
    /// Its address sent too many wrong tokens; none is looked at for this time (429).
    TooManyFailures(Duration),
    /// The database with the sessions can't be asked at the moment (503).
    Unknown(StoreError),
}

impl From<StoreError> for NotLetIn {
    fn from(error: StoreError) -> Self {
        Self::Unknown(error)
    }
}

impl NotLetIn {
    /// Returns the answer; `sentence` is what a caller without a valid token is told.
    pub fn respond(self, sentence: Bilingual) -> Response {
        match self {
            Self::WithoutToken => {
                let refused = AdminError::new(AdminCode::Unauthenticated, sentence);
                ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
            }
            Self::Unknown(error) => AdminError::from(error).into_response(),
            Self::TooManyFailures(left) => {
                let seconds = left.as_millis().div_ceil(1000);
                let sentence = bilingual!(
                    "this address sent {FAILURES_MAX} wrong tokens within a minute: no token of it is looked at for {seconds} s; then try again with a valid one",
                    "此地址在一分钟内发送了 {FAILURES_MAX} 次错误的令牌：{seconds} 秒内不再接受其令牌，之后请使用有效的令牌重试"
                );
                let refused = AdminError::new(AdminCode::TooManyFailures, sentence);
                ([(header::RETRY_AFTER, seconds.to_string())], refused).into_response()
            }
        }
    }
}

impl Access {
    /// Returns the caller that made a request.
    pub async fn identify(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Caller, NotLetIn> {
        let secret = bearer(headers).unwrap_or_default();
        let address = extensions.get::<Peer>().map(|Peer(address)| address.to_canonical());
        if self.local_without_token && address.is_some_and(|address| address.is_loopback()) {
            let without = || Caller { actor: Actor::admin(LOCAL), validity: Validity::ALWAYS };
            return Ok(self.authenticator.identify(secret).await?.unwrap_or_else(without));
        }
        match &self.authenticator {
            Authenticator::Tokens(tokens) if !secret.is_empty() => tokens.admit(secret, address).await,
            authenticator => authenticator.identify(secret).await?.ok_or(NotLetIn::WithoutToken),
        }
    }
}

/// Returns the secret in `Authorization: Bearer SECRET`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Whether what a caller was let in with is still valid, for an answer that takes long.
#[derive(Clone)]
pub struct Validity(Option<(Arc<Tokens>, Credential)>);

/// What a caller was let in with.
#[derive(Clone, Copy)]
struct Credential {
    token: AdminToken,
    /// The session of this token, if it was one.
    session: Option<AdminToken>,
}

impl Validity {
    /// That of a caller that needs no token.
    const ALWAYS: Self = Self(None);

    /// Returns whether the token was not revoked and the session has not ended. To ask keeps a session in use.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|(tokens, credential)| tokens.are_valid(credential))
    }

    /// Waits until it does not hold any more; for ever, if the caller needs no token.
    pub async fn ended(&self) {
        /// Sessions also end by themselves, which is noticed after this time.
        const LOOK_AGAIN: Duration = Duration::from_secs(15);
        let Some((tokens, _)) = &self.0 else { return std::future::pending().await };
        let mut changes = tokens.sessions.changes();
        while self.holds() {
            // Too late is as good as a change: both have it looked at again.
            let _ = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
        }
    }
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
    clock: Arc<dyn Clock>,
    local: AdminToken,
    named: ArcSwap<Vec<(Actor, AdminToken)>>,
    sessions: Sessions,
    failed: FailedTokens,
    /// Counts the wrong tokens since the server started.
    failures: AtomicU64,
    /// When each token was last used, by name.
    uses: Mutex<HashMap<Arc<str>, UnixMillis>>,
    /// Held during a reload, so that an older list never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// Reads the store's tokens; `local` is valid as well. `clock` tells when a token was used.
    pub async fn load(
        store: Arc<dyn Store>,
        local: AdminToken,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let tokens = Self {
            sessions: Sessions::new(Arc::clone(&store)),
            store,
            clock,
            local,
            named: ArcSwap::default(),
            failed: FailedTokens::default(),
            failures: AtomicU64::new(0),
            uses: Mutex::default(),
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
        let named: Vec<_> = named.collect();
        let remains = |name: &str| name == LOCAL || named.iter().any(|(actor, _)| *actor.name == *name);
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| remains(name));
        self.named.store(Arc::new(named));
        self.sessions.notify();
        Ok(())
    }

    /// Lets a caller in that sent a secret, unless too many wrong ones came from its address.
    async fn admit(self: &Arc<Self>, secret: &str, address: Option<IpAddr>) -> Result<Caller, NotLetIn> {
        let now = Instant::now();
        if let Some(left) = address.and_then(|address| self.failed.refused_for(address, now)) {
            return Err(NotLetIn::TooManyFailures(left));
        }
        self.identify(secret).await?.ok_or_else(|| {
            self.failures.fetch_add(1, Ordering::Relaxed);
            if let Some(address) = address {
                self.failed.record(address, now);
            }
            NotLetIn::WithoutToken
        })
    }

    /// Returns the caller whose token this is, or whose token opened this session, and notes the use.
    async fn identify(self: &Arc<Self>, secret: &str) -> Result<Option<Caller>, StoreError> {
        let Some((actor, credential)) = self.find(secret).await? else { return Ok(None) };
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.insert(Arc::clone(&actor.name), self.clock.now());
        drop(uses);
        Ok(Some(Caller { actor, validity: Validity(Some((Arc::clone(self), credential))) }))
    }

    /// Returns the caller that a session or a ticket stands for, with its token: it dies with the token, and has its role.
    fn owner(&self, name: Arc<str>) -> Option<(Actor, AdminToken)> {
        if *name == *LOCAL {
            return Some((Actor::admin(name), self.local));
        }
        self.named.load().iter().find(|(actor, _)| actor.name == name).cloned()
    }

    /// Every token is compared, so that the time taken does not tell which one matches.
    async fn find(&self, secret: &str) -> Result<Option<(Actor, Credential)>, StoreError> {
        let given = AdminToken::new(secret);
        if let Some(name) = self.sessions.identify(secret).await? {
            let session = session::is_session(secret).then_some(given);
            let owner = self.owner(name);
            return Ok(owner.map(|(actor, token)| (actor, Credential { token, session })));
        }
        let named = self.named.load();
        let of = |actor: Actor, token: AdminToken| (actor, Credential { token, session: None });
        let local = self.local.matches(&given).then(|| of(Actor::admin(LOCAL), self.local));
        Ok(named.iter().fold(local, |found, (actor, token)| {
            if token.matches(&given) { Some(of(actor.clone(), *token)) } else { found }
        }))
    }

    fn are_valid(&self, Credential { token, session }: &Credential) -> bool {
        let is_known =
            self.local.matches(token) || self.named.load().iter().any(|(_, known)| known.matches(token));
        is_known && session.is_none_or(|session| self.sessions.is_alive(&session))
    }

    /// Returns how many wrong tokens were sent since the server started.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

impl Authenticator {
    /// Returns the caller that sent this token; `None` when no such token is valid.
    async fn identify(&self, token: &str) -> Result<Option<Caller>, StoreError> {
        match self {
            Self::Tokens(tokens) => tokens.identify(token).await,
            Self::InProcess(user) => {
                Ok(Some(Caller { actor: Actor::admin(Arc::clone(user)), validity: Validity::ALWAYS }))
            }
        }
    }

    /// Returns the caller that made this ticket for the download of an export; `None` when it is none, or was used.
    pub(super) async fn identify_download(
        &self,
        ticket: &str,
        export: &Export,
    ) -> Result<Option<Actor>, StoreError> {
        match self {
            Self::Tokens(tokens) => {
                let name = tokens.sessions.identify_download(ticket, export).await?;
                Ok(name.and_then(|name| tokens.owner(name)).map(|(actor, _)| actor))
            }
            Self::InProcess(_) => Ok(None),
        }
    }

    /// The sessions; `None` in-process, where there is no sign-in.
    pub(super) fn sessions(&self) -> Option<&Sessions> {
        match self {
            Self::Tokens(tokens) => Some(&tokens.sessions),
            Self::InProcess(_) => None,
        }
    }

    /// Returns when a token was last used, itself or a session of it; `None` = not since the server started.
    pub(super) fn last_use(&self, token: &str) -> Option<UnixMillis> {
        match self {
            Self::Tokens(tokens) => {
                tokens.uses.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
            }
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
