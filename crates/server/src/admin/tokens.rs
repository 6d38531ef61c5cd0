//! Named admin tokens: who may call, made and revoked while the server runs. Of a token its SHA-256 is kept, and it is
//! compared in constant time.

use super::act::{Act, Changed};
use super::view::{CreatedToken, NewToken, TokenView};
use super::{AdminError, Answer, State, read};
use crate::secret::{AdminToken, random_token};
use arc_swap::ArcSwap;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portrait_store::{PutToken, RemoveToken, Store, StoreError, TokenRecord};
use serde_json::json;
use std::sync::Arc;

/// The name of the token in `admin.token`, by which the command line calls its own server.
const LOCAL: &str = "local";

/// Who is let in.
#[derive(Clone)]
pub(crate) enum Gate {
    /// Whoever has a token.
    Tokens(Arc<Tokens>),
    /// In-process: this person at the command line.
    InProcess(Arc<str>),
}

/// Every token of the server.
pub(crate) struct Tokens {
    store: Arc<dyn Store>,
    local: AdminToken,
    named: ArcSwap<Vec<(Arc<str>, AdminToken)>>,
    /// One reload at a time, so that an older list never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// Reads the store's tokens; `local` works beside them.
    pub(crate) async fn load(store: Arc<dyn Store>, local: AdminToken) -> Result<Self, StoreError> {
        let tokens =
            Self { store, local, named: ArcSwap::default(), reloading: tokio::sync::Mutex::default() };
        tokens.reload().await?;
        Ok(tokens)
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.reloading.lock().await;
        let records = self.store.tokens().await?;
        let known = records.into_iter().map(|record| (record.name.into(), AdminToken::of_hash(record.hash)));
        self.named.store(Arc::new(known.collect()));
        Ok(())
    }

    /// Whose token this is. Every one is compared, so that the time taken does not tell which one fits.
    fn who(&self, given: &str) -> Option<Arc<str>> {
        let given = AdminToken::new(given);
        let named = self.named.load();
        let local = self.local.is(&given).then(|| Arc::from(LOCAL));
        named
            .iter()
            .fold(local, |found, (name, token)| if token.is(&given) { Some(Arc::clone(name)) } else { found })
    }
}

impl Gate {
    /// Who calls with this token; `None`: a stranger.
    pub(crate) fn who(&self, given: &str) -> Option<Arc<str>> {
        match self {
            Self::Tokens(tokens) => tokens.who(given),
            Self::InProcess(person) => Some(Arc::clone(person)),
        }
    }

    async fn reload(&self) -> Result<(), StoreError> {
        match self {
            Self::Tokens(tokens) => tokens.reload().await,
            Self::InProcess(_) => Ok(()),
        }
    }
}

pub(super) async fn list(Extract(state): Extract<State>) -> Answer<Vec<TokenView>> {
    let local = TokenView { name: LOCAL.to_owned(), created_ms: None };
    let named = state.store.tokens().await?.into_iter();
    let named = named.map(|token| TokenView { name: token.name, created_ms: Some(token.created.0) });
    Ok(Json([local].into_iter().chain(named).collect()))
}

pub(super) async fn create(
    Extract(state): Extract<State>,
    Extension(act): Extension<Act>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedToken>), AdminError> {
    let NewToken { name } = read(&body)?;
    if !is_name(&name) {
        return Err(AdminError::bad(
            "a token's name is 1 to 64 letters, digits, dots, hyphens and underscores",
        ));
    }
    let exists = || {
        AdminError::conflict(format!(
            "there is a token named {name}; revoke it first, or choose another name"
        ))
    };
    if name == LOCAL {
        return Err(exists());
    }
    let token = random_token().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let hash = AdminToken::new(&token).hash();
    let record = TokenRecord { name: name.clone(), hash, created: state.clock.now() };
    let changed = Changed::to(json!({ "token": name }));
    match state.operate(&act, None, PutToken(record), changed).await {
        Err(StoreError::Conflict) => return Err(exists()),
        written => written?,
    }
    state.gate.reload().await?;
    Ok((StatusCode::CREATED, Json(CreatedToken { name, token })))
}

pub(super) async fn revoke(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    Extension(act): Extension<Act>,
) -> Result<StatusCode, AdminError> {
    if name == LOCAL {
        let how = "the token `local` is the file admin.token: delete that file and start the server again";
        return Err(AdminError::conflict(how));
    }
    let changed = Changed { before: json!({ "token": name }), after: json!({}) };
    let removed = state.operate(&act, None, RemoveToken(name.clone()), changed).await?;
    if removed == 0 {
        return Err(AdminError::not_found(format!("there is no token named {name}")));
    }
    state.gate.reload().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}
