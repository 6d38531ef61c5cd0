//! The console's sessions, and one-use tickets. Both are made by a caller that is authenticated already, and die with the token
//! that made them.
//!
//! A server on a store of its own keeps them in memory. Where several servers share a store they lie in a table of it
//! ([`NodeTables`]), and each call looks there: a load balancer may send each call of a page to another server. Signed tokens
//! would need no table for reading, but one for tickets that are used, another for sessions that have ended, and a key that
//! all servers know; the table is all of this, and a caller that signs out is out on every server at once.

use crate::secret::{AdminToken, random_token};
use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, SdkAppId, UnixMillis, UserId, bilingual};
use portraitd_store::{NodeTables, SignIn, Store, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A session's secret starts with it.
const SESSION: &str = "ps_";
/// A ticket starts with it.
const TICKET: &str = "pl_";
/// A ticket for a download starts with it.
const DOWNLOAD: &str = "pd_";
/// What a session is for, and a ticket that signs in; a ticket for a download is for an [`Export`].
const OF_SESSION: &str = "session";
const OF_TICKET: &str = "sign-in";
/// The longest life of a session.
const LIFE: Duration = Duration::from_hours(12);
/// The longest pause between two calls of a session.
const IDLE: Duration = Duration::from_mins(30);
/// How long a ticket can be used.
pub(crate) const TICKET_LIFE: Duration = Duration::from_mins(5);
/// How long a ticket for a download can be used.
pub(crate) const DOWNLOAD_TICKET_LIFE: Duration = Duration::from_mins(1);
/// The most sessions, and the most tickets of each kind; another one takes the place of the one unused for longest.
const SECRETS_MAX: usize = 100;
/// The use of a session is noted in a shared table this often only: each note is a write of the database.
const NOTE_EVERY: Duration = Duration::from_mins(1);

/// Whether a secret has the form of a session's.
pub(crate) fn is_session(secret: &str) -> bool {
    secret.starts_with(SESSION)
}

/// The sessions and tickets of a server, or of all servers of a store.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    /// Those of a store that is not shared.
    own: Mutex<Vec<SignIn>>,
    /// Notified when a session or a token may have ended.
    changes: watch::Sender<()>,
}

/// An export: what a ticket for a download opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Export {
    pub(crate) app: SdkAppId,
    /// The only account; `None`: all of them.
    pub(crate) user: Option<UserId>,
}

