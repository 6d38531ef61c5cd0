//! What is acknowledged and in the journal, but not in the tables yet, besides the accounts themselves
//! ([`crate::profile_cache`]): events of webhooks, audit notes, and the numbers of accounts.

use crate::journal::EventProgress;
use crate::primitives::{Mutex, MutexGuard, oneshot};
use portraitd_model::SdkAppId;
use portraitd_store::{AuditEntry, OutboxSeq, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

/// The last change of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PendingEvent {
    pub(crate) app: SdkAppId,
    /// The segment of the change.
    pub(crate) segment: u64,
    /// The segment of the first change that the table does not have; 0 for one that is not published yet.
    pub(crate) first: u64,
    /// Its stored size.
    pub(crate) bytes: u64,
    /// How far its delivery is; `None` when it is gone.
    pub(crate) progress: Option<EventProgress>,
    /// Its stored form, while the table does not have it.
    pub(crate) added: Option<Arc<[u8]>>,
}

impl PendingEvent {
    /// The table has it as it was: what is left to apply came later.
    fn begin_after(&mut self, applied: &Self) {
        self.first = self.segment;
        if applied.progress.is_some() {
            self.added = None;
        }
    }
}

/// What waits to be applied.
#[derive(Default)]
pub(crate) struct Pending(Mutex<State>);

#[derive(Default)]
struct State {
    events: BTreeMap<OutboxSeq, PendingEvent>,
    /// With the segment of each, the oldest first.
    notes: Vec<(u64, AuditEntry)>,
    /// The number of accounts of every app.
    populations: HashMap<SdkAppId, u64>,
    /// The last segment in which accounts of an app were made or deleted.
    listed: HashMap<SdkAppId, u64>,
    /// The callers that wait until a segment is applied.
    waiting: Vec<(u64, oneshot::Sender<Result<(), StoreError>>)>,
    /// The last segment that is applied.
    applied: u64,
}

/// What a batch changed.
#[derive(Default)]
pub(crate) struct PendingChanges {
    pub(crate) events: BTreeMap<OutboxSeq, PendingEvent>,
    pub(crate) notes: Vec<AuditEntry>,
    /// The new numbers of accounts.
    pub(crate) populations: HashMap<SdkAppId, u64>,
    /// Apps of which accounts were made or deleted.
    pub(crate) listed: Vec<SdkAppId>,
}

impl Pending {
    /// Nothing is pending; the number of accounts of every app, as the table has it.
    pub(crate) fn new(populations: HashMap<SdkAppId, u64>, applied: u64) -> Self {
        Self(Mutex::new(State { populations, applied, ..State::default() }))
    }

    /// Adds what a batch changed, once it is on the disk in a segment.
    pub(crate) fn publish(&self, changes: PendingChanges, segment: u64) {
        let mut state = self.lock();
        for (seq, mut event) in changes.events {
            event.segment = segment;
            // Of one that was pending when the batch began, the table may have more by now.
            match state.events.get(&seq) {
                _ if event.first == 0 => event.first = segment,
                Some(known) => {
                    event.first = known.first;
                    event.added = event.added.filter(|_| known.added.is_some());
                }
                None => (event.first, event.added) = (segment, None),
            }
            state.events.insert(seq, event);
        }
        state.notes.extend(changes.notes.into_iter().map(|note| (segment, note)));
        state.populations.extend(changes.populations);
        state.listed.extend(changes.listed.into_iter().map(|app| (app, segment)));
    }

    /// Sets the events that a start found in the journal.
    pub(crate) fn restore(&self, events: BTreeMap<OutboxSeq, PendingEvent>) {
        self.lock().events = events;
    }

    /// The number of an app's accounts.
    pub(crate) fn population(&self, app: SdkAppId) -> u64 {
        self.lock().populations.get(&app).copied().unwrap_or_default()
    }

    /// Whether accounts of an app were made or deleted that the table does not list as they are.
    pub(crate) fn is_listed_late(&self, app: SdkAppId) -> bool {
        let state = self.lock();
        state.listed.get(&app).is_some_and(|segment| *segment > state.applied)
    }

    pub(crate) fn event(&self, seq: OutboxSeq) -> Option<PendingEvent> {
        self.lock().events.get(&seq).cloned()
    }

    /// The first changed event of an app, from a place on.
    pub(crate) fn first_event(&self, app: SdkAppId, from: OutboxSeq) -> Option<OutboxSeq> {
        let state = self.lock();
        state.events.range(from..).find(|(_, event)| event.app == app).map(|(seq, _)| *seq)
    }

    /// Every changed event of an app, in the order of their places.
    pub(crate) fn events_of(&self, app: SdkAppId) -> Vec<(OutboxSeq, PendingEvent)> {
        let state = self.lock();
        let events = state.events.iter().filter(|(_, event)| event.app == app);
        events.map(|(seq, event)| (*seq, event.clone())).collect()
    }

