//! The rows of accounts, as they are read, and as the applier writes them.

use crate::account::{AccountRow, Key, column};
use crate::write::error::WriteError;
use portraitd_model::{Profile, UnixMillis, UnixSeconds, bilingual};
use portraitd_store::{StoreError, codec};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The columns that [`account`] reads.
pub(crate) const FIND: &str =
    "SELECT id, created_ms, kicked_at, profile FROM accounts WHERE app = ?1 AND user = ?2";

/// Reads an account's row from the columns of [`FIND`].
pub(crate) fn account(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        row: row.get(0)?,
        created: UnixMillis(row.get(1)?),
        kicked_at: row.get::<_, Option<u64>>(2)?.map(UnixSeconds),
        profile: row.get_ref(3)?.as_blob()?.into(),
    })
}

/// An account as the table has it.
pub(crate) fn find(connection: &Connection, (app, user): Key) -> rusqlite::Result<Option<AccountRow>> {
    connection.prepare_cached(FIND)?.query_row(params![app.0, user.as_str()], account).optional()
}

/// Decodes a stored profile. A damaged one refuses the write.
pub(crate) fn decode((app, user): Key, bytes: &[u8]) -> Result<Profile, WriteError> {
    codec::decode_profile(app, user, bytes).map_err(|damaged| {
        tracing::error!(sdkappid = app.0, %user, "{damaged}");
        WriteError::Refused(StoreError::Corrupt(bilingual!(
            "the profile of {user} in app {app}",
            "应用 {app} 中 {user} 的资料"
        )))
    })
}

/// Writes the state of an account; returns whether its row is new.
pub(crate) fn put(connection: &Connection, (app, user): Key, account: &AccountRow) -> rusqlite::Result<bool> {
    let kicked_at = account.kicked_at.map(|at| column(at.0));
    let mut update =
        connection.prepare_cached("UPDATE accounts SET kicked_at = ?2, profile = ?3 WHERE id = ?1")?;
    if update.execute(params![account.row, kicked_at, &account.profile[..]])? > 0 {
        return Ok(false);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO accounts (id, app, user, created_ms, kicked_at, profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![
        account.row,
        app.0,
        user.as_str(),
        column(account.created.0),
        kicked_at,
        &account.profile[..]
    ])?;
    Ok(true)
}

/// Deletes a row; returns whether it was there.
pub(crate) fn delete(connection: &Connection, row: i64) -> rusqlite::Result<bool> {
    Ok(connection.prepare_cached("DELETE FROM accounts WHERE id = ?1")?.execute([row])? > 0)
}
