//! Lets callers of the admin API in by their tokens. Of a token its SHA-256 is kept, and it is compared in constant time.

use crate::secret::AdminToken;
use arc_swap::ArcSwap;
use portraitd_store::{Store, StoreError};
use std::sync::Arc;

/// The name of the token in `admin.token`, by which the command line calls its own server.
pub(super) const LOCAL: &str = "local";

/// What lets a caller in.
#[derive(Clone)]
pub enum Authenticator {
    /// Whoever has a token.
    Tokens(Arc<Tokens>),
    /// In-process: this person at the command line.
    InProcess(Arc<str>),
}

/// Every token of the server.
pub struct Tokens {
    store: Arc<dyn Store>,
    local: AdminToken,
    named: ArcSwap<Vec<(Arc<str>, AdminToken)>>,
    /// One reload at a time, so that an older list never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// Reads the store's tokens; `local` works beside them.
    pub async fn load(store: Arc<dyn Store>, local: AdminToken) -> Result<Self, StoreError> {
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

impl Authenticator {
    /// Returns the name of the caller with this token; `None` when it is not known.
    pub fn who(&self, given: &str) -> Option<Arc<str>> {
        match self {
            Self::Tokens(tokens) => tokens.who(given),
            Self::InProcess(person) => Some(Arc::clone(person)),
        }
    }

    /// Reads the tokens again, after one was made or revoked.
    pub(super) async fn reload(&self) -> Result<(), StoreError> {
        match self {
            Self::Tokens(tokens) => tokens.reload().await,
            Self::InProcess(_) => Ok(()),
        }
    }
}
