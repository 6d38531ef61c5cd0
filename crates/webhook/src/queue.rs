//! Which event of an app is sent next: in order for each account, accounts side by side. A state machine without
//! clock, store or network, so that every order of things can be tested at once.

#[cfg(test)]
mod tests;

use crate::circuit_breaker::CircuitBreaker;
use crate::retry::Schedule;
use portraitd_model::{UnixMillis, UserId};
use portraitd_store::{DeliveryOutcome, OutboxEvent, OutboxSeq};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// The most events of an app in memory, and of one account: an account whose receiver says no for hours does not
/// fill the place of the others.
const EVENTS_MAX: usize = 8_192;
const EVENTS_MAX_PER_ACCOUNT: usize = 64;
/// With fewer events ready, more are read.
const READY_MIN: usize = 128;
/// The most bytes of events of an app in memory.
const BYTES_MAX: u64 = 16 << 20;

/// An app's events on their way.
pub(super) struct Queue {
    schedule: Schedule,
    lines: HashMap<UserId, Line>,
    /// Accounts whose first event may be sent, by its place: the oldest goes first.
    ready: BTreeSet<(OutboxSeq, UserId)>,
    /// Accounts whose first event waits for its time.
    later: BTreeMap<(UnixMillis, OutboxSeq), UserId>,
    /// Accounts that have room again for events that were passed over, with the first of them.
    to_reload: Vec<(UserId, OutboxSeq)>,
    gate: CircuitBreaker,
    in_flight: usize,
    events: usize,
    bytes: u64,
}

/// One account's events, the oldest first.
#[derive(Default)]
struct Line {
    events: VecDeque<OutboxEvent>,
    in_flight: bool,
    /// The first event that had no room here.
    passed_over: Option<OutboxSeq>,
}

/// How an attempt ended; an error says why.
pub(super) type AttemptOutcome = Result<(), String>;

