//! The writes. A change of accounts and events becomes records of a batch's frame; what is changed rarely is a transaction of its
//! own ([`direct`]).
//!
//! A refused write (no such account, a conflict) has written nothing. An error of the engine ends the whole batch.

mod accounts;
pub(crate) mod deletions;
pub(crate) mod direct;
pub(crate) mod error;
mod import;
mod outbox;
pub(crate) mod rows;

pub(crate) use error::WriteError;
pub(crate) use import::create_admins;

use crate::batch::Batch;
use portraitd_model::{FieldValue, ProfileItem, ProfilePatch};
use portraitd_store::{
    AuditNote, DELETIONS_UNIT_MAX, Delete, Discard, EVENTS_UNIT_MAX, Probe, RecordDeliveries, Replay,
    Selection, Write, WriteOutcome,
};

/// The approximate number of bytes that a write adds.
pub(crate) fn bytes(write: &Write) -> usize {
    /// An account's row and its index entry.
    const ROW: usize = 128;
    match write {
        Write::Change(change) => ROW + patch_bytes(&change.patch),
        Write::Import(import) => import.seeds.iter().map(|seed| ROW + patch_bytes(&seed.patch)).sum(),
        Write::Delete(Delete { users, noted_at, .. }) => {
            ROW * users.len() * (1 + usize::from(noted_at.is_some()))
        }
        Write::ForgetDeletions(_) => ROW * DELETIONS_UNIT_MAX,
        Write::PutApp(put) => ROW + put.settings.words.lines().len(),
        Write::RecordDeliveries(record) => ROW * record.outcomes.len(),
        Write::Discard(Discard { selection, .. }) | Write::Replay(Replay { selection, .. }) => {
            match selection {
                Selection::Oldest(count) => ROW * (*count).min(EVENTS_UNIT_MAX),
                Selection::Places(places) => ROW * places.len(),
            }
        }
        Write::Kick(_)
        | Write::RemoveApp(_)
        | Write::PutToken(_)
        | Write::RemoveToken(_)
        | Write::Probe(_)
        | Write::NoteOnly(_) => ROW,
    }
}

/// Whether a write is refused when the disk has little space left. Deletions are not, nor small writes of operators.
pub(crate) fn grows(write: &Write) -> bool {
    // A probe must fail when changes are refused: the server is not ready then.
    matches!(write, Write::Change(_) | Write::Import(_) | Write::Probe(_))
}

/// Whether a write is a transaction of its own instead of records in the journal.
pub(crate) fn is_direct(write: &Write) -> bool {
    matches!(
        write,
        Write::PutApp(_)
            | Write::RemoveApp(_)
            | Write::PutToken(_)
            | Write::RemoveToken(_)
            | Write::ForgetDeletions(_)
            | Write::NoteOnly(_)
    )
}

/// Adds a write to a batch, and its audit note if something changed.
pub(crate) fn run(
    write: &Write,
    note: Option<&AuditNote>,
    batch: &mut Batch<'_>,
) -> Result<WriteOutcome, WriteError> {
    let outcome = match write {
        Write::Change(change) => accounts::change(change, batch),
        Write::Import(import) => import::import(import, batch),
        Write::Delete(delete) => deletions::delete(delete, batch),
        Write::Kick(kick) => accounts::kick(kick, batch),
        Write::RecordDeliveries(RecordDeliveries { app, outcomes }) => {
            outbox::record_deliveries(*app, outcomes, batch)
        }
        Write::Discard(discard) => outbox::discard(discard, batch),
        Write::Replay(replay) => outbox::replay(replay, batch),
        // Its frame has no record, but is written and synced.
        Write::Probe(Probe) => {
            batch.probes = true;
            Ok(WriteOutcome::Done)
        }
        Write::PutApp(_)
        | Write::RemoveApp(_)
        | Write::PutToken(_)
        | Write::RemoveToken(_)
        | Write::ForgetDeletions(_)
        | Write::NoteOnly(_) => Ok(WriteOutcome::Done),
    }?;
    if let Some(note) = note.filter(|_| outcome.changed()) {
        batch.append_note(note);
    }
    Ok(outcome)
}

fn patch_bytes(patch: &ProfilePatch) -> usize {
    let value = |item: &ProfileItem| match &item.value {
        FieldValue::Text(text) => text.len(),
        FieldValue::Uint(_) => size_of::<u64>(),
    };
    patch.items().iter().map(value).sum()
}
