//! Reads, on connections of their own. A read sees every change that was acknowledged before it started: what the table does not
//! have yet is in memory.

use crate::connection;
use crate::error::reason;
use crate::files::Files;
use crate::primitives::{Mutex, MutexGuard};
use crate::profile_cache::{Known, ProfileCache, Version};
use crate::write::rows;
use portraitd_model::{AccountState, AppRecord, Bilingual, SdkAppId, UnixSeconds, UserId, bilingual};
use portraitd_store::engine::last_with_prefix;
use portraitd_store::{Found, StoreError, codec};
use rusqlite::{Connection, OptionalExtension, Transaction, ffi, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// A pool of connections for reading. There are at most as many as threads that read at the same time.
pub(crate) struct Readers {
    path: PathBuf,
    files: Arc<Files>,
    /// Connections not in use; `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(path: &Path, files: Arc<Files>) -> Self {
        Self { path: path.to_owned(), files, idle: Mutex::new(Some(Vec::new())) }
    }

    /// Runs a read on a pooled connection; opens one when all are in use.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let pooled = match self.lock().as_mut() {
            Some(idle) => idle.pop(),
            None => return Err(StoreError::closed()),
        };
        let connection = match pooled {
            Some(connection) => connection,
            None => self.open()?,
        };
        let outcome = read(&connection);
        // A connection that failed may be broken: it is not used again.
        if outcome.is_ok()
            && let Some(idle) = self.lock().as_mut()
        {
            idle.push(connection);
        }
        outcome
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let connection = connection::reading(&self.path).map_err(failed)?;
        // The path may lead to another store by now.
        self.files.verify()?;
        Ok(connection)
    }

    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn failed(error: rusqlite::Error) -> StoreError {
    match connection::result_code(&error) {
        Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB) => StoreError::Corrupt(reason(&error)),
        _ => StoreError::Unavailable(Bilingual::quoted(error)),
    }
}

/// One snapshot for several statements.
pub(crate) fn read_transaction(connection: &Connection) -> Result<Transaction<'_>, StoreError> {
    connection.unchecked_transaction().map_err(failed)
}

/// Reads profiles from the cache, and those that it does not have from the table.
pub(crate) fn profiles(
    readers: &Readers,
    cache: &ProfileCache,
    app: SdkAppId,
    users: &[UserId],
) -> Result<Vec<Found>, StoreError> {
    let mut missed = Vec::new();
    let mut found = Vec::with_capacity(users.len());
    for (index, user) in users.iter().enumerate() {
        found.push(match cache.get(&(app, *user)) {
            Known::Account(account) => decoded(app, *user, &account.profile),
            Known::Deleted(_) => Found::Missing,
            Known::Nothing(version) => {
                missed.push((index, *user, version));
                Found::Missing
            }
        });
    }
    if missed.is_empty() {
        return Ok(found);
    }
    let read = readers.with(|connection| from_table(connection, cache, app, &missed))?;
    for ((index, ..), read) in missed.into_iter().zip(read) {
        if let Some(slot) = found.get_mut(index) {
            *slot = read;
        }
    }
    Ok(found)
}

fn decoded(app: SdkAppId, user: UserId, bytes: &[u8]) -> Found {
    match codec::decode_profile(app, user, bytes) {
        Ok(profile) => Found::Profile(profile),
        Err(damaged) => {
            tracing::error!(sdkappid = app.0, %user, "{damaged}");
            Found::Damaged
        }
    }
}

fn from_table(
    connection: &Connection,
    cache: &ProfileCache,
    app: SdkAppId,
    missed: &[(usize, UserId, Version)],
) -> Result<Vec<Found>, StoreError> {
    let _snapshot = (missed.len() > 1).then(|| read_transaction(connection)).transpose()?;
    let mut select = connection.prepare_cached(rows::FIND).map_err(failed)?;
    let mut find = |(_, user, version): &(usize, UserId, Version)| {
        let read = select.query_row(params![app.0, user.as_str()], |row| {
            let account = rows::account(row)?;
            let found = decoded(app, *user, &account.profile);
            if matches!(found, Found::Profile(_)) {
                cache.insert_if_current((app, *user), account, *version);
            }
            Ok(found)
        });
        match read.optional() {
            Ok(found) => Ok(found.unwrap_or(Found::Missing)),
            Err(error) if connection::is_of_one_page(&error) => {
                tracing::error!(sdkappid = app.0, %user, %error, "a page can't be read");
                Ok(Found::Damaged)
            }
            Err(error) => Err(failed(error)),
        }
    };
    missed.iter().map(&mut find).collect()
}

