//! Deletion of accounts, and the notes of deletions that an app may keep: account and time, for as long as the account must not
//! be imported again.

use crate::account::{Key, column};
use crate::batch::Batch;
use crate::reader::failed;
use crate::write::error::WriteError;
use portraitd_model::{SdkAppId, UnixMillis};
use portraitd_store::{DELETIONS_UNIT_MAX, Delete, ForgetDeletions, StoreError, WriteOutcome};
use rusqlite::{Connection, OptionalExtension, params};

/// Deletes accounts, and notes the time for those that existed when there is one to note.
pub(crate) fn delete(write: &Delete, batch: &mut Batch<'_>) -> Result<WriteOutcome, WriteError> {
    let Delete { app, users, noted_at } = write;
    let mut existed = Vec::with_capacity(users.len());
    for user in users {
        let key = (*app, *user);
        let found = batch.find(&key)?;
        existed.push(found.is_some());
        if let Some(account) = found {
            batch.delete(key, account.row, *noted_at);
        }
    }
    Ok(WriteOutcome::Deleted(existed))
}

/// Notes a deletion in the table.
pub(crate) fn put_note(connection: &Connection, (app, user): Key, at: UnixMillis) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO deletions (app, user, deleted_ms) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![app.0, user.as_str(), column(at.0)]).map(drop)
}

/// Removes the note of an account that is there again.
pub(crate) fn remove_note(connection: &Connection, (app, user): Key) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM deletions WHERE app = ?1 AND user = ?2")?;
    delete.execute(params![app.0, user.as_str()]).map(drop)
}

/// Whether a note in the table says that an account was deleted after a moment.
pub(crate) fn was_deleted_after(
    connection: &Connection,
    (app, user): Key,
    moment: UnixMillis,
) -> Result<bool, WriteError> {
    let sql = "SELECT 1 FROM deletions WHERE app = ?1 AND user = ?2 AND deleted_ms > ?3";
    let mut select = connection.prepare_cached(sql)?;
    Ok(select.exists(params![app.0, user.as_str(), column(moment.0)])?)
}

/// Whether there is a note up to a moment.
pub(crate) fn has_until(
    connection: &Connection,
    app: SdkAppId,
    until: UnixMillis,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM deletions WHERE app = ?1 AND deleted_ms <= ?2 LIMIT 1";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let found = select.query_row(params![app.0, column(until.0)], |_| Ok(())).optional();
    found.map(|found| found.is_some()).map_err(failed)
}

/// Removes notes up to a moment.
pub(crate) fn forget(connection: &Connection, write: &ForgetDeletions) -> Result<WriteOutcome, WriteError> {
    let ForgetDeletions { app, until } = write;
    let sql = "DELETE FROM deletions WHERE app = ?1 AND user IN
               (SELECT user FROM deletions WHERE app = ?1 AND deleted_ms <= ?2 LIMIT ?3)";
    let forgotten =
        connection.prepare_cached(sql)?.execute(params![app.0, column(until.0), DELETIONS_UNIT_MAX])?;
    Ok(WriteOutcome::Counted(forgotten))
}
