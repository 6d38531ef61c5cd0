//! Deletion of accounts, and the notes of deletions that an app may keep: account and time, for as long as the account must not
//! be imported again.

use crate::admin;
use crate::reader::failed;
use crate::write::WriteError;
use portraitd_model::{SdkAppId, UnixMillis, UserId};
use portraitd_store::{DELETIONS_UNIT_MAX, Delete, ForgetDeletions, StoreError, WriteOutcome};
use rusqlite::{Connection, OptionalExtension, params};

/// Deletes accounts, and notes the time for those that existed when `noted_at` is given.
pub(crate) fn delete(connection: &Connection, write: &Delete) -> Result<WriteOutcome, WriteError> {
    let Delete { app, users, noted_at } = write;
    let mut delete = connection.prepare_cached("DELETE FROM accounts WHERE app = ?1 AND user = ?2")?;
    let mut note = connection
        .prepare_cached("INSERT OR REPLACE INTO deletions (app, user, deleted_ms) VALUES (?1, ?2, ?3)")?;
    let mut existed = Vec::with_capacity(users.len());
    for user in users {
        let deleted = delete.execute(params![app.0, user.as_str()])? > 0;
        if let Some(at) = noted_at.filter(|_| deleted) {
            note.execute(params![app.0, user.as_str(), millis(at)])?;
        }
        existed.push(deleted);
    }
    let deleted = existed.iter().filter(|existed| **existed).count();
    admin::add_accounts(connection, *app, i64::try_from(deleted).map_or(0, i64::wrapping_neg))?;
    Ok(WriteOutcome::Deleted(existed))
}

/// Whether an app has any note. Most apps have none: then an import of many accounts needs one query, not one for each.
pub(crate) fn has_any(connection: &Connection, app: SdkAppId) -> Result<bool, WriteError> {
    let mut select = connection.prepare_cached("SELECT 1 FROM deletions WHERE app = ?1 LIMIT 1")?;
    Ok(select.exists([app.0])?)
}

/// Whether a note says that an account was deleted after a moment.
pub(crate) fn was_deleted_after(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
    moment: UnixMillis,
) -> Result<bool, WriteError> {
    let sql = "SELECT 1 FROM deletions WHERE app = ?1 AND user = ?2 AND deleted_ms > ?3";
    let mut select = connection.prepare_cached(sql)?;
    Ok(select.exists(params![app.0, user.as_str(), millis(moment)])?)
}

/// Removes the note of an account that is created again.
pub(crate) fn remove_note(connection: &Connection, app: SdkAppId, user: UserId) -> Result<(), WriteError> {
    let mut delete = connection.prepare_cached("DELETE FROM deletions WHERE app = ?1 AND user = ?2")?;
    delete.execute(params![app.0, user.as_str()])?;
    Ok(())
}

/// Whether there is a note up to a moment.
pub(crate) fn has_until(
    connection: &Connection,
    app: SdkAppId,
    until: UnixMillis,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM deletions WHERE app = ?1 AND deleted_ms <= ?2 LIMIT 1";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let found = select.query_row(params![app.0, millis(until)], |_| Ok(())).optional();
    found.map(|found| found.is_some()).map_err(failed)
}

/// Removes notes up to a moment.
pub(crate) fn forget(connection: &Connection, write: &ForgetDeletions) -> Result<WriteOutcome, WriteError> {
    let ForgetDeletions { app, until } = write;
    let sql = "DELETE FROM deletions WHERE app = ?1 AND user IN
               (SELECT user FROM deletions WHERE app = ?1 AND deleted_ms <= ?2 LIMIT ?3)";
    let forgotten =
        connection.prepare_cached(sql)?.execute(params![app.0, millis(*until), DELETIONS_UNIT_MAX])?;
    Ok(WriteOutcome::Counted(forgotten))
}

fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
