//! The tables of the admin API: named tokens, the audit log, and the number of accounts of each app.

use crate::account::column;
use crate::reader::failed;
use crate::write::WriteError;
use portraitd_model::{SdkAppId, Tag, UnixMillis, UserId, bilingual};
use portraitd_store::{
    AUDIT_ENTRIES_MAX, AuditEntry, AuditNote, AuditSeq, StoreError, TOKENS_MAX, TokenRecord, TokenRole,
    WriteOutcome, codec,
};
use rusqlite::{Connection, Row, params};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Puts a note at its place, and removes the oldest beyond the limit.
pub(crate) fn put_note(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let AuditEntry { seq, note } = entry;
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO audit (seq, app, at_ms, entry) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![column(seq.0), note.app.map(|app| app.0), column(note.at.0), note.text])?;
    let oldest = column(seq.0.saturating_sub(AUDIT_ENTRIES_MAX));
    connection.prepare_cached("DELETE FROM audit WHERE seq <= ?1")?.execute([oldest])?;
    Ok(())
}

/// The greatest place of a note in the table.
pub(crate) fn last_note(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(max(seq), 0) FROM audit", [], |row| row.get(0))
}

pub(crate) fn put_token(connection: &Connection, token: &TokenRecord) -> Result<WriteOutcome, WriteError> {
    let count: usize = connection.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0))?;
    if count >= TOKENS_MAX {
        return Err(WriteError::Refused(StoreError::too_many_tokens(count)));
    }
    let sql =
        "INSERT INTO tokens (name, hash, created_ms, role) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let row = params![token.name, token.hash, column(token.created.0), token.role.as_str()];
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
pub(crate) fn add_accounts(connection: &Connection, app: SdkAppId, more: i64) -> rusqlite::Result<()> {
    if more != 0 {
        let sql = "INSERT INTO populations (app, accounts) VALUES (?1, ?2)
                   ON CONFLICT (app) DO UPDATE SET accounts = accounts + ?2";
        connection.prepare_cached(sql)?.execute(params![app.0, more])?;
    }
    Ok(())
}

/// Reads the audit log, with the notes that the table does not have yet.
pub(crate) fn audit(
    connection: &Connection,
    pending: Vec<AuditEntry>,
    app: Option<SdkAppId>,
    before: Option<AuditSeq>,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let before = before.map_or(AuditSeq(i64::MAX.unsigned_abs()), |seq| seq);
    let entry = |row: &Row<'_>| {
        let app = row.get::<_, Option<u32>>(1)?.map(SdkAppId);
        let note = AuditNote { app, at: UnixMillis(row.get(2)?), text: row.get(3)? };
        Ok(AuditEntry { seq: AuditSeq(row.get(0)?), note })
    };
    let filter = if app.is_some() { " AND app = ?3" } else { "" };
    let sql =
        format!("SELECT seq, app, at_ms, entry FROM audit WHERE seq < ?1{filter} ORDER BY seq DESC LIMIT ?2");
    let mut select = connection.prepare_cached(&sql).map_err(failed)?;
    let (from, count) = (column(before.0), i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = match app {
        Some(app) => select.query_map(params![from, count, app.0], entry),
        None => select.query_map(params![from, count], entry),
    };
    let mut entries: Vec<AuditEntry> = rows.and_then(Iterator::collect).map_err(failed)?;
    entries.extend(
        pending.into_iter().filter(|entry| entry.seq < before && (app.is_none() || entry.note.app == app)),
    );
    entries.sort_by_key(|entry| Reverse(entry.seq));
    // One may have come into the table since the pending ones were read.
    entries.dedup_by_key(|entry| entry.seq);
    entries.truncate(limit);
    Ok(entries)
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

/// The number of each app's accounts.
pub(crate) fn populations(connection: &Connection) -> rusqlite::Result<HashMap<SdkAppId, u64>> {
    let mut select = connection.prepare("SELECT app, accounts FROM populations")?;
    select.query_map([], |row| Ok((SdkAppId(row.get(0)?), row.get(1)?)))?.collect()
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

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_removed() {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE audit (seq INTEGER PRIMARY KEY, app INTEGER, at_ms INTEGER, entry TEXT);";
        connection.execute_batch(table).unwrap();
        let note = |seq, text: &str| {
            let note = AuditNote { app: None, at: UnixMillis(1), text: text.into() };
            AuditEntry { seq: AuditSeq(seq), note }
        };
        for entry in [note(1, "first"), note(2, "second"), note(AUDIT_ENTRIES_MAX + 1, "third")] {
            put_note(&connection, &entry).unwrap();
        }
        let pending = vec![note(AUDIT_ENTRIES_MAX + 1, "third"), note(AUDIT_ENTRIES_MAX + 2, "fourth")];
        let kept = audit(&connection, pending, None, None, 9).unwrap();
        let texts: Vec<_> = kept.iter().map(|entry| &*entry.note.text).collect();
        assert_eq!(texts, ["fourth", "third", "second"]);
        assert_eq!(last_note(&connection), Ok(AUDIT_ENTRIES_MAX + 1));
    }
}
