//! The outbox of the engine in memory.

use crate::engine::OutboxDelta;
use crate::outbox::{DeliveryOutcome, EventState, OutboxEvent, OutboxSeq, Selection};
use crate::{EVENTS_UNIT_MAX, codec};
use portraitd_model::{ProfileEvent, SdkAppId, UnixMillis};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Every app's events.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) last: OutboxSeq,
    entries: BTreeMap<OutboxSeq, Entry>,
}

struct Entry {
    app: SdkAppId,
    state: EventState,
    event: OutboxEvent,
}

impl Outbox {
    pub(super) fn append(&mut self, app: SdkAppId, event: Arc<ProfileEvent>, delta: &mut OutboxDelta) {
        let seq = delta.next_place();
        self.last = seq;
        let bytes = codec::encode_event(&event).len() as u64;
        let (due, event) = (UnixMillis(0), Some(event));
        let event = OutboxEvent { seq, bytes, attempts: 0, due, failure: None, event };
        delta.add(app, EventState::Waiting, seq, bytes);
        self.entries.insert(seq, Entry { app, state: EventState::Waiting, event });
    }

    pub(super) fn record_delivery(
        &mut self,
        app: SdkAppId,
        seq: OutboxSeq,
        outcome: DeliveryOutcome,
        delta: &mut OutboxDelta,
    ) {
        let waiting = |entry: &&mut Entry| entry.app == app && entry.state == EventState::Waiting;
        let Some(entry) = self.entries.get_mut(&seq).filter(waiting) else { return };
        match outcome {
            DeliveryOutcome::Delivered => {
                delta.remove(app, EventState::Waiting, seq, entry.event.bytes);
                self.entries.remove(&seq);
            }
            DeliveryOutcome::Retry { attempts, due, failure } => {
                entry.event = OutboxEvent { attempts, due, failure: Some(failure), ..entry.event.clone() };
            }
            DeliveryOutcome::Park { attempts, failure } => {
                delta.remove(app, EventState::Waiting, seq, entry.event.bytes);
                delta.add(app, EventState::Parked, seq, entry.event.bytes);
                entry.event = OutboxEvent { attempts, failure: Some(failure), ..entry.event.clone() };
                entry.state = EventState::Parked;
            }
        }
    }

    fn places(&self, app: SdkAppId, state: EventState, selection: Selection) -> Vec<OutboxSeq> {
        let matches = |entry: &Entry| entry.app == app && entry.state == state;
        match selection {
            Selection::Oldest(count) => {
                let found = self.entries.iter().filter(|(_, entry)| matches(entry)).map(|(seq, _)| *seq);
                found.take(count.min(EVENTS_UNIT_MAX)).collect()
            }
            Selection::Places(mut places) => {
                places.truncate(EVENTS_UNIT_MAX);
                places.sort_unstable();
                places.dedup();
                places.retain(|seq| self.entries.get(seq).is_some_and(matches));
                places
            }
        }
    }

    /// Removes every event of the chosen apps.
    pub(super) fn clear(&mut self, chosen: impl Fn(SdkAppId) -> bool, delta: &mut OutboxDelta) {
        let places: Vec<_> =
            self.entries.iter().filter(|(_, entry)| chosen(entry.app)).map(|(seq, _)| *seq).collect();
        for seq in places {
            self.remove(seq, delta);
        }
    }

    pub(super) fn discard(
        &mut self,
        app: SdkAppId,
        state: EventState,
        selection: Selection,
        delta: &mut OutboxDelta,
    ) -> usize {
        let places = self.places(app, state, selection);
        for seq in &places {
            self.remove(*seq, delta);
        }
        places.len()
    }

    pub(super) fn replay(&mut self, app: SdkAppId, selection: Selection, delta: &mut OutboxDelta) -> usize {
        let places = self.places(app, EventState::Parked, selection);
        for seq in &places {
            let entry = self.remove(*seq, delta);
            if let Some(event) = entry.and_then(|entry| entry.event.event) {
                self.append(app, event, delta);
            }
        }
        places.len()
    }

    fn remove(&mut self, seq: OutboxSeq, delta: &mut OutboxDelta) -> Option<Entry> {
        let entry = self.entries.remove(&seq)?;
        delta.remove(entry.app, entry.state, seq, entry.event.bytes);
        Some(entry)
    }

    pub(super) fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> Vec<OutboxEvent> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.entries.range((start, Bound::Unbounded)).map(|(_, entry)| entry);
        let wanted = later.filter(|entry| entry.app == app && entry.state == state);
        wanted.take(limit).map(|entry| entry.event.clone()).collect()
    }
}
