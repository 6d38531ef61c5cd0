//! Reads the records of segments into memory.

use crate::OpenError;
use crate::account::{AccountState, Key};
use crate::batch::NextNumbers;
use crate::journal::{EventChange, Record, Segment, SegmentFile};
use crate::pending::{Pending, PendingChanges, PendingEvent};
use crate::profile_cache::ProfileCache;
use crate::{admin, events};
use portraitd_model::SdkAppId;
use portraitd_store::engine::Backlogs;
use portraitd_store::{AuditSeq, OutboxSeq};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What the records of all segments say together.
#[derive(Default)]
pub(crate) struct Replayed {
    events: BTreeMap<OutboxSeq, PendingEvent>,
    row: i64,
    /// The greatest place of an audit note.
    note: u64,
}

impl Replayed {
    /// Publishes a segment's records; returns the rows that it changed, and whether it deleted something.
    pub(crate) fn segment(
        &mut self,
        segment: &Segment,
        file: &SegmentFile,
        cache: &ProfileCache,
        pending: &Pending,
    ) -> Result<(Vec<(i64, Key)>, bool), OpenError> {
        let number = segment.sealed.header.segment;
        let (mut rows, mut erases, mut changes) = (Vec::new(), false, PendingChanges::default());
        segment.replay(file, &mut |record| match record {
            Record::Account(key, state) => {
                let (row, is_gone) = (state.row(), matches!(state, AccountState::Deleted { .. }));
                self.row = self.row.max(row);
                erases |= is_gone;
                if cache.publish(key, state, number) || is_gone {
                    rows.push((row, key));
                }
            }
            Record::Population(app, accounts) => {
                changes.populations.insert(app, accounts);
                changes.listed.push(app);
            }
            Record::Event(seq, app, change) => self.event(seq, app, change, number),
            Record::Note(entry) => {
                self.note = self.note.max(entry.seq.0);
                changes.notes.push(entry);
            }
        })?;
        changes.listed.sort_unstable();
        changes.listed.dedup();
        pending.publish(changes, number);
        Ok((rows, erases))
    }

    fn event(&mut self, seq: OutboxSeq, app: SdkAppId, change: EventChange, segment: u64) {
        let known = self.events.remove(&seq);
        let (first, bytes, added) =
            known.map_or((segment, 0, None), |known| (known.first, known.bytes, known.added));
        let event = match change {
            EventChange::Added(progress, stored) => {
                let bytes = stored.len() as u64;
                PendingEvent { app, segment, first, bytes, progress: Some(progress), added: Some(stored) }
            }
            EventChange::Progressed(progress) => {
                PendingEvent { app, segment, first, bytes, progress: Some(progress), added }
            }
            // The table may have it: its segment may have been applied in part.
            EventChange::Gone => PendingEvent { app, segment, first, bytes, progress: None, added: None },
        };
        self.events.insert(seq, event);
    }

    /// The events that changed, as they are at the end.
    pub(crate) fn into_events(self) -> BTreeMap<OutboxSeq, PendingEvent> {
        self.events
    }

    /// Publishes the events; returns from where numbers go on, and what the tables and the segments have of events together.
    pub(crate) fn finish(
        mut self,
        connection: &Connection,
        pending: &Pending,
    ) -> rusqlite::Result<(NextNumbers, Backlogs)> {
        let backlogs = events::backlogs(connection, &mut self.events)?;
        pending.restore(self.events);
        let row: i64 =
            connection.query_row("SELECT coalesce(max(id), 0) FROM accounts", [], |row| row.get(0))?;
        let note = admin::last_note(connection)?.max(self.note);
        Ok((NextNumbers { row: row.max(self.row) + 1, note: AuditSeq(note + 1) }, backlogs))
    }
}