/// Reads states from the cache, and those that it does not have from the table.
pub(crate) fn states(
    readers: &Readers,
    cache: &ProfileCache,
    app: SdkAppId,
    users: &[UserId],
) -> Result<Vec<Option<AccountState>>, StoreError> {
    let mut missed = Vec::new();
    let mut states = Vec::with_capacity(users.len());
    for (index, user) in users.iter().enumerate() {
        states.push(match cache.get(&(app, *user)) {
            Known::Account(account) => Some(AccountState { kicked_at: account.kicked_at }),
            Known::Deleted(_) => None,
            Known::Nothing(_) => {
                missed.push((index, *user));
                None
            }
        });
    }
    if missed.is_empty() {
        return Ok(states);
    }
    let read = readers.with(|connection| states_in_table(connection, app, &missed))?;
    for ((index, _), read) in missed.into_iter().zip(read) {
        if let Some(slot) = states.get_mut(index) {
            *slot = read;
        }
    }
    Ok(states)
}

fn states_in_table(
    connection: &Connection,
    app: SdkAppId,
    missed: &[(usize, UserId)],
) -> Result<Vec<Option<AccountState>>, StoreError> {
    let _snapshot = (missed.len() > 1).then(|| read_transaction(connection)).transpose()?;
    let sql = "SELECT kicked_at FROM accounts WHERE app = ?1 AND user = ?2";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut find = |(_, user): &(usize, UserId)| {
        let kicked_at = select.query_row(params![app.0, user.as_str()], |row| row.get::<_, Option<u64>>(0));
        let state = |kicked_at: Option<u64>| AccountState { kicked_at: kicked_at.map(UnixSeconds) };
        Ok(kicked_at.optional().map_err(failed)?.map(state))
    };
    missed.iter().map(&mut find).collect()
}

pub(crate) fn accounts_page(
    connection: &Connection,
    app: SdkAppId,
    prefix: &str,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    let last = last_with_prefix(prefix);
    let sql = "SELECT user FROM accounts WHERE app = ?1 AND user > ?2 AND user >= ?3 AND user <= ?4
               ORDER BY user LIMIT ?5";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let after = after.as_ref().map_or("", UserId::as_str);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![app.0, after, prefix, last, limit], |row| row.get::<_, String>(0));
    let read = |text: rusqlite::Result<String>| {
        let text = text.map_err(failed)?;
        UserId::parse(&text).map_err(|error| {
            let why = Bilingual::of(|language| error.explain(language));
            StoreError::Corrupt(
                why.after(&format!("a UserID of app {app}: "), &format!("应用 {app} 的 UserID：")),
            )
        })
    };
    rows.map_err(failed)?.map(read).collect()
}

pub(crate) fn catalog(readers: &Readers, cache: &ProfileCache) -> Result<Vec<AppRecord>, StoreError> {
    let mut records = readers.with(settings)?;
    for record in &mut records {
        let (id, admins) = (record.settings.id, &record.settings.admins);
        let kicked = admins.iter().zip(states(readers, cache, id, admins)?);
        record.kicked_admins =
            kicked.filter_map(|(admin, state)| Some((*admin, state?.kicked_at?))).collect();
    }
    Ok(records)
}

/// The settings of every app.
fn settings(connection: &Connection) -> Result<Vec<AppRecord>, StoreError> {
    let sql = "SELECT id, revision, settings, words FROM apps ORDER BY id";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let rows = select.query_map([], |row| {
        let (id, revision): (u32, u64) = (row.get(0)?, row.get(1)?);
        Ok((SdkAppId(id), revision, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
    });
    let read = |row: rusqlite::Result<(SdkAppId, u64, String, String)>| {
        let (id, revision, json, words) = row.map_err(failed)?;
        let settings = codec::decode_settings(id, &json, &words).map_err(|why| {
            StoreError::Corrupt(bilingual!("the settings of app {id}: {why}", "应用 {id} 的设置：{why}"))
        })?;
        Ok(AppRecord { settings, revision, kicked_admins: BTreeMap::new() })
    };
    rows.map_err(failed)?.map(read).collect()
}
