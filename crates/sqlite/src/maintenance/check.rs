//! A check of a stopped store: reads everything that is stored, and reports what is damaged.

use crate::OpenError;
use crate::connection::Access;
use crate::directory_lock::DirectoryLock;
use crate::identity;
use crate::{recover, schema};
use portraitd_model::{SdkAppId, UserId};
use portraitd_store::codec;
use rusqlite::{Connection, Row};
use std::fmt;
use std::path::Path;

/// What a check reports while it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// How many accounts were read.
    Progress {
        /// Accounts read by now.
        done: u64,
        /// All accounts.
        total: u64,
    },
    /// Something is damaged.
    Damage(Damage),
    /// Something can be read, but could not be stored today.
    Warning(Damage),
}

/// A damaged place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The app, when it is known.
    pub app: Option<SdkAppId>,
    /// The user, when it is one account's.
    pub user: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = self.app.map(|app| format!("app {app}"));
        let user = self.user.as_ref().map(|user| format!("user {user}"));
        let place = app.into_iter().chain(user).collect::<Vec<_>>().join(", ");
        if place.is_empty() { f.write_str(&self.what) } else { write!(f, "{place}: {}", self.what) }
    }
}

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Apps whose settings were read.
    pub apps: u64,
    /// Accounts whose profile was read.
    pub accounts: u64,
    /// How many places are damaged.
    pub damaged: u64,
}

/// Checks the store in a directory that no process has open: every profile's checksum, every app's settings, and
/// what the engine can check of itself. Changes nothing of what is stored; what the journal has is brought into the tables before.
pub fn check(dir: &Path, report: &mut dyn FnMut(Finding)) -> Result<Checked, OpenError> {
    let path = dir.join("portraitd.db");
    if !path.is_file() {
        return Err(OpenError::NoStore { dir: dir.to_owned() });
    }
    let _lock = DirectoryLock::take(dir)?;
    // The tables do not have what is in the journal. A log or a journal that is damaged is reported, and the tables are checked as they
    // are.
    let mut damage = None;
    match recover::apply_stopped(dir) {
        Err(
            error @ (OpenError::DamagedWal { .. }
            | OpenError::DamagedJournal { .. }
            | OpenError::ForeignJournal { .. }),
        ) => {
            damage = Some(error.to_string());
        }
        applied => applied?,
    }
    let connection = schema::existing(&path, Access::Write)?;
    let mut checked = examine(&connection, report).map_err(OpenError::engine(&path))?;
    if let Some(what) = damage {
        checked.damaged += 1;
        report(Finding::Damage(Damage { app: None, user: None, what }));
    }
    Ok(checked)
}

/// Checks everything that a connection reads.
pub(crate) fn examine(connection: &Connection, report: &mut dyn FnMut(Finding)) -> rusqlite::Result<Checked> {
    let mut check = Check { checked: Checked::default(), report };
    let format = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if let Some(what) = schema::damaged_definition(connection, format)? {
        // What is read by the names of tables and columns may not be what it seems.
        check.damage(None, None, what);
        return Ok(check.checked);
    }
    check.apps(connection)?;
    check.accounts(connection)?;
    check.events(connection)?;
    check.populations(connection)?;
    check.deletions(connection)?;
    check.engine(connection)?;
    Ok(check.checked)
}

struct Check<'a> {
    checked: Checked,
    report: &'a mut dyn FnMut(Finding),
}