impl Export {
    fn scope(&self) -> String {
        let user = self.user.as_ref().map(|user| format!(" {user}")).unwrap_or_default();
        format!("export {}{user}", self.app)
    }
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, own: Mutex::default(), changes: watch::Sender::default() }
    }

    /// Makes a session for the owner of a token, and returns its secret.
    pub(crate) async fn begin(&self, name: &str) -> Result<String, StoreError> {
        self.add(SESSION, name, OF_SESSION.to_owned()).await
    }

    /// Makes a ticket: valid for one call within [`TICKET_LIFE`].
    pub(crate) async fn ticket(&self, name: &str) -> Result<String, StoreError> {
        self.add(TICKET, name, OF_TICKET.to_owned()).await
    }

    /// Makes a ticket for the download of an export, in a URL: valid once within [`DOWNLOAD_TICKET_LIFE`].
    pub(crate) async fn download_ticket(&self, name: &str, export: &Export) -> Result<String, StoreError> {
        self.add(DOWNLOAD, name, export.scope()).await
    }

    /// Returns whose ticket for the download of this export it is; `None` when it is none, too old, or for another export. It
    /// is used up by this.
    pub(crate) async fn identify_download(
        &self,
        secret: &str,
        export: &Export,
    ) -> Result<Option<Arc<str>>, StoreError> {
        let ticket = self.take(secret, DOWNLOAD).await?;
        Ok(ticket.filter(|ticket| ticket.scope == export.scope()).map(|ticket| ticket.name.into()))
    }

    /// Returns whose session or ticket a secret is; `None` when it is neither, or too old. A ticket is used up by this. A
    /// ticket for a download is neither.
    pub(crate) async fn identify(&self, secret: &str) -> Result<Option<Arc<str>>, StoreError> {
        if secret.starts_with(TICKET) {
            let ticket = self.take(secret, TICKET).await?;
            return Ok(ticket.map(|ticket| ticket.name.into()));
        }
        if !is_session(secret) {
            return Ok(None);
        }
        let now = now();
        let session = self.find(secret, SESSION).await?.filter(|session| is_valid(session, now));
        let Some(session) = session else { return Ok(None) };
        if self.shared().is_none() || age(session.used, now) > NOTE_EVERY {
            self.note_use(session.hash, now).await?;
        }
        Ok(Some(session.name.into()))
    }

    /// Ends the sessions of a token that was revoked, so that none is taken for one of a later token of the same name.
    pub(crate) async fn end_all(&self, name: &str) -> Result<(), StoreError> {
        let of_token = self.all().await?.into_iter().filter(|sign_in| sign_in.name == name);
        self.remove(of_token.map(|sign_in| sign_in.hash).collect()).await?;
        self.notify();
        Ok(())
    }

    /// Ends a session; a secret of none ends nothing.
    pub(crate) async fn end(&self, secret: &str) -> Result<(), StoreError> {
        if is_session(secret) {
            self.remove(vec![AdminToken::new(secret).hash()]).await?;
            self.notify();
        }
        Ok(())
    }

    /// Returns whether a session has not ended, and counts that as a use of it. For streams, which only an emulator has: its
    /// store is never shared.
    pub(crate) fn is_alive(&self, session: &AdminToken) -> bool {
        let (now, mut own) = (now(), self.own());
        let known = own.iter_mut().find(|known| same(known, session) && is_valid(known, now));
        known.map(|known| known.used = now).is_some()
    }

    /// Returns what is notified when a session or a token may have ended.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Notifies those that wait for the end of a session or a token.
    pub(crate) fn notify(&self) {
        self.changes.send_replace(());
    }

    async fn add(&self, prefix: &str, name: &str, scope: String) -> Result<String, StoreError> {
        let random = random_token().map_err(|error| {
            StoreError::Unavailable(bilingual!("no random bytes: {error}", "系统未能提供随机数：{error}"))
        })?;
        let (secret, now) = (format!("{prefix}{random}"), now());
        let (valid, mut removed): (Vec<_>, Vec<_>) =
            self.all().await?.into_iter().partition(|sign_in| is_valid(sign_in, now));
        let mut of_kind: Vec<_> =
            valid.into_iter().filter(|sign_in| prefix_of(&sign_in.scope) == prefix).collect();
        of_kind.sort_by_key(|sign_in| sign_in.used);
        let too_many = (of_kind.len() + 1).saturating_sub(SECRETS_MAX);
        removed.extend(of_kind.drain(..too_many));
        self.remove(removed.into_iter().map(|sign_in| sign_in.hash).collect()).await?;
        let hash = AdminToken::new(&secret).hash();
        let sign_in = SignIn { hash, name: name.to_owned(), scope, made: now, used: now };
        match self.shared() {
            Some(tables) => tables.add_sign_in(sign_in).await?,
            None => self.own().push(sign_in),
        }
        Ok(secret)
    }

    async fn find(&self, secret: &str, prefix: &str) -> Result<Option<SignIn>, StoreError> {
        let hash = AdminToken::new(secret);
        let found = match self.shared() {
            Some(tables) => tables.sign_in(hash.hash()).await?,
            None => self.own().iter().find(|known| same(known, &hash)).cloned(),
        };
        Ok(found.filter(|known| prefix_of(&known.scope) == prefix))
    }

    /// Uses a ticket up; returns it if it was still valid. Of several calls with one ticket, one gets it.
    async fn take(&self, secret: &str, prefix: &str) -> Result<Option<SignIn>, StoreError> {
        let Some(ticket) = self.find(secret, prefix).await? else { return Ok(None) };
        let removed = self.remove(vec![ticket.hash]).await?;
        Ok(Some(ticket).filter(|ticket| removed > 0 && is_valid(ticket, now())))
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

    /// A session that was ended meanwhile stays so.
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

/// The machine's time: an emulator's clock, which tests move, must sign no one out.
fn now() -> UnixMillis {
    SystemClock.now()
}

/// How long ago a moment is; another server's clock may be ahead of ours.
fn age(at: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(now.0.saturating_sub(at.0))
}

fn same(sign_in: &SignIn, hash: &AdminToken) -> bool {
    AdminToken::from_hash(sign_in.hash).matches(hash)
}

/// What the secret of a sign-in starts with.
fn prefix_of(scope: &str) -> &'static str {
    match scope {
        OF_SESSION => SESSION,
        OF_TICKET => TICKET,
        _ => DOWNLOAD,
    }
}