impl Queue {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            lines: HashMap::new(),
            ready: BTreeSet::new(),
            later: BTreeMap::new(),
            to_reload: Vec::new(),
            gate: CircuitBreaker::default(),
            in_flight: 0,
            events: 0,
            bytes: 0,
        }
    }

    /// Whether more events are of use: few are ready, and there is room for a page of them.
    pub(super) fn wants_more(&self) -> bool {
        self.ready.len() < READY_MIN && self.events <= EVENTS_MAX / 2 && self.bytes <= BYTES_MAX / 2
    }

    /// Takes in an event; those of one account come in the order of their places. One that does not read back is
    /// parked at once.
    pub(super) fn push(
        &mut self,
        event: OutboxEvent,
        now: UnixMillis,
    ) -> Option<(OutboxSeq, DeliveryOutcome)> {
        let Some(user) = event.event.as_ref().map(|event| event.user) else {
            let failure = "the stored event is damaged".to_owned();
            return Some((event.seq, DeliveryOutcome::Park { attempts: event.attempts, failure }));
        };
        let line = self.lines.entry(user).or_default();
        if line.passed_over.is_some() || line.events.len() >= EVENTS_MAX_PER_ACCOUNT {
            line.passed_over.get_or_insert(event.seq);
            return None;
        }
        self.events += 1;
        self.bytes += event.bytes;
        line.events.push_back(event);
        if line.events.len() == 1 && !line.in_flight {
            self.line_up(user, now);
        }
        None
    }

    /// An account that has room again for events passed over, and the first of them. Its events from there on are
    /// pushed once more.
    pub(super) fn reload(&mut self) -> Option<(UserId, OutboxSeq)> {
        self.to_reload.pop()
    }

    /// They could not be read.
    pub(super) fn reload_later(&mut self, user: UserId, from: OutboxSeq) {
        self.to_reload.push((user, from));
    }

    /// Whether an account's next event would be taken in.
    pub(super) fn has_room_for(&self, user: UserId) -> bool {
        self.lines.get(&user).is_none_or(|line| line.passed_over.is_none())
    }

    /// The next event to send; its account waits until [`Queue::settle`].
    pub(super) fn next(&mut self, now: UnixMillis) -> Option<OutboxEvent> {
        self.move_due(now);
        let user = match self.gate.ask_at(now) {
            // A receiver that is down is asked by one event: one whose time has come, or else the next.
            Some(ask_at) if ask_at > now || self.in_flight > 0 => None,
            Some(_) => self.pop_ready().or_else(|| self.later.pop_first().map(|(_, user)| user)),
            None => self.pop_ready(),
        }?;
        let line = self.lines.get_mut(&user)?;
        line.in_flight = true;
        self.in_flight += 1;
        line.events.front().cloned()
    }

    /// Takes what became of the event that [`Queue::next`] gave for this account; gives what is to be stored.
    pub(super) fn record(
        &mut self,
        user: UserId,
        outcome: AttemptOutcome,
        now: UnixMillis,
    ) -> Vec<(OutboxSeq, DeliveryOutcome)> {
        let Some(line) = self.lines.get_mut(&user).filter(|line| line.in_flight) else { return Vec::new() };
        line.in_flight = false;
        self.in_flight -= 1;
        let Some(first) = line.events.front_mut() else { return Vec::new() };
        let (seq, asked_early) = (first.seq, first.due > now && self.gate.ask_at(now).is_some());
        let Err(failure) = outcome else {
            self.drop_first(user, now);
            if self.gate.succeeded() {
                self.all_due();
            }
            return vec![(seq, DeliveryOutcome::Delivered)];
        };
        self.gate.failed(now);
        if asked_early {
            // It only found out whether the receiver is back; that costs it none of its attempts.
            self.line_up(user, now);
            return self.expire(now);
        }
        first.attempts = first.attempts.saturating_add(1);
        let attempts = first.attempts;
        let verdict = if let Some(due) = self.schedule.retry_at(seq, attempts, now) {
            first.due = due;
            first.failure = Some(failure.clone());
            self.line_up(user, now);
            DeliveryOutcome::Retry { attempts, due, failure }
        } else {
            self.drop_first(user, now);
            DeliveryOutcome::Park { attempts, failure }
        };
        let mut verdicts = vec![(seq, verdict)];
        verdicts.extend(self.expire(now));
        verdicts
    }

    /// When [`Queue::next`] is worth calling again if nothing else happens.
    pub(super) fn wake_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        if self.ready.is_empty() && self.later.is_empty() {
            return None;
        }
        if let Some(ask_at) = self.gate.ask_at(now) {
            return (self.in_flight == 0).then_some(ask_at);
        }
        if !self.ready.is_empty() {
            return Some(now);
        }
        self.later.first_key_value().map(|((due, _), _)| *due)
    }

    /// For how long the receiver has been down.
    pub(super) fn down_ms(&self, now: UnixMillis) -> Option<u64> {
        self.gate.down_ms(now)
    }

    /// The place of every event that is in memory.
    #[cfg(test)]
    fn places(&self) -> BTreeSet<OutboxSeq> {
        self.lines.values().flat_map(|line| line.events.iter().map(|event| event.seq)).collect()
    }

    /// A receiver that was down for as long as the schedule lasts: events as old as that have had their chance.
    fn expire(&mut self, now: UnixMillis) -> Vec<(OutboxSeq, DeliveryOutcome)> {
        let span = self.schedule.span_ms();
        if self.gate.down_ms(now).is_none_or(|down| down < span) {
            return Vec::new();
        }
        let old = |event: &OutboxEvent| event.event.as_ref().is_some_and(|event| event.at.0 + span <= now.0);
        let users: Vec<UserId> = self.lines.keys().copied().collect();
        let mut verdicts = Vec::new();
        for user in users {
            while let Some(line) = self.lines.get(&user)
                && !line.in_flight
                && let Some(first) = line.events.front()
                && old(first)
            {
                let failure = first.failure.clone().unwrap_or_else(|| "the receiver was down".into());
                verdicts.push((first.seq, DeliveryOutcome::Park { attempts: first.attempts, failure }));
                let (seq, due) = (first.seq, first.due);
                self.ready.remove(&(seq, user));
                self.later.remove(&(due, seq));
                self.drop_first(user, now);
            }
        }
        verdicts
    }

    /// The event is done with; the next one of its account may go.
    fn drop_first(&mut self, user: UserId, now: UnixMillis) {
        let Some(line) = self.lines.get_mut(&user) else { return };
        if let Some(event) = line.events.pop_front() {
            self.events -= 1;
            self.bytes -= event.bytes;
        }
        if !line.events.is_empty() {
            self.line_up(user, now);
        } else if let Some(line) = self.lines.remove(&user)
            && let Some(seq) = line.passed_over
        {
            self.to_reload.push((user, seq));
        }
    }

    /// Puts an account where its first event belongs.
    fn line_up(&mut self, user: UserId, now: UnixMillis) {
        let Some(first) = self.lines.get(&user).and_then(|line| line.events.front()) else { return };
        if first.due <= now || first.due.0 > now.0 + self.schedule.furthest_ms() {
            self.ready.insert((first.seq, user));
        } else {
            self.later.insert((first.due, first.seq), user);
        }
    }

    fn move_due(&mut self, now: UnixMillis) {
        let furthest = now.0 + self.schedule.furthest_ms();
        while let Some(entry) = self.later.first_entry()
            && (entry.key().0 <= now || entry.key().0.0 > furthest)
        {
            let ((_, seq), user) = entry.remove_entry();
            self.ready.insert((seq, user));
        }
    }

    /// Tries everything at once: the receiver may be another one.
    pub(super) fn retry_now(&mut self) {
        self.gate = CircuitBreaker::default();
        self.all_due();
    }

    /// The receiver is back: nobody waits any longer.
    fn all_due(&mut self) {
        let later = std::mem::take(&mut self.later);
        self.ready.extend(later.into_iter().map(|((_, seq), user)| (seq, user)));
    }

    fn pop_ready(&mut self) -> Option<UserId> {
        self.ready.pop_first().map(|(_, user)| user)
    }
}
