//! The transactions of a segment.

use crate::account::{AccountState, Key};
use crate::apply::shared::Shared;
use crate::journal::JournalRow;
use crate::pending::PendingEvent;
use crate::primitives::Instant;
use crate::wal::mark;
use crate::write::{deletions, rows};
use crate::{admin, connection, events};
use portraitd_model::SdkAppId;
use portraitd_store::OutboxSeq;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::HashMap;
use std::sync::PoisonError;

/// The most rows in a transaction: some 20 ms, for which a write that is a transaction of its own waits.
const ROWS: usize = 2000;

/// A transaction of a segment that was committed.
#[derive(Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) began: Instant,
    /// How much of the segment is applied with it.
    pub(crate) applied_percent: u64,
}

/// Applies a segment: `rows` is every row that it changed. After each transaction `goes_on` is told of it; with `false` the
/// segment is left as it is, even if applied in part. Returns what it returned last.
pub(crate) fn segment(
    connection: &Connection,
    segment: u64,
    rows: &mut Vec<(i64, Key)>,
    shared: &Shared,
    goes_on: &mut dyn FnMut(Slice) -> bool,
) -> rusqlite::Result<bool> {
    rows.sort_unstable();
    rows.dedup();
    let mut applied = 0;
    for slice in rows.chunks(ROWS) {
        let began = Instant::now();
        accounts(connection, slice, shared)?;
        applied += slice.len();
        if !goes_on(Slice { began, applied_percent: (100 * applied / rows.len()) as u64 }) {
            return Ok(false);
        }
    }
    let mut next = Some(OutboxSeq::default());
    while let Some(from) = next {
        let began = Instant::now();
        next = events(connection, segment, from, shared)?;
        if !goes_on(Slice { began, applied_percent: 100 }) {
            return Ok(false);
        }
    }
    let began = Instant::now();
    last(connection, segment, shared)?;
    Ok(goes_on(Slice { began, applied_percent: 100 }))
}

/// Brings rows to the newest states of their accounts.
fn accounts(connection: &Connection, slice: &[(i64, Key)], shared: &Shared) -> rusqlite::Result<()> {
    transact(connection, shared, |transaction| {
        let mut counts: HashMap<SdkAppId, i64> = HashMap::new();
        for (row, key) in slice {
            let more = account(transaction, *row, *key, shared)?;
            if more != 0 {
                *counts.entry(key.0).or_default() += more;
            }
        }
        counts.into_iter().try_for_each(|(app, more)| admin::add_accounts(transaction, app, more))
    })
}

/// Brings one row to the newest state of its account; returns by how much the number of rows grew.
fn account(connection: &Connection, row: i64, key: Key, shared: &Shared) -> rusqlite::Result<i64> {
    match shared.cache.pinned(&key) {
        Some(AccountState::Present(account)) if account.row == row => {
            let is_new = rows::put(connection, key, &account)?;
            if is_new {
                deletions::remove_note(connection, key)?;
            }
            Ok(i64::from(is_new))
        }
        // The account is there again in a later row, or that one is deleted, too.
        Some(AccountState::Present(_)) => Ok(-i64::from(rows::delete(connection, row)?)),
        Some(AccountState::Deleted { row: last, noted_at }) => {
            let deleted = rows::delete(connection, row)?;
            match noted_at {
                _ if last != row => {}
                Some(at) => deletions::put_note(connection, key, at)?,
                // The table may have the note of an earlier deletion: it went when the account was there again.
                None => deletions::remove_note(connection, key)?,
            }
            Ok(-i64::from(deleted))
        }
        None => Err(connection::internal("a change that waits to be applied is not in memory")),
    }
}

/// Brings events of a segment, from a place on, to their last changes; returns where the next slice begins.
fn events(
    connection: &Connection,
    segment: u64,
    from: OutboxSeq,
    shared: &Shared,
) -> rusqlite::Result<Option<OutboxSeq>> {
    let slice: Vec<(OutboxSeq, PendingEvent)> = shared.pending.events_up_to(segment, from, ROWS);
    let Some((last, _)) = slice.last() else { return Ok(None) };
    transact(connection, shared, |transaction| {
        slice.iter().try_for_each(|(seq, event)| events::put(transaction, *seq, event))
    })?;
    shared.pending.applied_events(&slice);
    Ok(Some(OutboxSeq(last.0 + 1)))
}

/// The last transaction of a segment: the audit notes, and that the segment is applied.
fn last(connection: &Connection, segment: u64, shared: &Shared) -> rusqlite::Result<()> {
    let notes = shared.pending.notes_up_to(segment);
    transact(connection, shared, |transaction| {
        notes.iter().try_for_each(|note| admin::put_note(transaction, note))?;
        JournalRow::set_applied(transaction, segment)
    })
}

fn transact(
    connection: &Connection,
    shared: &Shared,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let _alone = shared.table_lock.lock().unwrap_or_else(PoisonError::into_inner);
    // Dropped without a commit, the transaction is rolled back.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let marks = mark::set_if_due(&transaction, &shared.mark_due)?;
    work(&transaction)?;
    #[cfg(test)]
    #[cfg(feature = "shuttle")]
    crate::models::commit()?;
    transaction.commit()?;
    marks.done();
    Ok(())
}
