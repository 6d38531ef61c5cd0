//! The tables of the admin API: named tokens, the audit log, and the number of accounts of each app.

use crate::reader::failed;
use crate::write::WriteError;
use portraitd_model::{SdkAppId, Tag, UnixMillis, UserId, bilingual};
use portraitd_store::{
    AUDIT_ENTRIES_MAX, AuditEntry, AuditNote, AuditSeq, StoreError, TOKENS_MAX, TokenRecord, TokenRole,
    WriteOutcome, codec,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Appends a note and removes the oldest beyond the limit.
pub(crate) fn append(connection: &Connection, note: &AuditNote) -> Result<(), WriteError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO audit (app, at_ms, entry) VALUES (?1, ?2, ?3)")?;
    let seq = insert.insert(params![note.app.map(|app| app.0), millis(note.at), note.text])?;
    let oldest = seq.saturating_sub(i64::try_from(AUDIT_ENTRIES_MAX).unwrap_or(i64::MAX));
    connection.prepare_cached("DELETE FROM audit WHERE seq <= ?1")?.execute([oldest])?;
    Ok(())
}

pub(crate) fn put_token(connection: &Connection, token: &TokenRecord) -> Result<WriteOutcome, WriteError> {
    let count: usize = connection.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0))?;
    if count >= TOKENS_MAX {
        return Err(WriteError::Refused(StoreError::too_many_tokens(count)));
    }
    let sql =
        "INSERT INTO tokens (name, hash, created_ms, role) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let row = params![token.name, token.hash, millis(token.created), token.role.as_str()];
    match connection.prepare_cached(sql)?.execute(row)? {
        0 => Err(WriteError::Refused(StoreError::Conflict)),
        _ => Ok(WriteOutcome::Done),
    }
}

pub(crate) fn remove_token(connection: &Connection, name: &str) -> Result<WriteOutcome, WriteError> {
    let removed = connection.prepare_cached("DELETE FROM tokens WHERE name = ?1")?.execute([name])?;
    Ok(WriteOutcome::Counted(removed))
}

/// Adds to the number of an app's accounts.
pub(crate) fn add_accounts(connection: &Connection, app: SdkAppId, more: i64) -> Result<(), WriteError> {
    if more != 0 {
        let sql = "INSERT INTO populations (app, accounts) VALUES (?1, ?2)
                   ON CONFLICT (app) DO UPDATE SET accounts = accounts + ?2";
        connection.prepare_cached(sql)?.execute(params![app.0, more])?;
    }
    Ok(())
}

pub(crate) fn audit(
    connection: &Connection,
    app: Option<SdkAppId>,
    before: Option<AuditSeq>,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let before = before.map_or(i64::MAX, |seq| i64::try_from(seq.0).unwrap_or(i64::MAX));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let entry = |row: &Row<'_>| {
        let app = row.get::<_, Option<u32>>(1)?.map(SdkAppId);
        let note = AuditNote { app, at: UnixMillis(row.get(2)?), text: row.get(3)? };
        Ok(AuditEntry { seq: AuditSeq(row.get(0)?), note })
    };
    let filter = if app.is_some() { " AND app = ?3" } else { "" };
    let sql =
        format!("SELECT seq, app, at_ms, entry FROM audit WHERE seq < ?1{filter} ORDER BY seq DESC LIMIT ?2");
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let entries = match app {
        Some(app) => select.query_map(params![before, limit, app.0], entry),
        None => select.query_map(params![before, limit], entry),
    };
    entries.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(crate) fn tokens(connection: &Connection) -> Result<Vec<TokenRecord>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT name, hash, created_ms, role FROM tokens ORDER BY name")
        .map_err(failed)?;
    let rows = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?)))
        .map_err(failed)?;
    let token = |row: rusqlite::Result<(String, [u8; 32], u64, String)>| {
        let (name, hash, created, role) = row.map_err(failed)?;
        let role = TokenRole::named(&role).ok_or_else(|| {
            StoreError::Corrupt(bilingual!(
                "the token {name} has the unknown role `{role}`",
                "令牌 {name} 的角色 `{role}` 未知"
            ))
        })?;
        Ok(TokenRecord { name, hash, created: UnixMillis(created), role })
    };
    rows.map(token).collect()
}

pub(crate) fn accounts_count(connection: &Connection, app: SdkAppId) -> Result<u64, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT accounts FROM populations WHERE app = ?1").map_err(failed)?;
    let count = select.query_row([app.0], |row| row.get(0)).optional().map_err(failed)?;
    Ok(count.unwrap_or(0))
}

/// Counts accounts that have a value in a field, one step of some rows: returns the count and the row to continue after.
pub(crate) fn holders_step(
    connection: &Connection,
    app: SdkAppId,
    tag: Tag,
    after: i64,
) -> Result<(u64, Option<i64>), StoreError> {
    /// Accounts in a step: well below a millisecond of cached pages.
    const STEP: usize = 200;
    let sql = "SELECT id, app, user, profile FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = select.query(params![after, STEP]).map_err(failed)?;
    let (mut seen, mut last, mut holders) = (0, after, 0);
    while let Some(row) = rows.next().map_err(failed)? {
        (seen, last) = (seen + 1, row.get(0).map_err(failed)?);
        if row.get::<_, u32>(1).map_err(failed)? == app.0 && holds(row, app, tag).map_err(failed)? {
            holders += 1;
        }
    }
    Ok((holders, (seen == STEP).then_some(last)))
}

/// A damaged profile counts as one without a value: it can't be read either.
fn holds(row: &Row<'_>, app: SdkAppId, tag: Tag) -> rusqlite::Result<bool> {
    let (user, profile) = (row.get_ref(2)?, row.get_ref(3)?);
    let user = user.as_str().ok().and_then(|user| UserId::parse(user).ok());
    let profile = user
        .zip(profile.as_blob().ok())
        .and_then(|(user, bytes)| codec::decode_profile(app, user, bytes).ok());
    Ok(profile.is_some_and(|profile| profile.get(tag).is_some()))
}

fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_removed() {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE audit (seq INTEGER PRIMARY KEY, app INTEGER, at_ms INTEGER, entry TEXT);";
        connection.execute_batch(table).unwrap();
        let note = |text: &str| AuditNote { app: None, at: UnixMillis(1), text: text.into() };
        assert!(append(&connection, &note("first")).is_ok() && append(&connection, &note("second")).is_ok());
        connection.execute("UPDATE audit SET seq = ?1 WHERE seq = 2", [AUDIT_ENTRIES_MAX]).unwrap();
        assert!(append(&connection, &note("third")).is_ok());
        let kept = audit(&connection, None, None, 9).unwrap();
        assert_eq!(kept.iter().map(|entry| &*entry.note.text).collect::<Vec<_>>(), ["third", "second"]);
    }
}
