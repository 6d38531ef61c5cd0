//! The outbox of the reference engine.

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
    kept: BTreeMap<OutboxSeq, Kept>,
}

struct Kept {
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
        self.kept.insert(seq, Kept { app, state: EventState::Waiting, event });
    }

    pub(super) fn record_delivery(
        &mut self,
        app: SdkAppId,
        seq: OutboxSeq,
        outcome: DeliveryOutcome,
        delta: &mut OutboxDelta,
    ) {
        let waiting = |kept: &&mut Kept| kept.app == app && kept.state == EventState::Waiting;
        let Some(kept) = self.kept.get_mut(&seq).filter(waiting) else { return };
        match outcome {
            DeliveryOutcome::Delivered => {
                delta.remove(app, EventState::Waiting, seq, kept.event.bytes);
                self.kept.remove(&seq);
            }
            DeliveryOutcome::Retry { attempts, due, failure } => {
                kept.event = OutboxEvent { attempts, due, failure: Some(failure), ..kept.event.clone() };
            }
            DeliveryOutcome::Park { attempts, failure } => {
                delta.remove(app, EventState::Waiting, seq, kept.event.bytes);
                delta.add(app, EventState::Parked, seq, kept.event.bytes);
                kept.event = OutboxEvent { attempts, failure: Some(failure), ..kept.event.clone() };
                kept.state = EventState::Parked;
            }
        }
    }

    fn places(&self, app: SdkAppId, state: EventState, selection: Selection) -> Vec<OutboxSeq> {
        let is_there = |kept: &Kept| kept.app == app && kept.state == state;
        match selection {
            Selection::Oldest(count) => {
                let there = self.kept.iter().filter(|(_, kept)| is_there(kept)).map(|(seq, _)| *seq);
                there.take(count.min(EVENTS_UNIT_MAX)).collect()
            }
            Selection::Places(mut places) => {
                places.truncate(EVENTS_UNIT_MAX);
                places.sort_unstable();
                places.dedup();
                places.retain(|seq| self.kept.get(seq).is_some_and(is_there));
                places
            }
        }
    }

    /// Forgets every event of the apps that are chosen.
    pub(super) fn clear(&mut self, chosen: impl Fn(SdkAppId) -> bool, delta: &mut OutboxDelta) {
        let places: Vec<_> =
            self.kept.iter().filter(|(_, kept)| chosen(kept.app)).map(|(seq, _)| *seq).collect();
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
            let kept = self.remove(*seq, delta);
            if let Some(event) = kept.and_then(|kept| kept.event.event) {
                self.append(app, event, delta);
            }
        }
        places.len()
    }

    fn remove(&mut self, seq: OutboxSeq, delta: &mut OutboxDelta) -> Option<Kept> {
        let kept = self.kept.remove(&seq)?;
        delta.remove(kept.app, kept.state, seq, kept.event.bytes);
        Some(kept)
    }

    pub(super) fn events(
        &self,
        app: SdkAppId,
        state: EventState,
        after: Option<OutboxSeq>,
        limit: usize,
    ) -> Vec<OutboxEvent> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.kept.range((start, Bound::Unbounded)).map(|(_, kept)| kept);
        let wanted = later.filter(|kept| kept.app == app && kept.state == state);
        wanted.take(limit).map(|kept| kept.event.clone()).collect()
    }
}
