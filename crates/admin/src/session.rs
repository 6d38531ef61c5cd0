//! The console's sessions, and one-use tickets. Both are made by a caller that is authenticated already, and die with the token
//! that made them.
//!
//! A server on a store of its own keeps them in memory. Where several servers share a store they lie in a table of it
//! ([`NodeTables`]), and each call looks there: a load balancer may send each call of a page to another server. Signed tokens
//! would need no table for reading, but one for tickets that are used, another for sessions that have ended, and a key that
//! all servers know; the table is all of this, and whoever signs out is out on every server at once.

use crate::secret::{AdminToken, random_token};
use portraitd_model::UnixMillis;
use portraitd_store::{NodeTables, SignIn, Store, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A session's secret starts with it.
const SESSION: &str = "ps_";
/// A ticket starts with it.
const TICKET: &str = "pl_";
/// The longest life of a session.
const LIFE: Duration = Duration::from_hours(12);
/// The longest pause between two calls of a session.
const IDLE: Duration = Duration::from_mins(30);
/// How long a ticket can be used.
pub(crate) const TICKET_LIFE: Duration = Duration::from_mins(5);
/// The most sessions, and the most tickets; another one takes the place of the one unused for longest.
const SECRETS_MAX: usize = 100;
/// The use of a session is noted in a shared table this often only: each note is a write of the database.
const NOTE_EVERY: Duration = Duration::from_mins(1);

/// The sessions and tickets of a server, or of all servers of a store.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    /// Of a store that is not shared.
    own: Mutex<Vec<SignIn>>,
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, own: Mutex::default() }
    }

    /// Makes a session for the owner of a token, and returns its secret.
    pub(crate) async fn begin(&self, name: &str) -> Result<String, StoreError> {
        self.add(SESSION, name).await
    }

    /// Makes a ticket: valid for one call within [`TICKET_LIFE`].
    pub(crate) async fn ticket(&self, name: &str) -> Result<String, StoreError> {
        self.add(TICKET, name).await
    }

    /// Returns whose session or ticket a secret is; `None` when it is neither, or too old. A ticket is used up by this.
    pub(crate) async fn identify(&self, secret: &str) -> Result<Option<String>, StoreError> {
        if !secret.starts_with(TICKET) && !secret.starts_with(SESSION) {
            return Ok(None);
        }
        let (now, hash) = (now(), AdminToken::new(secret));
        let same = |sign_in: &SignIn| {
            AdminToken::from_hash(sign_in.hash).matches(&hash)
                && sign_in.is_ticket == secret.starts_with(TICKET)
        };
        let Some(found) = self.all().await?.into_iter().find(same) else { return Ok(None) };
        if found.is_ticket || !is_valid(&found, now) {
            // Of several calls with one ticket, one removes it.
            let removed = self.remove(vec![found.hash]).await?;
            return Ok(Some(found.name)
                .filter(|_| found.is_ticket && removed > 0 && age(found.made, now) < TICKET_LIFE));
        }
        if self.store.node_tables().is_none() || age(found.used, now) > NOTE_EVERY {
            self.note_use(found.hash, now).await?;
        }
        Ok(Some(found.name))
    }

    /// Ends the sessions of a token that was revoked, so that none is taken for one of a later token of the same name.
    pub(crate) async fn end_all(&self, name: &str) -> Result<(), StoreError> {
        let of_token = self.all().await?.into_iter().filter(|sign_in| sign_in.name == name);
        self.remove(of_token.map(|sign_in| sign_in.hash).collect()).await.map(drop)
    }

    /// Ends a session; a secret of none ends nothing.
    pub(crate) async fn end(&self, secret: &str) -> Result<(), StoreError> {
        self.remove(vec![AdminToken::new(secret).hash()]).await.map(drop)
    }

    async fn add(&self, prefix: &str, name: &str) -> Result<String, StoreError> {
        let random = random_token().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (secret, now) = (format!("{prefix}{random}"), now());
        let is_ticket = prefix == TICKET;
        let (valid, mut removed): (Vec<_>, Vec<_>) =
            self.all().await?.into_iter().partition(|sign_in| is_valid(sign_in, now));
        let mut of_kind: Vec<_> =
            valid.into_iter().filter(|sign_in| sign_in.is_ticket == is_ticket).collect();
        of_kind.sort_by_key(|sign_in| sign_in.used);
        let too_many = (of_kind.len() + 1).saturating_sub(SECRETS_MAX);
        removed.extend(of_kind.drain(..too_many));
        self.remove(removed.into_iter().map(|sign_in| sign_in.hash).collect()).await?;
        let hash = AdminToken::new(&secret).hash();
        let sign_in = SignIn { hash, name: name.to_owned(), is_ticket, made: now, used: now };
        match self.shared() {
            Some(tables) => tables.add_sign_in(sign_in).await?,
            None => self.own().push(sign_in),
        }
        Ok(secret)
    }

    fn shared(&self) -> Option<&dyn NodeTables> {
        self.store.node_tables()
    }

    fn own(&self) -> MutexGuard<'_, Vec<SignIn>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn all(&self) -> Result<Vec<SignIn>, StoreError> {
        match self.shared() {
            Some(tables) => tables.sign_ins().await,
            None => Ok(self.own().clone()),
        }
    }

    /// One that was ended meanwhile stays so.
    async fn note_use(&self, hash: [u8; 32], used: UnixMillis) -> Result<(), StoreError> {
        if let Some(tables) = self.shared() {
            return tables.note_use(hash, used).await;
        }
        if let Some(known) = self.own().iter_mut().find(|known| known.hash == hash) {
            known.used = used;
        }
        Ok(())
    }

    async fn remove(&self, hashes: Vec<[u8; 32]>) -> Result<u64, StoreError> {
        if let Some(tables) = self.shared() {
            return tables.remove_sign_ins(hashes).await;
        }
        let mut own = self.own();
        let before = own.len();
        own.retain(|known| !hashes.contains(&known.hash));
        Ok((before - own.len()) as u64)
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// How long ago a moment is; another server's clock may be ahead of ours.
fn age(at: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(now.0.saturating_sub(at.0))
}

fn is_valid(sign_in: &SignIn, now: UnixMillis) -> bool {
    let made = age(sign_in.made, now);
    if sign_in.is_ticket { made < TICKET_LIFE } else { made < LIFE && age(sign_in.used, now) < IDLE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_store::MemoryStore;

    fn sessions() -> Sessions {
        Sessions::new(Arc::new(MemoryStore::new()))
    }

    #[tokio::test]
    async fn a_session_lasts_and_a_ticket_is_used_up() {
        let sessions = sessions();
        let session = sessions.begin("ci").await.unwrap();
        let ticket = sessions.ticket("local").await.unwrap();
        for _ in 0..2 {
            assert_eq!(sessions.identify(&session).await.unwrap().as_deref(), Some("ci"));
        }
        assert_eq!(sessions.identify(&ticket).await.unwrap().as_deref(), Some("local"));
        assert_eq!(sessions.identify(&ticket).await.unwrap(), None);
        for neither in ["", "ps_", "pl_", "ps_00", &session[3..], &session.replacen("ps_", "pl_", 1)] {
            assert_eq!(sessions.identify(neither).await.unwrap(), None, "{neither}");
        }
        sessions.end(&session).await.unwrap();
        assert_eq!(sessions.identify(&session).await.unwrap(), None);
    }

    #[tokio::test]
    async fn all_sessions_of_one_token_end() {
        let sessions = sessions();
        let (ci, kept) = (sessions.begin("ci").await.unwrap(), sessions.begin("kept").await.unwrap());
        let ticket = sessions.ticket("ci").await.unwrap();
        sessions.end_all("ci").await.unwrap();
        for (secret, lives) in [(&ci, false), (&ticket, false), (&kept, true)] {
            assert_eq!(sessions.identify(secret).await.unwrap().is_some(), lives);
        }
    }

    #[tokio::test]
    async fn old_and_unused_sessions_end() {
        let after = async |is_ticket: bool, made: Duration, used: Duration| {
            let (sessions, secret) = (sessions(), if is_ticket { "pl_x" } else { "ps_x" });
            let ago = |time: Duration| UnixMillis(now().0 - u64::try_from(time.as_millis()).unwrap());
            let hash = AdminToken::new(secret).hash();
            let (made, used) = (ago(made), ago(used));
            sessions.own().push(SignIn { hash, name: "ci".into(), is_ticket, made, used });
            sessions.identify(secret).await.unwrap().is_some()
        };
        let (second, zero) = (Duration::from_secs(1), Duration::ZERO);
        assert!(after(false, second, second).await && after(true, second, second).await);
        assert!(after(false, LIFE - second * 9, zero).await && after(false, IDLE, IDLE - second * 9).await);
        assert!(!after(true, TICKET_LIFE, zero).await);
        assert!(!after(false, LIFE, zero).await);
        assert!(!after(false, IDLE, IDLE).await);
    }

    #[tokio::test]
    async fn one_more_session_takes_the_place_of_the_one_unused_for_longest() {
        let sessions = sessions();
        let mut all = Vec::new();
        for number in 0..SECRETS_MAX {
            all.push(sessions.begin("ci").await.unwrap());
            // In the order in which they were made, however fast that was.
            sessions.own().last_mut().unwrap().used.0 -= (SECRETS_MAX - number) as u64 * 10;
        }
        assert!(sessions.identify(&all[0]).await.unwrap().is_some(), "used after all others");
        all.push(sessions.begin("ci").await.unwrap());
        assert_eq!(sessions.identify(&all[1]).await.unwrap(), None);
        for used in [0, SECRETS_MAX] {
            assert!(sessions.identify(&all[used]).await.unwrap().is_some());
        }
    }
}
