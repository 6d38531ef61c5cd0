//! The console's sessions, and one-use tickets. Both are made by a caller that is authenticated already, live in memory
//! alone, and die with the token that made them.

use crate::secret::{AdminToken, random_token};
use portraitd_model::{SdkAppId, UserId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A session's secret starts with it.
const SESSION: &str = "ps_";
/// A ticket starts with it.
const TICKET: &str = "pl_";
/// A ticket for a download starts with it.
const DOWNLOAD: &str = "pd_";
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

/// Whether a secret has the form of a session's.
pub(crate) fn is_session(secret: &str) -> bool {
    secret.starts_with(SESSION)
}

/// The sessions and tickets of a server.
#[derive(Default)]
pub(crate) struct Sessions {
    /// The sessions.
    active: Mutex<Vec<Secret>>,
    /// The tickets that sign in.
    tickets: Mutex<Vec<Secret>>,
    /// The tickets for downloads.
    downloads: Mutex<Vec<Secret>>,
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

/// A session or a ticket, without its text.
struct Secret {
    hash: AdminToken,
    /// The name of the token that it stands for.
    name: Arc<str>,
    made: Instant,
    used: Instant,
    /// What a ticket for a download opens.
    export: Option<Export>,
}

impl Sessions {
    /// Makes a session for the owner of a token, and returns its secret.
    pub(crate) fn begin(&self, name: Arc<str>) -> anyhow::Result<String> {
        add(&self.active, SESSION, name, None, Secret::lives)
    }

    /// Makes a ticket: valid for one call within [`TICKET_LIFE`].
    pub(crate) fn ticket(&self, name: Arc<str>) -> anyhow::Result<String> {
        add(&self.tickets, TICKET, name, None, |ticket, now| ticket.is_younger(TICKET_LIFE, now))
    }

    /// Makes a ticket for the download of an export, in a URL: valid once within [`DOWNLOAD_TICKET_LIFE`].
    pub(crate) fn download_ticket(&self, name: Arc<str>, export: Export) -> anyhow::Result<String> {
        let is_valid = |ticket: &Secret, now| ticket.is_younger(DOWNLOAD_TICKET_LIFE, now);
        add(&self.downloads, DOWNLOAD, name, Some(export), is_valid)
    }

    /// Returns whose ticket for the download of this export it is; `None` when it is none, too old, or for another export. It
    /// is used up by this.
    pub(crate) fn identify_download(&self, secret: &str, export: &Export) -> Option<Arc<str>> {
        let ticket = take(&self.downloads, &AdminToken::new(secret))?;
        let is_valid = ticket.is_younger(DOWNLOAD_TICKET_LIFE, Instant::now());
        (is_valid && ticket.export.as_ref() == Some(export)).then_some(ticket.name)
    }

    /// Returns whose session or ticket a secret is; `None` when it is neither, or too old. A ticket is used up by this. A
    /// ticket for a download is neither.
    pub(crate) fn identify(&self, secret: &str) -> Option<Arc<str>> {
        let (now, hash) = (Instant::now(), AdminToken::new(secret));
        if secret.starts_with(TICKET) {
            let ticket = take(&self.tickets, &hash)?;
            return ticket.is_younger(TICKET_LIFE, now).then_some(ticket.name);
        }
        if !is_session(secret) {
            return None;
        }
        let mut sessions = lock(&self.active);
        sessions.retain(|session| session.lives(now));
        let session = sessions.iter_mut().find(|session| session.hash.matches(&hash))?;
        session.used = now;
        Some(Arc::clone(&session.name))
    }

    /// Ends the sessions of a token that was revoked, so that none is taken for one of a later token of the same name.
    pub(crate) fn end_all(&self, name: &str) {
        for secrets in [&self.active, &self.tickets, &self.downloads] {
            lock(secrets).retain(|secret| *secret.name != *name);
        }
        self.notify();
    }

    /// Ends a session; a secret of none ends nothing.
    pub(crate) fn end(&self, secret: &str) {
        let hash = AdminToken::new(secret);
        lock(&self.active).retain(|session| !session.hash.matches(&hash));
        self.notify();
    }

    /// Returns whether a session has not ended, and counts that as a use of it.
    pub(crate) fn is_alive(&self, session: &AdminToken) -> bool {
        let now = Instant::now();
        let mut sessions = lock(&self.active);
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

    fn is_younger(&self, life: Duration, now: Instant) -> bool {
        now.duration_since(self.made) < life
    }
}

fn lock(secrets: &Mutex<Vec<Secret>>) -> MutexGuard<'_, Vec<Secret>> {
    secrets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a ticket out of its list.
fn take(tickets: &Mutex<Vec<Secret>>, hash: &AdminToken) -> Option<Secret> {
    let mut tickets = lock(tickets);
    let place = tickets.iter().position(|ticket| ticket.hash.matches(hash))?;
    Some(tickets.swap_remove(place))
}

fn add(
    secrets: &Mutex<Vec<Secret>>,
    prefix: &str,
    name: Arc<str>,
    export: Option<Export>,
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
    secrets.push(Secret { hash: AdminToken::new(&text), name, made: now, used: now, export });
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
    fn a_download_ticket_opens_its_export_once_and_nothing_else() {
        let sessions = Sessions::default();
        let export = |app, user: Option<&str>| Export {
            app: SdkAppId(app),
            user: user.map(|user| UserId::parse(user).unwrap()),
        };
        let ticket = |of| sessions.download_ticket("ci".into(), of).unwrap();
        let all = ticket(export(1, None));
        assert_eq!(sessions.identify(&all), None, "it signs nobody in");
        assert_eq!(sessions.identify_download(&all, &export(1, None)).as_deref(), Some("ci"));
        assert_eq!(sessions.identify_download(&all, &export(1, None)), None, "twice");
        for (made, used) in [
            (export(1, None), export(2, None)),
            (export(1, None), export(1, Some("a"))),
            (export(1, Some("a")), export(1, None)),
            (export(1, Some("a")), export(1, Some("b"))),
        ] {
            let ticket = ticket(made.clone());
            assert_eq!(sessions.identify_download(&ticket, &used), None, "{made:?} as {used:?}");
            assert_eq!(sessions.identify_download(&ticket, &made), None, "used up by the attempt");
        }
        for other in [sessions.ticket("ci".into()).unwrap(), sessions.begin("ci".into()).unwrap()] {
            assert_eq!(sessions.identify_download(&other, &export(1, None)), None);
            assert!(sessions.identify(&other).is_some());
        }
        let old = ticket(export(1, None));
        lock(&sessions.downloads)[0].made -= DOWNLOAD_TICKET_LIFE;
        assert_eq!(sessions.identify_download(&old, &export(1, None)), None, "after a minute");
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
            let secret = Secret {
                hash: AdminToken::new("x"),
                name: "ci".into(),
                made: now,
                used: now + made,
                export: None,
            };
            (secret.lives(now + made + used), secret.is_younger(TICKET_LIFE, now + made + used))
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
