//! A batch of changes: the frame that is written for them, and what they change in memory once it is on the disk. Later changes see
//! the earlier ones.

use crate::account::{AccountRow, AccountState, Key};
use crate::journal::{EventChange, EventProgress, FrameBuffer, Record};
use crate::outbox_tail::{OutboxTail, TailChanges};
use crate::pending::{Pending, PendingChanges, PendingEvent};
use crate::profile_cache::{ENTRY_BYTES, Known, ProfileCache};
use crate::write::error::WriteError;
use crate::write::rows;
use portraitd_model::{ProfileEvent, SdkAppId, UnixMillis};
use portraitd_store::engine::{Backlogs, OutboxDelta};
use portraitd_store::{AuditEntry, AuditNote, AuditSeq, EventState, OutboxEvent, OutboxSeq, codec};
use rusqlite::Connection;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// The numbers that are given out next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextNumbers {
    pub(crate) row: i64,
    pub(crate) note: AuditSeq,
}

/// What a batch reads.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) cache: &'a ProfileCache,
    pub(crate) pending: &'a Pending,
    pub(crate) table: &'a Connection,
    /// The backlogs before the batch.
    pub(crate) backlogs: &'a Backlogs,
}

/// The changes of a batch. Dropped without [`Batch::publish`], everything is as before.
pub(crate) struct Batch<'a> {
    pub(crate) sources: Sources<'a>,
    pub(crate) frame: &'a mut FrameBuffer,
    pub(crate) next: NextNumbers,
    pub(crate) delta: OutboxDelta,
    pub(crate) tail: TailChanges,
    accounts: HashMap<Key, AccountState>,
    /// Rows that were deleted; their accounts may be there again.
    gone: Vec<(i64, Key)>,
    changes: PendingChanges,
    /// Whether something was deleted that must not stay in the files.
    pub(crate) erases: bool,
    /// Whether a frame without records is written, too.
    pub(crate) probes: bool,
}

/// What a published batch adds to its segment.
pub(crate) struct Published {
    pub(crate) rows: Vec<(i64, Key)>,
    /// The approximate memory that it takes until it is applied.
    pub(crate) pending_bytes: usize,
    /// Whether it deleted something.
    pub(crate) erases: bool,
}

impl<'a> Batch<'a> {
    /// An empty batch.
    pub(crate) fn new(
        sources: Sources<'a>,
        frame: &'a mut FrameBuffer,
        next: NextNumbers,
        last: OutboxSeq,
    ) -> Self {
        frame.begin();
        Self {
            sources,
            frame,
            next,
            delta: OutboxDelta::after(last),
            tail: TailChanges::default(),
            accounts: HashMap::new(),
            gone: Vec::new(),
            changes: PendingChanges::default(),
            erases: false,
            probes: false,
        }
    }

