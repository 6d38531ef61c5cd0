//! What a transaction writes: every row that its units changed.

use crate::connection::Connection;
use crate::fault::Fault;
use crate::rows::{AppRow, Rows, Tally};
use crate::sql::Arg;
use crate::statements;
use portraitd_model::SdkAppId;
use portraitd_store::{AUDIT_ENTRIES_MAX, AuditNote};
use std::collections::BTreeMap;

/// Stores every changed row; returns the new version of apps and tokens, if they are among them.
pub(crate) async fn save(
    connection: &mut Connection,
    rows: &Rows<'_>,
    lane: u32,
) -> Result<Option<u64>, Fault> {
    save_accounts(connection, rows).await?;
    save_deletions(connection, rows).await?;
    save_events(connection, rows).await?;
    save_apps(connection, rows).await?;
    save_tokens(connection, rows).await?;
    let tallies = rows.tallies.iter().filter(|(_, tally)| **tally != Tally::default());
    let tallies = tallies.map(|(app, tally)| tally.values(*app, lane));
    insert(connection, statements::ADD_TALLIES, tallies.collect()).await?;
    save_notes(connection, &rows.notes).await?;
    if !rows.changes_catalog {
        return Ok(None);
    }
    add_to_meta(connection, "catalog", 1).await.map(Some)
}

async fn insert(connection: &mut Connection, statement: &str, rows: Vec<Vec<Arg<'_>>>) -> Result<(), Fault> {
    if !rows.is_empty() {
        connection.run(statement, &[Arg::Rows(rows)]).await?;
    }
    Ok(())
}

async fn save_accounts(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    let (mut added, mut put, mut removed) =
        (Vec::new(), Vec::new(), BTreeMap::<SdkAppId, Vec<Arg<'_>>>::new());
    for ((app, user), row) in rows.accounts.iter().filter(|(_, row)| row.is_changed) {
        match &row.now {
            Some(account) => {
                let values = vec![
                    app.0.into(),
                    user.as_str().into(),
                    account.rev.0.into(),
                    account.created_ms.into(),
                    account.kicked_at.into(),
                    u32::from(account.admin).into(),
                    account.profile.as_slice().into(),
                ];
                if row.was_stored { put.push(values) } else { added.push(values) }
            }
            None if row.was_stored => removed.entry(*app).or_default().push(user.as_str().into()),
            None => {}
        }
    }
    insert(connection, statements::ADD_ACCOUNTS, added).await?;
    insert(connection, statements::PUT_ACCOUNTS, put).await?;
    for (app, users) in removed {
        connection.run(statements::REMOVE_ACCOUNTS, &[app.0.into(), Arg::List(users)]).await?;
    }
    Ok(())
}

async fn save_deletions(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    let (mut put, mut removed) = (Vec::new(), BTreeMap::<SdkAppId, Vec<Arg<'_>>>::new());
    for ((app, user), row) in rows.deletions.iter().filter(|(_, row)| row.is_changed) {
        match row.now {
            Some(at) => put.push(vec![app.0.into(), user.as_str().into(), at.into()]),
            None if row.was_stored => removed.entry(*app).or_default().push(user.as_str().into()),
            None => {}
        }
    }
    insert(connection, statements::PUT_DELETIONS, put).await?;
    for (app, users) in removed {
        connection.run(statements::REMOVE_DELETIONS, &[app.0.into(), Arg::List(users)]).await?;
    }
    Ok(())
}

async fn save_events(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    let (mut added, mut put) = (Vec::new(), Vec::new());
    let mut removed = BTreeMap::<SdkAppId, Vec<Arg<'_>>>::new();
    for ((app, seq), row) in rows.events.iter().filter(|(_, row)| row.is_changed) {
        match &row.now {
            Some(event) => {
                // A row that exists keeps its event.
                let stored: &[u8] = if row.was_stored { &[] } else { &event.bytes };
                let values = vec![
                    app.0.into(),
                    seq.0.into(),
                    u32::from(event.parked).into(),
                    event.attempts.into(),
                    event.due_ms.into(),
                    event.failure.as_str().into(),
                    stored.into(),
                ];
                if row.was_stored { put.push(values) } else { added.push(values) }
            }
            None if row.was_stored => removed.entry(*app).or_default().push(seq.0.into()),
            None => {}
        }
    }
    insert(connection, statements::ADD_EVENTS, added).await?;
    insert(connection, statements::PUT_EVENTS, put).await?;
    for (app, places) in removed {
        connection.run(statements::REMOVE_EVENTS, &[app.0.into(), Arg::List(places)]).await?;
    }
    Ok(())
}

async fn save_apps(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    for (app, row) in rows.apps.iter().filter(|(_, row)| row.is_changed) {
        if row.now.is_none() && row.was_stored {
            connection.run(statements::REMOVE_APP, &[app.0.into()]).await?;
            connection.run(statements::REMOVE_CALLS, &[app.0.into()]).await?;
        }
        let Some(AppRow { revision, settings: Some((settings, words)) }) = &row.now else { continue };
        let (revision, settings, words) = (*revision, Arg::Bytes(settings), Arg::Bytes(words));
        if row.was_stored {
            connection.run(statements::PUT_APP, &[revision.into(), settings, words, app.0.into()]).await?;
        } else {
            connection.run(statements::REMOVE_CALLS, &[app.0.into()]).await?;
            insert(
                connection,
                statements::ADD_APP,
                vec![vec![app.0.into(), revision.into(), settings, words]],
            )
            .await?;
        }
    }
    Ok(())
}

async fn save_tokens(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    for (name, row) in rows.tokens.iter().filter(|(_, row)| row.is_changed) {
        match &row.now {
            Some(token) => {
                let (hash, role) = (token.hash.as_slice().into(), token.role.as_str().into());
                let values = vec![name.as_str().into(), hash, token.created.0.into(), role];
                insert(connection, statements::ADD_TOKEN, vec![values]).await?;
            }
            None => _ = connection.run(statements::REMOVE_TOKEN, &[name.as_str().into()]).await?,
        }
    }
    Ok(())
}

async fn save_notes(connection: &mut Connection, notes: &[AuditNote]) -> Result<(), Fault> {
    if notes.is_empty() {
        return Ok(());
    }
    let last = add_to_meta(connection, "audit", notes.len() as u64).await?;
    let first = last - notes.len() as u64 + 1;
    let mut entries = Vec::with_capacity(notes.len());
    for (seq, note) in (first..).zip(notes) {
        let app = note.app.map_or(0, |app| app.0);
        entries.push(vec![seq.into(), app.into(), note.at.0.into(), note.text.as_str().into()]);
    }
    insert(connection, statements::ADD_AUDIT, entries).await?;
    connection.run(statements::TRIM_AUDIT, &[last.saturating_sub(AUDIT_ENTRIES_MAX).into()]).await?;
    Ok(())
}

/// Adds to a number of the whole store, under lock; returns the sum.
async fn add_to_meta(connection: &mut Connection, name: &str, more: u64) -> Result<u64, Fault> {
    let stored: Option<(u64,)> = connection.one(statements::LOCK_META, &[name.into()]).await?;
    let (value,) =
        stored.ok_or_else(|| Fault::permanent(format!("the number `{name}` of the store is missing")))?;
    connection.run(statements::SET_META, &[(value + more).into(), name.into()]).await?;
    Ok(value + more)
}