    /// Events of which the table does not have every change up to a segment, as they are now, from a place on; at most `limit`. One
    /// that a later segment changed, too, is not left to that: only its own segment says that it was added.
    pub(crate) fn events_up_to(
        &self,
        segment: u64,
        from: OutboxSeq,
        limit: usize,
    ) -> Vec<(OutboxSeq, PendingEvent)> {
        let state = self.lock();
        let events = state.events.range(from..).filter(|(_, event)| event.first <= segment);
        events.map(|(seq, event)| (*seq, event.clone())).take(limit).collect()
    }

    /// Removes events that the table now has as they are; of one that was changed since, the table has what was before.
    pub(crate) fn applied_events(&self, applied: &[(OutboxSeq, PendingEvent)]) {
        let mut state = self.lock();
        for (seq, event) in applied {
            if let Some(now) = state.events.get_mut(seq) {
                if now == event {
                    state.events.remove(seq);
                } else {
                    now.begin_after(event);
                }
            }
        }
    }

    /// The table has events as a segment left them.
    pub(crate) fn applied_up_to(&self, segment: u64, applied: &BTreeMap<OutboxSeq, PendingEvent>) {
        let mut state = self.lock();
        for (seq, event) in applied {
            match state.events.get_mut(seq) {
                Some(now) if now.segment > segment => now.begin_after(event),
                _ => drop(state.events.remove(seq)),
            }
        }
    }

    /// The notes that are not in the table yet, the oldest first.
    pub(crate) fn notes(&self) -> Vec<AuditEntry> {
        self.lock().notes.iter().map(|(_, note)| note.clone()).collect()
    }

    pub(crate) fn notes_up_to(&self, segment: u64) -> Vec<AuditEntry> {
        let state = self.lock();
        state.notes.iter().filter(|(of, _)| *of <= segment).map(|(_, note)| note.clone()).collect()
    }

    /// The table has a segment completely. Wakes the callers that waited for it.
    pub(crate) fn set_applied(&self, segment: u64) {
        let mut state = self.lock();
        state.applied = segment;
        state.notes.retain(|(of, _)| *of > segment);
        state.listed.retain(|_, of| *of > segment);
        let (done, waiting) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(of, _)| *of <= segment);
        state.waiting = waiting;
        drop(state);
        wake(done, &Ok(()));
    }

    /// Nothing can be applied at the moment: the callers that wait are told why.
    pub(crate) fn fail(&self, error: &StoreError) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        wake(waiting, &Err(error.clone()));
    }

    /// Told once a segment is applied; `None` when it is.
    pub(crate) fn wait_for(&self, segment: u64) -> Option<oneshot::Receiver<Result<(), StoreError>>> {
        let mut state = self.lock();
        if segment <= state.applied {
            return None;
        }
        let (done, told) = oneshot::channel();
        state.waiting.push((segment, done));
        Some(told)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waiting: Vec<(u64, oneshot::Sender<Result<(), StoreError>>)>, outcome: &Result<(), StoreError>) {
    for (_, done) in waiting {
        // One may have stopped waiting.
        let _ = done.send(outcome.clone());
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::journal::EventProgress;
    use portraitd_model::UnixMillis;

    const SEQ: OutboxSeq = OutboxSeq(1);

    fn publish(pending: &Pending, event: &PendingEvent, segment: u64) -> PendingEvent {
        let events = BTreeMap::from([(SEQ, event.clone())]);
        pending.publish(PendingChanges { events, ..PendingChanges::default() }, segment);
        pending.event(SEQ).unwrap()
    }

    /// Otherwise an event that was delivered in between would stay in the table, and be delivered again.
    #[test]
    fn an_event_that_the_table_got_during_a_batch_is_no_new_one() {
        let pending = Pending::default();
        let progress = EventProgress { parked: false, attempts: 0, due: UnixMillis(1), failure: None };
        let stored = Some(Arc::from(&b"event"[..]));
        let new = PendingEvent {
            app: SdkAppId(1),
            segment: 0,
            first: 0,
            bytes: 5,
            progress: Some(progress),
            added: stored,
        };
        let added = publish(&pending, &new, 1);
        assert!(added.first == 1 && added.added.is_some());
        // A batch delivers it, and the table has not got it yet: it came and went.
        let delivered = PendingEvent { progress: None, ..added.clone() };
        let gone = publish(&pending, &delivered, 2);
        assert!(gone.first == 1 && gone.added.is_some());
        // Another one, which the table gets before the batch is on the disk.
        let added = publish(&Pending::default(), &new, 1);
        let pending = Pending::default();
        let gone = publish(&pending, &PendingEvent { progress: None, ..added }, 2);
        assert!(gone.first == 2 && gone.added.is_none(), "{gone:?}");
    }
}
