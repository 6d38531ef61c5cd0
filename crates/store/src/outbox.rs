//! The outbox: events, committed with their change, that wait to be delivered.

use portraitd_model::{ProfileEvent, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An event's place in the outbox. Grows with every event, and events of one user stand in the order of their changes.
/// While the store is open no place is assigned twice; after a restart, the place of a removed event may be assigned again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct OutboxSeq(pub u64);

impl OutboxSeq {
    pub(crate) const SEGMENT: u64 = 1024;

    /// The segment of the outbox that it is in, for engines: small enough to be scanned for the events of one app.
    pub fn segment(self) -> u64 {
        self.0 / Self::SEGMENT
    }
}

/// The state of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventState {
    /// It waits for its delivery.
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
    /// The number of failed attempts.
    pub attempts: u32,
    /// The time of the next attempt; 0 = at once.
    pub due: UnixMillis,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// The event; `None` when it does not read back.
    pub event: Option<Arc<ProfileEvent>>,
}

/// The outcome of an attempt to deliver an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeliveryOutcome {
    /// The receiver accepted it; it is removed.
    Delivered,
    /// It failed and is tried again.
    Retry {
        /// The number of failed attempts, this one included.
        attempts: u32,
        /// The time of the next attempt.
        due: UnixMillis,
        /// Why it failed.
        failure: String,
    },
    /// It failed and is not tried again.
    Park {
        /// The number of failed attempts, this one included.
        attempts: u32,
        /// Why it failed.
        failure: String,
    },
}

/// Some events of an app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// The oldest ones, at most this number.
    Oldest(usize),
    /// Those at these places.
    Places(Vec<OutboxSeq>),
}

/// A number of events and their size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amount {
    /// Number of events.
    pub events: u64,
    /// Their stored size in bytes, without the engine's own overhead.
    pub bytes: u64,
}

/// The events of an app in the outbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backlog {
    /// To be delivered.
    pub waiting: Amount,
    /// Parked.
    pub parked: Amount,
}

impl Backlog {
    /// The amount in one state.
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

/// How far a process has read an app's waiting events that it delivers ([`Store::deliverable`](crate::Store::deliverable)).
/// Its fields are for engines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboxCursor {
    /// An engine of one process: the last place that was read.
    pub last: Option<OutboxSeq>,
    /// An engine of several processes: what was read of the parts that this one holds.
    pub scans: Vec<OutboxScan>,
}

/// Whether this process may begin to deliver an event of an account ([`Store::delivery_right`](crate::Store::delivery_right)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryRight {
    /// It may.
    Held,
    /// Not at the moment: it has to hear from the store first.
    Paused,
    /// It is another process's now, which reads the event itself.
    Lost,
}

/// How far some parts of the users were read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboxScan {
    /// The parts, each with the epoch since which it is held.
    pub parts: BTreeMap<u16, u64>,
    /// The greatest place that was read.
    pub scanned_to: OutboxSeq,
    /// The places that were read not long before it.
    pub recent: BTreeSet<OutboxSeq>,
    /// Whether everything was read that there was.
    pub is_finished: bool,
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
