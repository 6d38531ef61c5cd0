//! The outbox: events that were committed with their change and wait to be delivered.

use portraitd_model::{ProfileEvent, UnixMillis};
use std::sync::Arc;

/// An event's place in the outbox. Grows with every event, and events of one user stand in the order of their changes.
/// While the store is open no place is given twice; after that, one whose event is gone may be given again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct OutboxSeq(pub u64);

impl OutboxSeq {
    pub(crate) const SEGMENT: u64 = 1024;

    /// Which segment of the outbox it is in, for engines: small enough to be looked through for the events of one app.
    pub fn segment(self) -> u64 {
        self.0 / Self::SEGMENT
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
pub enum DeliveryOutcome {
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

    pub(crate) fn amount_mut(&mut self, state: EventState) -> &mut Amount {
        match state {
            EventState::Waiting => &mut self.waiting,
            EventState::Parked => &mut self.parked,
        }
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
