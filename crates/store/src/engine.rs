//! What engines share: the size of each app's outbox and the places of its waiting events, in memory, which cost no I/O to
//! read; and the bound of a search by prefix.

use crate::outbox::{Amount, Backlog, EventState, OutboxSeq};
use portraitd_model::{SdkAppId, UserId};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// No id that starts with a prefix is greater than this, by bytes.
pub fn last_with_prefix(prefix: &str) -> String {
    // The prefix followed by the greatest characters.
    format!("{prefix}{}", "\u{10FFFF}".repeat(UserId::BYTES_MAX / 4))
}

/// What a unit of writing adds to the backlogs and removes from them. Applied once the unit is committed.
#[derive(Debug)]
pub struct OutboxDelta {
    segments: Vec<SegmentDelta>,
    last: OutboxSeq,
}

#[derive(Debug)]
struct SegmentDelta {
    app: SdkAppId,
    state: EventState,
    /// A place in the segment.
    at: OutboxSeq,
    added: Amount,
    removed: Amount,
}

impl OutboxDelta {
    /// An empty delta; `last` is the last place that was assigned.
    pub fn after(last: OutboxSeq) -> Self {
        Self { segments: Vec::new(), last }
    }

    /// Assigns a new place.
    pub fn next_place(&mut self) -> OutboxSeq {
        self.last.0 += 1;
        self.last
    }

    /// The last place that was assigned.
    pub fn last_place(&self) -> OutboxSeq {
        self.last
    }

    /// Adds an event with its stored size at a place.
    pub fn add(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, bytes: u64) {
        let segment = self.segment(app, state, seq);
        segment.added.events += 1;
        segment.added.bytes += bytes;
    }

    /// Removes an event with its stored size from a place.
    pub fn remove(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, bytes: u64) {
        let segment = self.segment(app, state, seq);
        segment.removed.events += 1;
        segment.removed.bytes += bytes;
    }

    /// A unit touches an app or two in a segment or two, so a search from the end is short.
    fn segment(&mut self, app: SdkAppId, state: EventState, at: OutboxSeq) -> &mut SegmentDelta {
        let same = |segment: &SegmentDelta| {
            segment.app == app && segment.state == state && segment.at.segment() == at.segment()
        };
        let index = self.segments.iter().rposition(same);
        let index = index.unwrap_or_else(|| {
            self.segments.push(SegmentDelta {
                app,
                state,
                at,
                added: Amount::default(),
                removed: Amount::default(),
            });
            self.segments.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just above")]
        &mut self.segments[index]
    }
}

/// The backlog of every app, and the segments of its waiting events.
#[derive(Default, Debug)]
pub struct Backlogs(Mutex<Counts>);

#[derive(Default, Debug)]
struct Counts {
    backlogs: BTreeMap<SdkAppId, Backlog>,
    /// How many events of an app wait in each segment; absent where none waits.
    waiting: BTreeMap<(SdkAppId, u64), u64>,
    /// The last place that was assigned.
    last: OutboxSeq,
}

impl Counts {
    fn apply(&mut self, delta: &SegmentDelta) {
        let amount = self.backlogs.entry(delta.app).or_default().amount_mut(delta.state);
        amount.events = (amount.events + delta.added.events).saturating_sub(delta.removed.events);
        amount.bytes = (amount.bytes + delta.added.bytes).saturating_sub(delta.removed.bytes);
        if delta.state == EventState::Waiting {
            let segment = (delta.app, delta.at.segment());
            let count = self.waiting.entry(segment).or_default();
            *count = (*count + delta.added.events).saturating_sub(delta.removed.events);
            if *count == 0 {
                self.waiting.remove(&segment);
            }
        }
    }
}

impl Backlogs {
    /// Counts an event that was stored before this start. One by one: there may be any number of them.
    pub fn add_existing(&mut self, app: SdkAppId, state: EventState, at: OutboxSeq, bytes: u64) {
        let counts = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let added = Amount { events: 1, bytes };
        counts.apply(&SegmentDelta { app, state, at, added, removed: Amount::default() });
        counts.last = counts.last.max(at);
    }

    /// Counts no event, but assigns no place up to this one.
    pub fn note_place(&mut self, at: OutboxSeq) {
        let counts = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        counts.last = counts.last.max(at);
    }

    /// The last place that was assigned.
    pub fn last_place(&self) -> OutboxSeq {
        self.lock().last
    }

    /// Applies a committed delta.
    pub fn commit(&self, delta: &OutboxDelta) {
        if delta.segments.is_empty() {
            return;
        }
        let mut counts = self.lock();
        delta.segments.iter().for_each(|segment| counts.apply(segment));
        counts.backlogs.retain(|_, backlog| *backlog != Backlog::default());
        counts.last = delta.last;
    }

    /// The backlog of each app; absent when empty.
    pub fn all(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.lock().backlogs.clone()
    }

    /// The next range of places, from one on, that may hold waiting events of an app: its first and last place.
    pub fn next_waiting(&self, app: SdkAppId, from: OutboxSeq) -> Option<(OutboxSeq, OutboxSeq)> {
        let counts = self.lock();
        let (&(_, segment), _) = counts.waiting.range((app, from.segment())..=(app, u64::MAX)).next()?;
        let first = segment * OutboxSeq::SEGMENT;
        Some((from.max(OutboxSeq(first)), OutboxSeq(first + OutboxSeq::SEGMENT - 1)))
    }

    /// No event of the app waits before this place.
    pub fn first_waiting(&self, app: SdkAppId) -> OutboxSeq {
        let first = self.next_waiting(app, OutboxSeq::default());
        first.map_or_else(|| OutboxSeq(self.last_place().0 + 1), |(first, _)| first)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
