//! The console's sessions, and one-use tickets. Both are made by a caller that is authenticated already, live in memory
//! alone, and die with the token that made them.

use crate::secret::{AdminToken, random_token};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

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

/// Whether a secret has the form of a session's.
pub(crate) fn is_session(secret: &str) -> bool {
    secret.starts_with(SESSION)
}

/// The sessions and tickets of a server.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<Vec<Secret>>,
    tickets: Mutex<Vec<Secret>>,
    /// Notified when a session or a token may have ended.
    changes: watch::Sender<()>,
}

/// A session or a ticket, without its text.
struct Secret {
    hash: AdminToken,
    /// The name of the token that it stands for.
    name: Arc<str>,
    made: Instant,
    used: Instant,
}

impl Sessions {
    /// Makes a session for the owner of a token, and returns its secret.
    pub(crate) fn begin(&self, name: Arc<str>) -> anyhow::Result<String> {
        add(&self.open, SESSION, name, Secret::lives)
    }

    /// Makes a ticket: valid for one call within [`TICKET_LIFE`].
    pub(crate) fn ticket(&self, name: Arc<str>) -> anyhow::Result<String> {
        add(&self.tickets, TICKET, name, Secret::is_fresh)
    }

    /// Returns whose session or ticket a secret is; `None` when it is neither, or too old. A ticket is used up by this.
    pub(crate) fn identify(&self, secret: &str) -> Option<Arc<str>> {
        let (now, hash) = (Instant::now(), AdminToken::new(secret));
        if secret.starts_with(TICKET) {
            let mut tickets = lock(&self.tickets);
            let place = tickets.iter().position(|ticket| ticket.hash.matches(&hash))?;
            let ticket = tickets.swap_remove(place);
            return ticket.is_fresh(now).then_some(ticket.name);
        }
        if !is_session(secret) {
            return None;
        }
        let mut sessions = lock(&self.open);
        sessions.retain(|session| session.lives(now));
        let session = sessions.iter_mut().find(|session| session.hash.matches(&hash))?;
        session.used = now;
        Some(Arc::clone(&session.name))
    }

    /// Ends the sessions of a token that was revoked, so that none is taken for one of a later token of the same name.
    pub(crate) fn end_all(&self, name: &str) {
        for secrets in [&self.open, &self.tickets] {
            lock(secrets).retain(|secret| *secret.name != *name);
        }
        self.notify();
    }

    /// Ends a session; a secret of none ends nothing.
    pub(crate) fn end(&self, secret: &str) {
        let hash = AdminToken::new(secret);
        lock(&self.open).retain(|session| !session.hash.matches(&hash));
        self.notify();
    }

    /// Returns whether a session has not ended, and counts that as a use of it.
    pub(crate) fn is_alive(&self, session: &AdminToken) -> bool {
        let now = Instant::now();
        let mut sessions = lock(&self.open);
        let known = sessions.iter_mut().find(|known| known.hash.matches(session) && known.lives(now));
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
}

impl Secret {
    fn lives(&self, now: Instant) -> bool {
        now.duration_since(self.made) < LIFE && now.duration_since(self.used) < IDLE
    }

    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.made) < TICKET_LIFE
    }
}

fn lock(secrets: &Mutex<Vec<Secret>>) -> MutexGuard<'_, Vec<Secret>> {
    secrets.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(
    secrets: &Mutex<Vec<Secret>>,
    prefix: &str,
    name: Arc<str>,
    is_valid: fn(&Secret, Instant) -> bool,
) -> anyhow::Result<String> {
    let (text, now) = (format!("{prefix}{}", random_token()?), Instant::now());
    let mut secrets = lock(secrets);
    secrets.retain(|secret| is_valid(secret, now));
    if secrets.len() >= SECRETS_MAX
        && let Some(oldest) =
            secrets.iter().enumerate().min_by_key(|(_, secret)| secret.used).map(|(place, _)| place)
    {
        secrets.swap_remove(oldest);
    }
    secrets.push(Secret { hash: AdminToken::new(&text), name, made: now, used: now });
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_and_a_ticket_is_used_up() {
        let sessions = Sessions::default();
        let session = sessions.begin("ci".into()).unwrap();
        let ticket = sessions.ticket("local".into()).unwrap();
        for _ in 0..2 {
            assert_eq!(sessions.identify(&session).as_deref(), Some("ci"));
        }
        assert_eq!(sessions.identify(&ticket).as_deref(), Some("local"));
        assert_eq!(sessions.identify(&ticket), None);
        for neither in ["", "ps_", "pl_", "ps_00", &session[3..], &session.replacen("ps_", "pl_", 1)] {
            assert_eq!(sessions.identify(neither), None, "{neither}");
        }
        sessions.end(&session);
        assert_eq!(sessions.identify(&session), None);
    }

    #[test]
    fn all_sessions_of_one_token_end() {
        let sessions = Sessions::default();
        let [ci, kept] = ["ci", "kept"].map(|name| sessions.begin(name.into()).unwrap());
        let ticket = sessions.ticket("ci".into()).unwrap();
        sessions.end_all("ci");
        assert_eq!(
            [&ci, &ticket, &kept].map(|secret| sessions.identify(secret).is_some()),
            [false, false, true]
        );
    }

    #[test]
    fn old_and_unused_sessions_end() {
        let now = Instant::now();
        // The time from when it was made to its last use, and the time since.
        let after = |made: Duration, used: Duration| {
            let secret =
                Secret { hash: AdminToken::new("x"), name: "ci".into(), made: now, used: now + made };
            (secret.lives(now + made + used), secret.is_fresh(now + made + used))
        };
        let (second, zero) = (Duration::from_secs(1), Duration::ZERO);
        assert_eq!(after(zero, second), (true, true));
        assert_eq!(after(TICKET_LIFE, zero), (true, false));
        assert_eq!(after(LIFE, zero), (false, false));
        assert_eq!(after(zero, IDLE), (false, false));
    }

    #[test]
    fn one_more_session_takes_the_place_of_the_one_unused_for_longest() {
        let sessions = Sessions::default();
        let mut all: Vec<String> = (0..SECRETS_MAX).map(|_| sessions.begin("ci".into()).unwrap()).collect();
        assert!(sessions.identify(&all[0]).is_some(), "used after all others");
        all.push(sessions.begin("ci".into()).unwrap());
        assert_eq!(sessions.identify(&all[1]), None);
        assert!(sessions.identify(&all[0]).is_some() && sessions.identify(&all[SECRETS_MAX]).is_some());
    }
}
