//! What engines share: how much is in each app's outbox, and where. Kept in memory, so that asking costs no I/O.

use crate::outbox::{Amount, Backlog, EventState, OutboxSeq};
use portraitd_model::SdkAppId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a unit of writing adds to the backlog and takes from it; it counts once the unit is committed.
#[derive(Debug)]
pub struct OutboxDelta {
    changes: Vec<Effect>,
    last: OutboxSeq,
}

#[derive(Debug)]
struct Effect {
    app: SdkAppId,
    state: EventState,
    /// Each is about one segment.
    at: OutboxSeq,
    added: Amount,
    removed: Amount,
}

impl OutboxDelta {
    /// None yet; `last` is the last place that was given.
    pub fn after(last: OutboxSeq) -> Self {
        Self { changes: Vec::new(), last }
    }

    /// A new place.
    pub fn next_place(&mut self) -> OutboxSeq {
        self.last.0 += 1;
        self.last
    }

    /// The last place that was given.
    pub fn last_place(&self) -> OutboxSeq {
        self.last
    }

    /// An event of so many stored bytes is added at a place.
    pub fn add(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, bytes: u64) {
        let effect = self.of(app, state, seq);
        effect.added.events += 1;
        effect.added.bytes += bytes;
    }

    /// An event of so many stored bytes is gone from a place.
    pub fn remove(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, bytes: u64) {
        let effect = self.of(app, state, seq);
        effect.removed.events += 1;
        effect.removed.bytes += bytes;
    }

    /// Several at once, of the segment that this place is in.
    pub fn remove_all(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, amount: Amount) {
        let effect = self.of(app, state, seq);
        effect.removed.events += amount.events;
        effect.removed.bytes += amount.bytes;
    }

    /// A unit touches an app or two in a segment or two, so a search from the end is short.
    fn of(&mut self, app: SdkAppId, state: EventState, at: OutboxSeq) -> &mut Effect {
        let same = |effect: &Effect| {
            effect.app == app && effect.state == state && effect.at.segment() == at.segment()
        };
        let index = self.changes.iter().rposition(same);
        let index = index.unwrap_or_else(|| {
            self.changes.push(Effect {
                app,
                state,
                at,
                added: Amount::default(),
                removed: Amount::default(),
            });
            self.changes.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just above")]
        &mut self.changes[index]
    }
}

/// The backlog of every app, and where its waiting events are, kept in memory: asking costs no I/O.
#[derive(Default, Debug)]
pub struct Backlogs(Mutex<Counts>);

#[derive(Default, Debug)]
struct Counts {
    backlogs: BTreeMap<SdkAppId, Backlog>,
    /// How many events of an app wait in each segment; those where none does are left out.
    waiting: BTreeMap<(SdkAppId, u64), u64>,
    /// The last place that was given.
    last: OutboxSeq,
}

impl Counts {
    fn apply(&mut self, effect: &Effect) {
        let amount = self.backlogs.entry(effect.app).or_default().amount_mut(effect.state);
        amount.events = (amount.events + effect.added.events).saturating_sub(effect.removed.events);
        amount.bytes = (amount.bytes + effect.added.bytes).saturating_sub(effect.removed.bytes);
        if effect.state == EventState::Waiting {
            let segment = (effect.app, effect.at.segment());
            let count = self.waiting.entry(segment).or_default();
            *count = (*count + effect.added.events).saturating_sub(effect.removed.events);
            if *count == 0 {
                self.waiting.remove(&segment);
            }
        }
    }
}

impl Backlogs {
    /// An event that is there since earlier. Events come in any number, so each is taken in by itself.
    pub fn add_existing(&mut self, app: SdkAppId, state: EventState, at: OutboxSeq, bytes: u64) {
        let counts = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let added = Amount { events: 1, bytes };
        counts.apply(&Effect { app, state, at, added, removed: Amount::default() });
        counts.last = counts.last.max(at);
    }

    /// The last place that was given.
    pub fn last_place(&self) -> OutboxSeq {
        self.lock().last
    }

    /// Takes in what was committed.
    pub fn commit(&self, delta: &OutboxDelta) {
        if delta.changes.is_empty() {
            return;
        }
        let mut counts = self.lock();
        delta.changes.iter().for_each(|effect| counts.apply(effect));
        counts.backlogs.retain(|_, backlog| *backlog != Backlog::default());
        counts.last = delta.last;
    }

    /// What each app has; an app that has nothing is absent.
    pub fn all(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.lock().backlogs.clone()
    }

    /// The next places, from one on, between which events of an app may wait: the first and the last.
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