    /// Whether nothing has to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.frame.is_empty() && !self.probes
    }

    /// The latest state of an account; `None` when the table has it as it is.
    pub(crate) fn known(&self, key: &Key) -> Option<AccountState> {
        if let Some(state) = self.accounts.get(key) {
            return Some(state.clone());
        }
        match self.sources.cache.get(key) {
            Known::Account(account) => Some(AccountState::Present(account)),
            Known::Deleted(state) => Some(state),
            Known::Nothing(_) => None,
        }
    }

    /// An account with the changes of this batch.
    pub(crate) fn find(&self, key: &Key) -> Result<Option<AccountRow>, WriteError> {
        match self.known(key) {
            Some(state) => Ok(state.present().cloned()),
            None => Ok(rows::find(self.sources.table, *key)?),
        }
    }

    /// Adds the new state of an account that there is.
    pub(crate) fn update(&mut self, key: Key, account: AccountRow) {
        self.set(key, AccountState::Present(account));
    }

    /// Adds a new account.
    pub(crate) fn create(&mut self, key: Key, created: UnixMillis, profile: Arc<[u8]>) {
        let row = self.next.row;
        self.next.row += 1;
        self.set(key, AccountState::Present(AccountRow { row, created, kicked_at: None, profile }));
        self.count(key.0, 1);
    }

    /// Deletes an account that there is.
    pub(crate) fn delete(&mut self, key: Key, row: i64, noted_at: Option<UnixMillis>) {
        self.set(key, AccountState::Deleted { row, noted_at });
        self.gone.push((row, key));
        self.erases = true;
        self.count(key.0, -1);
    }

    fn set(&mut self, key: Key, state: AccountState) {
        let record = Record::Account(key, state);
        record.write(self.frame.records());
        if let Record::Account(key, state) = record {
            self.accounts.insert(key, state);
        }
    }

    fn count(&mut self, app: SdkAppId, more: i64) {
        let accounts = match self.changes.populations.entry(app) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.sources.pending.population(app)),
        };
        *accounts = accounts.saturating_add_signed(more);
        let accounts = *accounts;
        Record::Population(app, accounts).write(self.frame.records());
        if !self.changes.listed.contains(&app) {
            self.changes.listed.push(app);
        }
    }

    /// Appends an event to the outbox.
    pub(crate) fn append_event(&mut self, app: SdkAppId, event: ProfileEvent) {
        let stored: Arc<[u8]> = codec::encode_event(&event).into();
        let (seq, bytes) = (self.delta.next_place(), stored.len() as u64);
        self.add_event(seq, app, stored);
        let (due, event) = (UnixMillis(0), Some(Arc::new(event)));
        self.tail.append(app, OutboxEvent { seq, bytes, attempts: 0, due, failure: None, event });
    }

    /// Adds a waiting event at a place.
    pub(crate) fn add_event(&mut self, seq: OutboxSeq, app: SdkAppId, stored: Arc<[u8]>) {
        let (bytes, progress) = (stored.len() as u64, EventProgress::default());
        self.write_event(seq, app, EventChange::Added(progress.clone(), Arc::clone(&stored)));
        self.delta.add(app, EventState::Waiting, seq, bytes);
        let (progress, added) = (Some(progress), Some(stored));
        let event = PendingEvent { app, segment: 0, first: 0, bytes, progress, added };
        self.changes.events.insert(seq, event);
    }

    /// Changes an event that there is, or removes it.
    pub(crate) fn change_event(
        &mut self,
        seq: OutboxSeq,
        event: PendingEvent,
        progress: Option<EventProgress>,
    ) {
        let PendingEvent { app, first, bytes, progress: before, added, .. } = event;
        self.write_event(seq, app, progress.clone().map_or(EventChange::Gone, EventChange::Progressed));
        if let Some(before) = &before {
            self.delta.remove(app, before.state(), seq, bytes);
        }
        if let Some(progress) = &progress {
            self.delta.add(app, progress.state(), seq, bytes);
        }
        // Of one that came and went before the table had it, nothing is kept but that the table does not have it.
        let added = if progress.is_none() { added.map(|_| Arc::default()) } else { added };
        self.changes.events.insert(seq, PendingEvent { app, segment: 0, first, bytes, progress, added });
    }

    fn write_event(&mut self, seq: OutboxSeq, app: SdkAppId, change: EventChange) {
        Record::Event(seq, app, change).write(self.frame.records());
    }

    /// The latest change of an event; `None` when the table has it as it is.
    pub(crate) fn known_event(&self, seq: OutboxSeq) -> Option<PendingEvent> {
        self.changes.events.get(&seq).cloned().or_else(|| self.sources.pending.event(seq))
    }

    /// Every changed event of an app.
    pub(crate) fn known_events(&self, app: SdkAppId) -> Vec<(OutboxSeq, PendingEvent)> {
        let mut known = self.sources.pending.events_of(app);
        known.retain(|(seq, _)| !self.changes.events.contains_key(seq));
        let changed = self.changes.events.iter().filter(|(_, event)| event.app == app);
        known.extend(changed.map(|(seq, event)| (*seq, event.clone())));
        known.sort_by_key(|(seq, _)| *seq);
        known
    }

    /// Appends an audit note.
    pub(crate) fn append_note(&mut self, note: &AuditNote) {
        let entry = AuditEntry { seq: self.next.note, note: note.clone() };
        self.next.note.0 += 1;
        Record::Note(entry.clone()).write(self.frame.records());
        self.changes.notes.push(entry);
    }

    /// Publishes a batch whose frame is on the disk.
    pub(crate) fn publish(self, segment: u64, tail: &OutboxTail) -> Published {
        let Self { sources, delta, accounts, gone, changes, tail: tail_changes, erases, .. } = self;
        let mut published = Published { rows: gone, pending_bytes: 0, erases };
        for (key, state) in accounts {
            let (row, bytes) = (state.row(), state.profile_bytes());
            if sources.cache.publish(key, state, segment) {
                published.rows.push((row, key));
                published.pending_bytes += ENTRY_BYTES + bytes;
            }
        }
        let events = changes.events.values().filter_map(|event| event.added.as_ref());
        published.pending_bytes += events.map(|event| size_of::<PendingEvent>() + event.len()).sum::<usize>();
        published.pending_bytes += changes.notes.iter().map(|entry| entry.note.text.len()).sum::<usize>();
        sources.pending.publish(changes, segment);
        tail.publish(tail_changes, delta.last_place());
        sources.backlogs.commit(&delta);
        published
    }
}