fn is_valid(sign_in: &SignIn, now: UnixMillis) -> bool {
    let made = age(sign_in.made, now);
    match prefix_of(&sign_in.scope) {
        SESSION => made < LIFE && age(sign_in.used, now) < IDLE,
        TICKET => made < TICKET_LIFE,
        _ => made < DOWNLOAD_TICKET_LIFE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_store::MemoryStore;

    fn sessions() -> Sessions {
        Sessions::new(Arc::new(MemoryStore::new()))
    }

    fn millis(time: Duration) -> u64 {
        u64::try_from(time.as_millis()).unwrap()
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
        assert!(sessions.is_alive(&AdminToken::new(&session)));
        sessions.end(&session).await.unwrap();
        assert_eq!(sessions.identify(&session).await.unwrap(), None);
        assert!(!sessions.is_alive(&AdminToken::new(&session)));
    }

    #[tokio::test]
    async fn a_download_ticket_opens_its_export_once_and_nothing_else() {
        let sessions = sessions();
        let export = |app, user: Option<&str>| Export {
            app: SdkAppId(app),
            user: user.map(|user| UserId::parse(user).unwrap()),
        };
        let ticket = async |of: &Export| sessions.download_ticket("ci", of).await.unwrap();
        let opens = async |ticket: &str, of: &Export| sessions.identify_download(ticket, of).await.unwrap();
        let all = ticket(&export(1, None)).await;
        assert_eq!(sessions.identify(&all).await.unwrap(), None, "it signs no one in");
        assert_eq!(opens(&all, &export(1, None)).await.as_deref(), Some("ci"));
        assert_eq!(opens(&all, &export(1, None)).await, None, "twice");
        for (made, used) in [
            (export(1, None), export(2, None)),
            (export(1, None), export(1, Some("a"))),
            (export(1, Some("a")), export(1, None)),
            (export(1, Some("a")), export(1, Some("b"))),
        ] {
            let ticket = ticket(&made).await;
            assert_eq!(opens(&ticket, &used).await, None, "{made:?} as {used:?}");
            assert_eq!(opens(&ticket, &made).await, None, "used up by the attempt");
        }
        for other in [sessions.ticket("ci").await.unwrap(), sessions.begin("ci").await.unwrap()] {
            assert_eq!(opens(&other, &export(1, None)).await, None);
            assert!(sessions.identify(&other).await.unwrap().is_some());
        }
        let old = ticket(&export(1, None)).await;
        sessions.own().last_mut().unwrap().made.0 -= millis(DOWNLOAD_TICKET_LIFE);
        assert_eq!(opens(&old, &export(1, None)).await, None, "after a minute");
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

    #[test]
    fn old_and_unused_sessions_end() {
        // The time from when it was made to its last use, and the time since.
        let valid = |scope: &str, made: Duration, used: Duration| {
            let now = UnixMillis(1 << 40);
            let used_at = UnixMillis(now.0 - millis(used));
            let made = UnixMillis(used_at.0 - millis(made));
            let scope = scope.to_owned();
            is_valid(&SignIn { hash: [0; 32], name: "ci".into(), scope, made, used: used_at }, now)
        };
        let (second, zero) = (Duration::from_secs(1), Duration::ZERO);
        assert!(valid(OF_SESSION, zero, second) && valid(OF_TICKET, zero, second));
        assert!(valid(OF_SESSION, TICKET_LIFE, zero) && !valid(OF_TICKET, TICKET_LIFE, zero));
        assert!(valid(OF_SESSION, LIFE / 2, zero) && !valid(OF_SESSION, LIFE, zero));
        assert!(!valid(OF_SESSION, zero, IDLE));
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
