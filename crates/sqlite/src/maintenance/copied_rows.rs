//! The rows of a directory's tables, as a copy of the whole store reads and writes them.

use crate::account::column;
use crate::admin;
use crate::reader::failed;
use portraitd_model::{SdkAppId, UnixMillis, UserId};
use portraitd_store::{AuditEntry, AuditNote, AuditSeq, OutboxSeq, RowKey, Section, StoreError, StoredRow};
use rusqlite::{Connection, Params, Row, params};

pub(crate) fn populations(connection: &Connection) -> Result<Vec<(SdkAppId, u64)>, StoreError> {
    let sql = "SELECT app, accounts FROM populations WHERE accounts > 0 ORDER BY app";
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let rows = select.query_map([], |row| Ok((SdkAppId(row.get(0)?), row.get(1)?))).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(crate) fn read(
    connection: &Connection,
    section: Section,
    after: Option<&RowKey>,
    limit: usize,
) -> Result<Vec<StoredRow>, StoreError> {
    let place = after.map_or(-1, |key| if let RowKey::Number(place) = key { column(*place) } else { -1 });
    let name = after.map_or("", |key| if let RowKey::Name(name) = key { name } else { "" });
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match section {
        Section::Apps => {
            let sql = "SELECT id, revision, settings, words FROM apps WHERE id > ?1 ORDER BY id LIMIT ?2";
            rows(connection, sql, (place, limit), app_row)
        }
        Section::Tokens => {
            // At most some hundred.
            let tokens = admin::tokens(connection)?.into_iter().filter(|token| token.name.as_str() > name);
            Ok(tokens.map(StoredRow::Token).collect())
        }
        Section::Audit => {
            let sql = "SELECT seq, app, at_ms, entry FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            rows(connection, sql, (place, limit), audit_row)
        }
        Section::Accounts(app) => {
            let sql = "SELECT user, created_ms, kicked_at, profile FROM accounts WHERE app = ?1 AND user > ?2
                       ORDER BY user LIMIT ?3";
            rows(connection, sql, (app.0, name, limit), account_row)
        }
        Section::Deletions(app) => {
            let sql =
                "SELECT user, deleted_ms FROM deletions WHERE app = ?1 AND user > ?2 ORDER BY user LIMIT ?3";
            rows(connection, sql, (app.0, name, limit), deletion_row)
        }
        Section::Events(app) => {
            let sql =
                "SELECT seq, parked, attempts, due_ms, failure, event FROM outbox WHERE app = ?1 AND seq > ?2
                       ORDER BY seq LIMIT ?3";
            rows(connection, sql, (app.0, place, limit), event_row)
        }
    }
}

fn rows(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    row: fn(&Row<'_>) -> rusqlite::Result<StoredRow>,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    select.query_map(params, row).and_then(Iterator::collect).map_err(failed)
}

fn user(row: &Row<'_>) -> rusqlite::Result<UserId> {
    let text: String = row.get(0)?;
    UserId::parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            rusqlite::types::Type::Text,
            format!("a UserID: {error}").into(),
        )
    })
}

fn app_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    let (settings, words): (String, String) = (row.get(2)?, row.get(3)?);
    let (settings, words) = (settings.into_bytes(), words.into_bytes());
    Ok(StoredRow::App { id: SdkAppId(row.get(0)?), revision: row.get(1)?, settings, words })
}

fn audit_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    let app = row.get::<_, Option<u32>>(1)?.map(SdkAppId);
    let note = AuditNote { app, at: UnixMillis(row.get(2)?), text: row.get(3)? };
    Ok(StoredRow::Audit(AuditEntry { seq: AuditSeq(row.get(0)?), note }))
}

fn account_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    let kicked_at = row.get::<_, Option<u64>>(2)?.unwrap_or(0);
    Ok(StoredRow::Account {
        user: user(row)?,
        created: UnixMillis(row.get(1)?),
        kicked_at,
        profile: row.get(3)?,
    })
}

fn deletion_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    Ok(StoredRow::Deletion { user: user(row)?, at: UnixMillis(row.get(1)?) })
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    Ok(StoredRow::Event {
        seq: OutboxSeq(row.get(0)?),
        parked: row.get(1)?,
        attempts: row.get(2)?,
        due: UnixMillis(row.get(3)?),
        failure: row.get::<_, Option<String>>(4)?.unwrap_or_default().into_bytes(),
        event: row.get(5)?,
    })
}