impl Check<'_> {
    fn damage(&mut self, app: Option<u32>, user: Option<String>, what: impl Into<String>) {
        self.checked.damaged += 1;
        (self.report)(Finding::Damage(Damage { app: app.map(SdkAppId), user, what: what.into() }));
    }

    fn apps(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare("SELECT id, settings, words FROM apps ORDER BY id")?;
        let mut rows = select.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    self.checked.apps += 1;
                    let id: u32 = row.get(0)?;
                    let texts = row.get::<_, String>(1).and_then(|json| Ok((json, row.get::<_, String>(2)?)));
                    let read = texts.map_err(|error| error.to_string());
                    let read =
                        read.and_then(|(json, words)| codec::decode_settings(SdkAppId(id), &json, &words));
                    if let Err(why) = read {
                        self.damage(Some(id), None, format!("the settings do not read back: {why}"));
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.damage(None, None, format!("the apps can't be read: {error}"));
                    return Ok(());
                }
            }
        }
    }

    fn accounts(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        /// Accounts between two reports of progress.
        const STEP: u64 = 1000;
        // With a damaged index the count fails; the scan and the engine's own check report it.
        let total = connection.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0));
        let total = total.unwrap_or_default();
        let mut select = connection.prepare("SELECT app, user, profile FROM accounts ORDER BY id")?;
        let mut rows = select.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    self.account(row)?;
                    if self.checked.accounts.is_multiple_of(STEP) {
                        (self.report)(Finding::Progress { done: self.checked.accounts, total });
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    let done = self.checked.accounts;
                    self.damage(None, None, format!("only {done} of {total} accounts can be read: {error}"));
                    break;
                }
            }
        }
        (self.report)(Finding::Progress { done: self.checked.accounts, total });
        Ok(())
    }

    fn account(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.checked.accounts += 1;
        let (app, user, profile) = (row.get::<_, u32>(0).ok(), row.get_ref(1)?, row.get_ref(2)?);
        let user = user.as_bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let what = match (app, UserId::parse(&user), profile.as_blob()) {
            (None, ..) => "the number of the app is out of range".to_owned(),
            (_, Err(why), _) => format!("not a UserID: {why}"),
            (Some(app), Ok(user), Ok(bytes)) if codec::decode_profile(SdkAppId(app), user, bytes).is_ok() => {
                if user.is_reserved() {
                    self.warn_of_marker(app, user);
                }
                return Ok(());
            }
            _ => "the profile does not read back".to_owned(),
        };
        self.damage(app, Some(user.into_owned()), what);
        Ok(())
    }

    fn warn_of_marker(&mut self, app: u32, user: UserId) {
        let what = "ids that start with @TLS# are markers of the cloud, and accounts are no longer created with them; \
                    this one stays readable, and portraitd account delete removes it";
        let warning = Damage { app: Some(SdkAppId(app)), user: Some(user.to_string()), what: what.into() };
        (self.report)(Finding::Warning(warning));
    }

    /// Waiting and parked events.
    fn events(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // Format 1 has none.
        if !identity::has_table(connection, "outbox")? {
            return Ok(());
        }
        let mut select = connection.prepare("SELECT app, seq, event FROM outbox")?;
        let mut rows = select.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let event = row.get_ref(2)?;
                    if !event.as_blob().is_ok_and(|bytes| codec::decode_event(bytes).is_ok()) {
                        let (app, seq) = (row.get(0).ok(), row.get::<_, i64>(1)?);
                        self.damage(app, None, format!("event {seq} of the webhook does not read back"));
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.damage(None, None, format!("the webhooks' events can't be read: {error}"));
                    return Ok(());
                }
            }
        }
    }

    /// The stored numbers of accounts against the real ones.
    fn populations(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // Formats 1 and 2 have none.
        if !identity::has_table(connection, "populations")? {
            return Ok(());
        }
        let sql = "SELECT app, (SELECT count(*) FROM accounts WHERE accounts.app = populations.app), accounts FROM populations";
        let numbers = connection.prepare(sql).and_then(|mut select| {
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<(u32, i64, i64)>>>()
        });
        match numbers {
            Ok(numbers) => {
                for (app, counted, kept) in numbers.into_iter().filter(|(_, counted, kept)| counted != kept) {
                    self.damage(Some(app), None, format!("has {counted} accounts, but {kept} are noted"));
                }
            }
            Err(error) => self.damage(None, None, format!("the numbers of accounts can't be read: {error}")),
        }
        Ok(())
    }

    /// The notes of deleted accounts.
    fn deletions(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // Formats 1 to 5 have none.
        if !identity::has_table(connection, "deletions")? {
            return Ok(());
        }
        let mut select = connection.prepare("SELECT app, user FROM deletions")?;
        let mut rows = select.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let (app, user) = (row.get::<_, u32>(0).ok(), row.get::<_, String>(1).ok());
                    if app.is_none() || user.as_deref().is_none_or(|user| UserId::parse(user).is_err()) {
                        self.damage(app, user, "a note of a deletion does not read back");
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.damage(None, None, format!("the notes of deletions can't be read: {error}"));
                    return Ok(());
                }
            }
        }
    }

    /// SQLite's own check: pages, order, and that tables and indexes agree.
    fn engine(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut check = connection.prepare("PRAGMA integrity_check(1000)")?;
        let mut rows = check.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let message: String = row.get(0)?;
                    if message != "ok" {
                        self.damage(None, None, message);
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.damage(None, None, error.to_string());
                    return Ok(());
                }
            }
        }
    }
}
