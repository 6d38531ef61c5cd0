//! What becomes of events in the outbox. They are appended with their change ([`Batch::append_event`]).

use crate::batch::Batch;
use crate::journal::EventProgress;
use crate::pending::PendingEvent;
use crate::write::error::WriteError;
use portraitd_model::{SdkAppId, UnixMillis};
use portraitd_store::{
    DeliveryOutcome, Discard, EVENTS_UNIT_MAX, EventState, OutboxSeq, Replay, Selection, WriteOutcome,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records the outcomes of attempts. Ignores events that no longer wait.
pub(crate) fn record_deliveries(
    app: SdkAppId,
    outcomes: &[(OutboxSeq, DeliveryOutcome)],
    batch: &mut Batch<'_>,
) -> Result<WriteOutcome, WriteError> {
    if let Some(last) = outcomes.iter().map(|(seq, _)| *seq).max() {
        batch.tail.change(app, last);
    }
    for (seq, outcome) in outcomes {
        let Some((event, before)) = find(*seq, app, EventState::Waiting, batch)? else { continue };
        let progress = match outcome {
            DeliveryOutcome::Delivered => None,
            DeliveryOutcome::Retry { attempts, due, failure } => Some(EventProgress {
                parked: false,
                attempts: *attempts,
                due: *due,
                failure: Some(failure.clone()),
            }),
            DeliveryOutcome::Park { attempts, failure } => Some(EventProgress {
                parked: true,
                attempts: *attempts,
                due: before.due,
                failure: Some(failure.clone()),
            }),
        };
        batch.change_event(*seq, event, progress);
    }
    Ok(WriteOutcome::Done)
}

/// Removes events; returns their number.
pub(crate) fn discard(write: &Discard, batch: &mut Batch<'_>) -> Result<WriteOutcome, WriteError> {
    let Discard { app, state, selection } = write;
    let selected = select(*app, *state, selection, batch)?;
    // Empties the queue in memory; deliveries then read the table.
    batch.tail.change(*app, OutboxSeq(u64::MAX));
    let count = selected.len();
    for (seq, event) in selected {
        batch.change_event(seq, event, None);
        batch.erases = true;
    }
    Ok(WriteOutcome::Counted(count))
}

/// Moves parked events to the end of the outbox as new ones; returns their number.
pub(crate) fn replay(write: &Replay, batch: &mut Batch<'_>) -> Result<WriteOutcome, WriteError> {
    let Replay { app, selection } = write;
    let mut stored = Vec::new();
    for (seq, event) in select(*app, EventState::Parked, selection, batch)? {
        let bytes = match &event.added {
            Some(bytes) => Arc::clone(bytes),
            None => stored_form(batch.sources.table, seq)?,
        };
        stored.push((seq, event, bytes));
    }
    batch.tail.change(*app, OutboxSeq(u64::MAX));
    let count = stored.len();
    for (seq, event, bytes) in stored {
        // A new place, so that a reader that is already past the old one reads it.
        let place = batch.delta.next_place();
        batch.add_event(place, *app, bytes);
        batch.change_event(seq, event, None);
    }
    Ok(WriteOutcome::Counted(count))
}

/// An event in a state, with its progress.
fn find(
    seq: OutboxSeq,
    app: SdkAppId,
    state: EventState,
    batch: &Batch<'_>,
) -> Result<Option<(PendingEvent, EventProgress)>, WriteError> {
    let found = match batch.known_event(seq) {
        Some(event) => Some(event),
        None => in_table(batch.sources.table, seq)?,
    };
    Ok(found.and_then(|event| {
        let progress = event.progress.clone().filter(|known| event.app == app && known.state() == state)?;
        Some((event, progress))
    }))
}

fn in_table(connection: &Connection, seq: OutboxSeq) -> Result<Option<PendingEvent>, WriteError> {
    let sql = "SELECT app, parked, attempts, due_ms, failure, bytes FROM outbox WHERE seq = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([seq.0], table_row).optional()?)
}

fn table_row(row: &Row<'_>) -> rusqlite::Result<PendingEvent> {
    let progress = EventProgress {
        parked: row.get(1)?,
        attempts: row.get(2)?,
        due: UnixMillis(row.get(3)?),
        failure: row.get(4)?,
    };
    let (app, bytes) = (SdkAppId(row.get(0)?), row.get(5)?);
    Ok(PendingEvent { app, segment: 0, first: 0, bytes, progress: Some(progress), added: None })
}

fn stored_form(connection: &Connection, seq: OutboxSeq) -> Result<Arc<[u8]>, WriteError> {
    let mut select = connection.prepare_cached("SELECT event FROM outbox WHERE seq = ?1")?;
    Ok(select.query_row([seq.0], |row| Ok(row.get_ref(0)?.as_blob()?.into()))?)
}

/// The selected events that exist.
fn select(
    app: SdkAppId,
    state: EventState,
    selection: &Selection,
    batch: &Batch<'_>,
) -> Result<BTreeMap<OutboxSeq, PendingEvent>, WriteError> {
    match selection {
        Selection::Oldest(count) => oldest(app, state, (*count).min(EVENTS_UNIT_MAX), batch),
        Selection::Places(places) => {
            let mut selected = BTreeMap::new();
            for seq in places.iter().take(EVENTS_UNIT_MAX) {
                if let Some((event, _)) = find(*seq, app, state, batch)? {
                    selected.insert(*seq, event);
                }
            }
            Ok(selected)
        }
    }
}

fn oldest(
    app: SdkAppId,
    state: EventState,
    count: usize,
    batch: &Batch<'_>,
) -> Result<BTreeMap<OutboxSeq, PendingEvent>, WriteError> {
    let changed = batch.known_events(app);
    // Of the rows, those that were changed since are left out again.
    let limit = i64::try_from(count + changed.len()).unwrap_or(i64::MAX);
    let (sql, from) = match state {
        EventState::Waiting => (
            "SELECT app, parked, attempts, due_ms, failure, bytes, seq FROM outbox
             WHERE seq >= ?2 AND app = ?1 AND parked = 0 ORDER BY seq LIMIT ?3",
            batch.sources.backlogs.first_waiting(app),
        ),
        EventState::Parked => (
            "SELECT app, parked, attempts, due_ms, failure, bytes, seq FROM outbox
             WHERE app = ?1 AND parked = 1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
            OutboxSeq::default(),
        ),
    };
    let mut select = batch.sources.table.prepare_cached(sql)?;
    let rows = select
        .query_map(params![app.0, from.0, limit], |row| Ok((OutboxSeq(row.get(6)?), table_row(row)?)))?;
    let mut events = rows.collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
    events.extend(changed);
    events.retain(|_, event| event.progress.as_ref().is_some_and(|progress| progress.state() == state));
    Ok(events.into_iter().take(count).collect())
}