/// The greatest key of a section. Of events, which get other places here, the place in the source is noted.
pub(crate) fn last_key(connection: &Connection, section: Section) -> Result<Option<RowKey>, StoreError> {
    let number = |row: &Row<'_>| Ok(row.get::<_, Option<u64>>(0)?.map(RowKey::Number));
    let name = |row: &Row<'_>| Ok(row.get::<_, Option<String>>(0)?.map(RowKey::Name));
    match section {
        Section::Apps => connection.query_row("SELECT max(id) FROM apps", [], number),
        Section::Tokens => connection.query_row("SELECT max(name) FROM tokens", [], name),
        Section::Audit => connection.query_row("SELECT max(seq) FROM audit", [], number),
        Section::Accounts(app) => {
            connection.query_row("SELECT max(user) FROM accounts WHERE app = ?1", [app.0], name)
        }
        Section::Deletions(app) => {
            connection.query_row("SELECT max(user) FROM deletions WHERE app = ?1", [app.0], name)
        }
        Section::Events(app) => {
            let sql = "SELECT max(place) FROM copy WHERE app = ?1";
            connection.query_row(sql, [app.0], number)
        }
    }
    .map_err(failed)
}

pub(crate) fn write(connection: &Connection, section: Section, rows: &[StoredRow]) -> Result<(), StoreError> {
    let tx = connection.unchecked_transaction().map_err(failed)?;
    for row in rows {
        write_row(&tx, section, row).map_err(failed)?;
    }
    let last = rows.last().map(StoredRow::key);
    match (section, last) {
        (Section::Accounts(app), _) => {
            let more = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            admin::add_accounts(&tx, app, more).map_err(failed)?;
        }
        (Section::Events(app), Some(RowKey::Number(place))) => {
            let sql = "INSERT INTO copy (source, app, place) SELECT source, ?1, ?2 FROM copy LIMIT 1";
            tx.execute(sql, params![app.0, column(place)]).map_err(failed)?;
        }
        _ => {}
    }
    tx.commit().map_err(failed)
}

fn write_row(connection: &Connection, section: Section, row: &StoredRow) -> rusqlite::Result<()> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(sql)?.execute(params).map(drop)
    };
    match (row, section) {
        (StoredRow::App { id, revision, settings, words }, _) => run(
            "INSERT INTO apps (id, revision, settings, words) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, column(*revision), text(settings), text(words)],
        ),
        (StoredRow::Token(token), _) => run(
            "INSERT INTO tokens (name, hash, created_ms, role) VALUES (?1, ?2, ?3, ?4)",
            params![token.name, token.hash, column(token.created.0), token.role.as_str()],
        ),
        (StoredRow::Audit(entry), _) => run(
            "INSERT INTO audit (seq, app, at_ms, entry) VALUES (?1, ?2, ?3, ?4)",
            params![
                column(entry.seq.0),
                entry.note.app.map(|app| app.0),
                column(entry.note.at.0),
                entry.note.text
            ],
        ),
        (StoredRow::Account { user, created, kicked_at, profile }, Section::Accounts(app)) => run(
            "INSERT INTO accounts (app, user, created_ms, kicked_at, profile) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                app.0,
                user.as_str(),
                column(created.0),
                (*kicked_at > 0).then(|| column(*kicked_at)),
                profile
            ],
        ),
        (StoredRow::Deletion { user, at }, Section::Deletions(app)) => run(
            "INSERT INTO deletions (app, user, deleted_ms) VALUES (?1, ?2, ?3)",
            params![app.0, user.as_str(), column(at.0)],
        ),
        // SQLite gives the next place.
        (StoredRow::Event { parked, attempts, due, failure, event, .. }, Section::Events(app)) => run(
            "INSERT INTO outbox (app, parked, attempts, due_ms, failure, bytes, event)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                app.0,
                parked,
                attempts,
                column(due.0),
                (!failure.is_empty()).then(|| text(failure)),
                event.len(),
                event
            ],
        ),
        _ => Ok(()),
    }
}
