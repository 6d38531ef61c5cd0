//! The outbox table: events are appended by the unit that writes their change, and settled in units of their own.

use crate::reader::{failed, one_view};
use crate::touched::Touched;
use crate::write::Failure;
use portrait_model::{ProfileEvent, SdkAppId, UnixMillis};
use portrait_store::engine::{Backlogs, Effects};
use portrait_store::{
    Amount, Discard, EVENTS_UNIT_MAX, EventState, OutboxEvent, OutboxSeq, Replay, Selection, Settle,
    StoreError, Verdict, WriteOutcome, codec,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

/// The form of a state in the table.
const fn number(state: EventState) -> u8 {
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
    effects: &mut Effects,
    touched: &mut Touched<'_>,
) -> Result<(), Failure> {
    let stored = codec::encode_event(&event);
    let (seq, bytes) = (effects.next_place(), stored.len() as u64);
    let mut insert =
        connection.prepare_cached("INSERT INTO outbox (seq, app, bytes, event) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![seq.0, app.0, bytes, stored])?;
    effects.add(app, EventState::Waiting, seq, bytes);
    let (due, event) = (UnixMillis(0), Some(Arc::new(event)));
    touched.events.append(app, OutboxEvent { seq, bytes, attempts: 0, due, failure: None, event });
    Ok(())
}

/// Writes down what became of attempts. An event that is gone meanwhile is passed over.
pub(crate) fn settle(
    connection: &Connection,
    write: &Settle,
    effects: &mut Effects,
    touched: &mut Touched<'_>,
) -> Result<WriteOutcome, Failure> {
    let Settle { app, verdicts } = write;
    let app = *app;
    if let Some(last) = verdicts.iter().map(|(seq, _)| *seq).max() {
        touched.events.change(app, last);
    }
    let mut delivered = Vec::new();
    for (seq, verdict) in verdicts {
        match verdict {
            Verdict::Delivered => delivered.push(*seq),
            Verdict::Retry { attempts, due, failure } => {
                let sql = "UPDATE outbox SET attempts = ?3, due_ms = ?4, failure = ?5
                           WHERE seq = ?1 AND app = ?2 AND parked = 0";
                let due = i64::try_from(due.0).unwrap_or(i64::MAX);
                connection.prepare_cached(sql)?.execute(params![seq.0, app.0, attempts, due, failure])?;
            }
            Verdict::Park { attempts, failure } => {
                let sql = "UPDATE outbox SET parked = 1, attempts = ?3, failure = ?4
                           WHERE seq = ?1 AND app = ?2 AND parked = 0 RETURNING bytes";
                let mut update = connection.prepare_cached(sql)?;
                let row = update.query_row(params![seq.0, app.0, attempts, failure], |row| row.get(0));
                if let Some(bytes) = row.optional()? {
                    effects.remove(app, EventState::Waiting, *seq, bytes);
                    effects.add(app, EventState::Parked, *seq, bytes);
                }
            }
        }
    }
    delivered.sort_unstable();
    delivered.dedup();
    let adjoin = |one: &OutboxSeq, next: &OutboxSeq| one.0 + 1 == next.0 && one.stretch() == next.stretch();
    for run in delivered.chunk_by(adjoin) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            remove_run(connection, app, *first, *last, effects)?;
        }
    }
    Ok(WriteOutcome::Done)
}

/// Removes the waiting events from one place to another of the same stretch: one statement, where each by itself would take a search.
fn remove_run(
    connection: &Connection,
    app: SdkAppId,
    first: OutboxSeq,
    last: OutboxSeq,
    effects: &mut Effects,
) -> Result<(), Failure> {
    let places = params![first.0, last.0, app.0];
    let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM outbox
               WHERE seq BETWEEN ?1 AND ?2 AND app = ?3 AND parked = 0";
    let amount = connection
        .prepare_cached(sql)?
        .query_row(places, |row| Ok(Amount { events: row.get(0)?, bytes: row.get(1)? }))?;
    let sql = "DELETE FROM outbox WHERE seq BETWEEN ?1 AND ?2 AND app = ?3 AND parked = 0";
    connection.prepare_cached(sql)?.execute(places)?;
    effects.remove_all(app, EventState::Waiting, first, amount);
    Ok(())
}

