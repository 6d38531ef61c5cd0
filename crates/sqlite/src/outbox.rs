//! The outbox table: events are appended in the unit of their change; deliveries are recorded in units of their own.

use crate::reader::{failed, read_transaction};
use crate::write::WriteError;
use crate::write_batch::WriteBatch;
use portraitd_model::{ProfileEvent, SdkAppId, UnixMillis};
use portraitd_store::engine::{Backlogs, OutboxDelta};
use portraitd_store::{
    Amount, DeliveryOutcome, Discard, EVENTS_UNIT_MAX, EventState, OutboxEvent, OutboxSeq, RecordDeliveries,
    Replay, Selection, StoreError, WriteOutcome, codec,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

/// The column value of a state.
const fn column_value(state: EventState) -> u8 {
    match state {
        EventState::Waiting => 0,
        EventState::Parked => 1,
    }
}

/// Appends an event.
pub(crate) fn append(
    connection: &Connection,
    app: SdkAppId,
    event: ProfileEvent,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<(), WriteError> {
    let stored = codec::encode_event(&event);
    let (seq, bytes) = (delta.next_place(), stored.len() as u64);
    let mut insert =
        connection.prepare_cached("INSERT INTO outbox (seq, app, bytes, event) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![seq.0, app.0, bytes, stored])?;
    delta.add(app, EventState::Waiting, seq, bytes);
    let (due, event) = (UnixMillis(0), Some(Arc::new(event)));
    batch.events.append(app, OutboxEvent { seq, bytes, attempts: 0, due, failure: None, event });
    Ok(())
}

/// Records the outcomes of attempts. Ignores events that no longer wait.
pub(crate) fn record_deliveries(
    connection: &Connection,
    write: &RecordDeliveries,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<WriteOutcome, WriteError> {
    let RecordDeliveries { app, outcomes } = write;
    let app = *app;
    if let Some(last) = outcomes.iter().map(|(seq, _)| *seq).max() {
        batch.events.change(app, last);
    }
    let mut delivered = Vec::new();
    for (seq, outcome) in outcomes {
        match outcome {
            DeliveryOutcome::Delivered => delivered.push(*seq),
            DeliveryOutcome::Retry { attempts, due, failure } => {
                let sql = "UPDATE outbox SET attempts = ?3, due_ms = ?4, failure = ?5
                           WHERE seq = ?1 AND app = ?2 AND parked = 0";
                let due = i64::try_from(due.0).unwrap_or(i64::MAX);
                connection.prepare_cached(sql)?.execute(params![seq.0, app.0, attempts, due, failure])?;
            }
            DeliveryOutcome::Park { attempts, failure } => {
                let sql = "UPDATE outbox SET parked = 1, attempts = ?3, failure = ?4
                           WHERE seq = ?1 AND app = ?2 AND parked = 0 RETURNING bytes";
                let mut update = connection.prepare_cached(sql)?;
                let row = update.query_row(params![seq.0, app.0, attempts, failure], |row| row.get(0));
                if let Some(bytes) = row.optional()? {
                    delta.remove(app, EventState::Waiting, *seq, bytes);
                    delta.add(app, EventState::Parked, *seq, bytes);
                }
            }
        }
    }
    delivered.sort_unstable();
    delivered.dedup();
    let adjacent = |one: &OutboxSeq, next: &OutboxSeq| one.0 + 1 == next.0 && one.segment() == next.segment();
    for run in delivered.chunk_by(adjacent) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            remove_run(connection, app, *first, *last, delta)?;
        }
    }
    Ok(WriteOutcome::Done)
}

/// Removes the waiting events of a range of places within one segment with one statement, instead of one search for each.
fn remove_run(
    connection: &Connection,
    app: SdkAppId,
    first: OutboxSeq,
    last: OutboxSeq,
    delta: &mut OutboxDelta,
) -> Result<(), WriteError> {
    let places = params![first.0, last.0, app.0];
    let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM outbox
               WHERE seq BETWEEN ?1 AND ?2 AND app = ?3 AND parked = 0";
    let amount = connection
        .prepare_cached(sql)?
        .query_row(places, |row| Ok(Amount { events: row.get(0)?, bytes: row.get(1)? }))?;
    let sql = "DELETE FROM outbox WHERE seq BETWEEN ?1 AND ?2 AND app = ?3 AND parked = 0";
    connection.prepare_cached(sql)?.execute(places)?;
    delta.remove_all(app, EventState::Waiting, first, amount);
    Ok(())
}

fn remove(
    connection: &Connection,
    app: SdkAppId,
    state: EventState,
    seq: OutboxSeq,
    delta: &mut OutboxDelta,
) -> Result<(), WriteError> {
    let sql = "DELETE FROM outbox WHERE seq = ?1 AND app = ?2 AND parked = ?3 RETURNING bytes";
    let row = connection
        .prepare_cached(sql)?
        .query_row(params![seq.0, app.0, column_value(state)], |row| row.get(0));
    if let Some(bytes) = row.optional()? {
        delta.remove(app, state, seq, bytes);
    }
    Ok(())
}

/// Removes events; returns their number.
pub(crate) fn discard(
    connection: &Connection,
    write: &Discard,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<WriteOutcome, WriteError> {
    let Discard { app, state, selection } = write;
    let (app, state) = (*app, *state);
    let places = places(connection, app, state, selection, batch.backlogs)?;
    // Empties the queue in memory; deliveries then read the table.
    batch.events.change(app, OutboxSeq(u64::MAX));
    for seq in &places {
        remove(connection, app, state, *seq, delta)?;
    }
    Ok(WriteOutcome::Counted(places.len()))
}

/// Moves parked events to the end of the outbox as new ones; returns their number.
pub(crate) fn replay(
    connection: &Connection,
    write: &Replay,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<WriteOutcome, WriteError> {
    let Replay { app, selection } = write;
    let app = *app;
    let places = places(connection, app, EventState::Parked, selection, batch.backlogs)?;
    batch.events.change(app, OutboxSeq(u64::MAX));
    for seq in &places {
        // A new place, so that a reader that is already past the old one reads it.
        let sql = "INSERT INTO outbox (seq, app, bytes, event) SELECT ?2, app, bytes, event FROM outbox WHERE seq = ?1
                   RETURNING bytes";
        let place = delta.next_place();
        let bytes = connection.prepare_cached(sql)?.query_row([seq.0, place.0], |row| row.get(0))?;
        delta.add(app, EventState::Waiting, place, bytes);
        remove(connection, app, EventState::Parked, *seq, delta)?;
    }
    Ok(WriteOutcome::Counted(places.len()))
}

/// The places of the selected events that exist.
fn places(
    connection: &Connection,
    app: SdkAppId,
    state: EventState,
    selection: &Selection,
    backlogs: &Backlogs,
) -> Result<Vec<OutboxSeq>, WriteError> {
    let mut found = Vec::new();
    match selection {
        Selection::Oldest(count) => {
            let (sql, from) = match state {
                EventState::Waiting => (
                    "SELECT seq FROM outbox WHERE seq >= ?2 AND app = ?1 AND parked = 0 ORDER BY seq LIMIT ?3",
                    backlogs.first_waiting(app),
                ),
                EventState::Parked => (
                    "SELECT seq FROM outbox WHERE app = ?1 AND parked = 1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
                    OutboxSeq::default(),
                ),
            };
            let mut select = connection.prepare_cached(sql)?;
            let count = i64::try_from((*count).min(EVENTS_UNIT_MAX)).unwrap_or(i64::MAX);
            for row in select.query_map(params![app.0, from.0, count], |row| row.get(0))? {
                found.push(OutboxSeq(row?));
            }
        }
        Selection::Places(places) => {
            let sql = "SELECT 1 FROM outbox WHERE seq = ?1 AND app = ?2 AND parked = ?3";
            let mut select = connection.prepare_cached(sql)?;
            for seq in places.iter().take(EVENTS_UNIT_MAX) {
                // A place that is named twice counts once.
                if !found.contains(seq) && select.exists(params![seq.0, app.0, column_value(state)])? {
                    found.push(*seq);
                }
            }
        }
    }
    Ok(found)
}

/// Reads a page of an app's events in the order of their places.
pub(crate) fn page(
    connection: &Connection,
    app: SdkAppId,
    state: EventState,
    after: Option<OutboxSeq>,
    limit: usize,
    backlogs: &Backlogs,
) -> Result<Vec<OutboxEvent>, StoreError> {
    let mut from = OutboxSeq(after.map_or(0, |seq| seq.0 + 1));
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
    while events.len() < limit {
        let range = match state {
            EventState::Waiting => backlogs.next_waiting(app, from),
            EventState::Parked => Some((from, OutboxSeq(i64::MAX.unsigned_abs()))),
        };
        let Some((first, last)) = range.filter(|(first, last)| first <= last) else { break };
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

/// Counts the backlogs; reads the whole table, once at the start.
pub(crate) fn backlogs(connection: &Connection) -> rusqlite::Result<Backlogs> {
    let mut backlogs = Backlogs::default();
    let mut select = connection.prepare("SELECT app, parked, seq, bytes FROM outbox ORDER BY seq")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let parked = row.get::<_, u8>(1)? == column_value(EventState::Parked);
        let state = if parked { EventState::Parked } else { EventState::Waiting };
        backlogs.add_existing(SdkAppId(row.get(0)?), state, OutboxSeq(row.get(2)?), row.get(3)?);
    }
    Ok(backlogs)
}
