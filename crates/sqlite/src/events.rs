//! The table of events, as readers and the applier use it.

use crate::account::column;
use crate::journal::event_state;
use crate::pending::PendingEvent;
use crate::reader::{failed, read_transaction};
use portraitd_model::{SdkAppId, UnixMillis};
use portraitd_store::engine::Backlogs;
use portraitd_store::{EventState, OutboxEvent, OutboxSeq, StoreError, codec};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads a page of an app's events in the order of their places, those before `before`.
pub(crate) fn page(
    connection: &Connection,
    app: SdkAppId,
    state: EventState,
    (after, before): (Option<OutboxSeq>, OutboxSeq),
    limit: usize,
    backlogs: &Backlogs,
) -> Result<Vec<OutboxEvent>, StoreError> {
    let mut from = OutboxSeq(after.map_or(0, |seq| seq.0.saturating_add(1)));
    let sql = match state {
        EventState::Waiting => {
            "SELECT seq, attempts, due_ms, failure, event, bytes FROM outbox
             WHERE seq BETWEEN ?2 AND ?3 AND app = ?1 AND parked = 0 ORDER BY seq LIMIT ?4"
        }
        EventState::Parked => {
            "SELECT seq, attempts, due_ms, failure, event, bytes FROM outbox
             WHERE app = ?1 AND parked = 1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq LIMIT ?4"
        }
    };
    // One snapshot: otherwise an event could be added to a range after it was read, and be missed while later ones are read.
    let _snapshot = read_transaction(connection)?;
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut events = Vec::new();
    while events.len() < limit && from < before {
        let range = match state {
            EventState::Waiting => backlogs.next_waiting(app, from),
            EventState::Parked => Some((from, OutboxSeq(i64::MAX.unsigned_abs()))),
        };
        let Some((first, last)) = range.filter(|(first, last)| first <= last && *first < before) else {
            break;
        };
        let last = last.min(OutboxSeq(before.0 - 1));
        let space = i64::try_from(limit - events.len()).unwrap_or(i64::MAX);
        let rows = select.query_map(params![app.0, first.0, last.0, space], |row| event(app, row));
        events.extend(rows.and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).map_err(failed)?);
        from = OutboxSeq(last.0 + 1);
    }
    Ok(events)
}

fn event(app: SdkAppId, row: &Row<'_>) -> rusqlite::Result<OutboxEvent> {
    let seq = OutboxSeq(row.get(0)?);
    let event = row.get_ref(4)?.as_blob().map_or(Err(codec::Damaged), codec::decode_event);
    if event.is_err() {
        tracing::error!(sdkappid = app.0, event = seq.0, "an event does not read back");
    }
    Ok(OutboxEvent {
        seq,
        bytes: row.get(5)?,
        attempts: row.get(1)?,
        due: UnixMillis(row.get(2)?),
        failure: row.get(3)?,
        event: event.ok().map(Arc::new),
    })
}

/// Brings an event's row to its last change.
pub(crate) fn put(connection: &Connection, seq: OutboxSeq, event: &PendingEvent) -> rusqlite::Result<()> {
    match (&event.progress, &event.added) {
        (Some(progress), Some(stored)) => {
            let mut put = connection.prepare_cached(
                "INSERT OR REPLACE INTO outbox (seq, app, parked, attempts, due_ms, failure, bytes, event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            put.execute(params![
                seq.0,
                event.app.0,
                progress.parked,
                progress.attempts,
                column(progress.due.0),
                progress.failure,
                event.bytes,
                &stored[..]
            ])?;
        }
        (Some(progress), None) => {
            let mut update = connection.prepare_cached(
                "UPDATE outbox SET parked = ?2, attempts = ?3, due_ms = ?4, failure = ?5 WHERE seq = ?1",
            )?;
            update.execute(params![
                seq.0,
                progress.parked,
                progress.attempts,
                column(progress.due.0),
                progress.failure
            ])?;
        }
        (None, None) => {
            connection.prepare_cached("DELETE FROM outbox WHERE seq = ?1")?.execute([seq.0])?;
        }
        // It came and went before the table had it.
        (None, Some(_)) => {}
    }
    Ok(())
}

/// Counts the backlogs, with the changes that the table does not have yet; reads the whole table, once at the start. Completes the
/// sizes of changed events.
pub(crate) fn backlogs(
    connection: &Connection,
    changed: &mut BTreeMap<OutboxSeq, PendingEvent>,
) -> rusqlite::Result<Backlogs> {
    let mut backlogs = Backlogs::default();
    let mut select = connection.prepare("SELECT app, parked, seq, bytes FROM outbox ORDER BY seq")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, bytes) = (OutboxSeq(row.get(2)?), row.get(3)?);
        if let Some(event) = changed.get_mut(&seq) {
            event.bytes = bytes;
        } else {
            backlogs.add_existing(SdkAppId(row.get(0)?), event_state(row.get(1)?), seq, bytes);
        }
    }
    for (seq, event) in changed {
        match &event.progress {
            Some(progress) => backlogs.add_existing(event.app, progress.state(), *seq, event.bytes),
            None => backlogs.note_place(*seq),
        }
    }
    Ok(backlogs)
}
