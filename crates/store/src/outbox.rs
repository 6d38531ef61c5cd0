//! The outbox: events that were committed with their change and wait to be delivered.

use portrait_model::{ProfileEvent, SdkAppId, UnixMillis};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An event's place in the outbox. Grows with every event, and events of one user stand in the order of their changes.
/// While the store is open no place is given twice; after that, one whose event is gone may be given anew.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct OutboxSeq(pub u64);

impl OutboxSeq {
    const STRETCH: u64 = 1024;

    /// Which stretch of the outbox it is in: small enough to be looked through for the events of one app.
    pub(crate) fn stretch(self) -> u64 {
        self.0 / Self::STRETCH
    }
}

/// What happens to an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventState {
    /// It will be delivered.
    Waiting,
    /// Every attempt failed; it is kept until it is replayed or discarded.
    Parked,
}

/// An event in the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxEvent {
    /// Its place.
    pub seq: OutboxSeq,
    /// Its stored size.
    pub bytes: u64,
    /// How often its delivery has failed.
    pub attempts: u32,
    /// When it is to be tried next; 0 = at once.
    pub due: UnixMillis,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// The event; `None` when it does not read back.
    pub event: Option<Arc<ProfileEvent>>,
}

/// What became of an attempt to deliver an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It arrived and is removed.
    Delivered,
    /// It is to be tried again.
    Retry {
        /// How often it has failed now.
        attempts: u32,
        /// When to try again.
        due: UnixMillis,
        /// Why it failed.
        failure: String,
    },
    /// It is not tried any more.
    Park {
        /// How often it has failed now.
        attempts: u32,
        /// Why it failed.
        failure: String,
    },
}

/// Some events of an app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// The oldest ones, so many at most.
    Oldest(usize),
    /// Those in these places.
    Places(Vec<OutboxSeq>),
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amount {
    /// Events.
    pub events: u64,
    /// Their stored size in bytes, without the engine's own overhead.
    pub bytes: u64,
}

/// What an app has in the outbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backlog {
    /// To be delivered.
    pub waiting: Amount,
    /// Given up.
    pub parked: Amount,
}

impl Backlog {
    /// What is kept in one state.
    pub fn amount(&self, state: EventState) -> Amount {
        match state {
            EventState::Waiting => self.waiting,
            EventState::Parked => self.parked,
        }
    }

    fn amount_mut(&mut self, state: EventState) -> &mut Amount {
        match state {
            EventState::Waiting => &mut self.waiting,
            EventState::Parked => &mut self.parked,
        }
    }
}

/// What a unit of writing adds to the backlog and takes from it; it counts once the unit is committed.
#[derive(Debug)]
pub(crate) struct Effects {
    changes: Vec<Effect>,
    last: OutboxSeq,
}

#[derive(Debug)]
struct Effect {
    app: SdkAppId,
    state: EventState,
    /// Each is about one stretch.
    at: OutboxSeq,
    added: Amount,
    removed: Amount,
}

impl Effects {
    /// None yet; `last` is the last place that was given.
    pub(crate) fn after(last: OutboxSeq) -> Self {
        Self { changes: Vec::new(), last }
    }

    /// A new place.
    pub(crate) fn next_place(&mut self) -> OutboxSeq {
        self.last.0 += 1;
        self.last
    }

    /// The last place that was given.
    pub(crate) fn last_place(&self) -> OutboxSeq {
        self.last
    }

    pub(crate) fn add(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, bytes: u64) {
        let effect = self.of(app, state, seq);
        effect.added.events += 1;
        effect.added.bytes += bytes;
    }

    pub(crate) fn remove(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, bytes: u64) {
        let effect = self.of(app, state, seq);
        effect.removed.events += 1;
        effect.removed.bytes += bytes;
    }

    /// Several at once, of the stretch that this place is in.
    pub(crate) fn remove_all(&mut self, app: SdkAppId, state: EventState, seq: OutboxSeq, amount: Amount) {
        let effect = self.of(app, state, seq);
        effect.removed.events += amount.events;
        effect.removed.bytes += amount.bytes;
    }

    /// A unit touches an app or two in a stretch or two, so a search from the end is short.
    fn of(&mut self, app: SdkAppId, state: EventState, at: OutboxSeq) -> &mut Effect {
        let same = |effect: &Effect| {
            effect.app == app && effect.state == state && effect.at.stretch() == at.stretch()
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
pub(crate) struct Backlogs(Mutex<Held>);

#[derive(Default, Debug)]
struct Held {
    backlogs: BTreeMap<SdkAppId, Backlog>,
    /// How many events of an app wait in each stretch; those where none does are left out.
    waiting: BTreeMap<(SdkAppId, u64), u64>,
    /// The last place that was given.
    last: OutboxSeq,
}

impl Held {
    fn take_in(&mut self, effect: &Effect) {
        let amount = self.backlogs.entry(effect.app).or_default().amount_mut(effect.state);
        amount.events = (amount.events + effect.added.events).saturating_sub(effect.removed.events);
        amount.bytes = (amount.bytes + effect.added.bytes).saturating_sub(effect.removed.bytes);
        if effect.state == EventState::Waiting {
            let stretch = (effect.app, effect.at.stretch());
            let count = self.waiting.entry(stretch).or_default();
            *count = (*count + effect.added.events).saturating_sub(effect.removed.events);
            if *count == 0 {
                self.waiting.remove(&stretch);
            }
        }
    }
}

impl Backlogs {
    /// An event that is there since earlier. Events come in any number, so each is taken in by itself.
    pub(crate) fn found(&mut self, app: SdkAppId, state: EventState, at: OutboxSeq, bytes: u64) {
        let held = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let added = Amount { events: 1, bytes };
        held.take_in(&Effect { app, state, at, added, removed: Amount::default() });
        held.last = held.last.max(at);
    }

    /// The last place that was given.
    pub(crate) fn last_place(&self) -> OutboxSeq {
        self.lock().last
    }

    pub(crate) fn commit(&self, effects: &Effects) {
        if effects.changes.is_empty() {
            return;
        }
        let mut held = self.lock();
        effects.changes.iter().for_each(|effect| held.take_in(effect));
        held.backlogs.retain(|_, backlog| *backlog != Backlog::default());
        held.last = effects.last;
    }

    pub(crate) fn all(&self) -> BTreeMap<SdkAppId, Backlog> {
        self.lock().backlogs.clone()
    }

    /// The next places, from one on, between which events of an app may wait: the first and the last.
    pub(crate) fn next_waiting(&self, app: SdkAppId, from: OutboxSeq) -> Option<(OutboxSeq, OutboxSeq)> {
        let held = self.lock();
        let (&(_, stretch), _) = held.waiting.range((app, from.stretch())..=(app, u64::MAX)).next()?;
        let first = stretch * OutboxSeq::STRETCH;
        Some((from.max(OutboxSeq(first)), OutboxSeq(first + OutboxSeq::STRETCH - 1)))
    }

    /// No event of the app waits before this place.
    pub(crate) fn first_waiting(&self, app: SdkAppId) -> OutboxSeq {
        let first = self.next_waiting(app, OutboxSeq::default());
        first.map_or_else(|| OutboxSeq(self.last_place().0 + 1), |(first, _)| first)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_and_parked_are_told_apart() {
        let (waiting, parked) = (Amount { events: 1, bytes: 10 }, Amount { events: 2, bytes: 20 });
        let backlog = Backlog { waiting, parked };
        assert_eq!(
            [EventState::Waiting, EventState::Parked].map(|state| backlog.amount(state)),
            [waiting, parked]
        );
    }
}
