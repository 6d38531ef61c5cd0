//! Writes of what changes rarely: settings, tokens, notes. Each is a durable transaction; the applier's are short, so that none waits
//! long for one.

use crate::account::column;
use crate::admin;
use crate::write::deletions;
use crate::write::error::WriteError;
use portraitd_model::{AppSettings, SdkAppId, bilingual};
use portraitd_store::{
    AuditEntry, AuditNote, AuditSeq, PutToken, RemoveApp, RemoveToken, StoreError, Write, WriteOutcome, codec,
};
use rusqlite::{Connection, OptionalExtension, params};

/// Does a write within a transaction, and appends its note at a place if something changed; returns whether it did.
pub(crate) fn run(
    write: &Write,
    note: Option<(AuditSeq, &AuditNote)>,
    connection: &Connection,
) -> Result<(WriteOutcome, bool), WriteError> {
    let outcome = match write {
        Write::PutApp(put) => put_app(connection, &put.settings, put.expected),
        Write::RemoveApp(RemoveApp(app)) => remove_app(connection, *app),
        Write::PutToken(PutToken(token)) => admin::put_token(connection, token),
        Write::RemoveToken(RemoveToken(name)) => admin::remove_token(connection, name),
        Write::ForgetDeletions(forget) => deletions::forget(connection, forget),
        _ => Ok(WriteOutcome::Done),
    }?;
    let note = note.filter(|_| outcome.changed());
    if let Some((seq, note)) = note {
        admin::put_note(connection, &AuditEntry { seq, note: note.clone() })?;
    }
    Ok((outcome, note.is_some()))
}

/// The revision of an app's settings; `None` when there is no such app.
pub(crate) fn revision(connection: &Connection, settings: &AppSettings) -> Result<Option<u64>, WriteError> {
    let mut select = connection.prepare_cached("SELECT revision FROM apps WHERE id = ?1")?;
    Ok(select.query_row([settings.id.0], |row| row.get(0)).optional()?)
}

fn put_app(
    connection: &Connection,
    settings: &AppSettings,
    expected: Option<u64>,
) -> Result<WriteOutcome, WriteError> {
    if revision(connection, settings)? != expected {
        return Err(WriteError::Refused(StoreError::Conflict));
    }
    let (json, words) = codec::encode_settings(settings).map_err(|error| {
        WriteError::Refused(StoreError::Corrupt(bilingual!("settings: {error}", "设置：{error}")))
    })?;
    let revision = expected.unwrap_or(0) + 1;
    let mut put = connection.prepare_cached(
        "INSERT INTO apps (id, revision, settings, words) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET revision = ?2, settings = ?3, words = ?4",
    )?;
    put.execute(params![settings.id.0, column(revision), json.as_str(), words])?;
    Ok(WriteOutcome::Revision(revision))
}

fn remove_app(connection: &Connection, app: SdkAppId) -> Result<WriteOutcome, WriteError> {
    let removed = connection.prepare_cached("DELETE FROM apps WHERE id = ?1")?.execute([app.0])?;
    Ok(WriteOutcome::Counted(removed))
}