fn remove(
    connection: &Connection,
    app: SdkAppId,
    state: EventState,
    seq: OutboxSeq,
    effects: &mut Effects,
) -> Result<(), Failure> {
    let sql = "DELETE FROM outbox WHERE seq = ?1 AND app = ?2 AND parked = ?3 RETURNING bytes";
    let row =
        connection.prepare_cached(sql)?.query_row(params![seq.0, app.0, number(state)], |row| row.get(0));
    if let Some(bytes) = row.optional()? {
        effects.remove(app, state, seq, bytes);
    }
    Ok(())
}

/// Removes events; gives how many.
pub(crate) fn discard(
    connection: &Connection,
    write: &Discard,
    effects: &mut Effects,
    touched: &mut Touched<'_>,
) -> Result<WriteOutcome, Failure> {
    let Discard { app, state, selection } = write;
    let (app, state) = (*app, *state);
    let places = places(connection, app, state, selection, touched.backlogs)?;
    // Read from the table for a while: nobody waits for this.
    touched.events.change(app, OutboxSeq(u64::MAX));
    for seq in &places {
        remove(connection, app, state, *seq, effects)?;
    }
    Ok(WriteOutcome::Counted(places.len()))
}

/// Puts parked events back to the end of the line, as if they were new; gives how many.
pub(crate) fn replay(
    connection: &Connection,
    write: &Replay,
    effects: &mut Effects,
    touched: &mut Touched<'_>,
) -> Result<WriteOutcome, Failure> {
    let Replay { app, selection } = write;
    let app = *app;
    let places = places(connection, app, EventState::Parked, selection, touched.backlogs)?;
    touched.events.change(app, OutboxSeq(u64::MAX));
    for seq in &places {
        // A new place, so that who has read further already meets it again.
        let sql = "INSERT INTO outbox (seq, app, bytes, event) SELECT ?2, app, bytes, event FROM outbox WHERE seq = ?1
                   RETURNING bytes";
        let place = effects.next_place();
        let bytes = connection.prepare_cached(sql)?.query_row([seq.0, place.0], |row| row.get(0))?;
        effects.add(app, EventState::Waiting, place, bytes);
        remove(connection, app, EventState::Parked, *seq, effects)?;
    }
    Ok(WriteOutcome::Counted(places.len()))
}

/// The places of those selected that are there.
fn places(
    connection: &Connection,
    app: SdkAppId,
    state: EventState,
    selection: &Selection,
    backlogs: &Backlogs,
) -> Result<Vec<OutboxSeq>, Failure> {
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
                // Found twice, it would be counted twice.
                if !found.contains(seq) && select.exists(params![seq.0, app.0, number(state)])? {
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
    // One view: else a stretch could be read, then added to, and the next one read with what came later still.
    let _view = one_view(connection)?;
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut events = Vec::new();
    while events.len() < limit {
        let stretch = match state {
            EventState::Waiting => backlogs.next_waiting(app, from),
            EventState::Parked => Some((from, OutboxSeq(i64::MAX.unsigned_abs()))),
        };
        let Some((first, last)) = stretch.filter(|(first, last)| first <= last) else { break };
        let room = i64::try_from(limit - events.len()).unwrap_or(i64::MAX);
        let rows = select.query_map(params![app.0, first.0, last.0, room], |row| event(app, row));
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

/// What is kept; reads the whole table, once at the start.
pub(crate) fn backlogs(connection: &Connection) -> rusqlite::Result<Backlogs> {
    let mut backlogs = Backlogs::default();
    let mut select = connection.prepare("SELECT app, parked, seq, bytes FROM outbox ORDER BY seq")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let parked = row.get::<_, u8>(1)? == number(EventState::Parked);
        let state = if parked { EventState::Parked } else { EventState::Waiting };
        backlogs.found(SdkAppId(row.get(0)?), state, OutboxSeq(row.get(2)?), row.get(3)?);
    }
    Ok(backlogs)
}
