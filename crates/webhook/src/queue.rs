//! The queue that decides which event of an app is sent next: in order for each account, accounts in parallel. A state
//! machine without clock, store or network, so that tests can try any order of events.

#[cfg(test)]
mod tests;

use crate::circuit_breaker::CircuitBreaker;
use crate::retry::Schedule;
use portraitd_model::{UnixMillis, UserId};
use portraitd_store::{DeliveryOutcome, OutboxEvent, OutboxSeq};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// The most events of an app in memory, and of one account: an account whose events fail for hours must not use up the
/// memory of the others.
const EVENTS_MAX: usize = 8_192;
const EVENTS_MAX_PER_ACCOUNT: usize = 64;
/// With fewer accounts ready, more events are read.
const READY_MIN: usize = 128;
/// The most bytes of events of an app in memory.
const BYTES_MAX: u64 = 16 << 20;

/// The events of an app that are in memory.
pub(super) struct Queue {
    schedule: Schedule,
    accounts: HashMap<UserId, AccountQueue>,
    /// Accounts whose first event may be sent, by its sequence number: the oldest is sent first.
    ready: BTreeSet<(OutboxSeq, UserId)>,
    /// Accounts whose first event is not due yet.
    waiting: BTreeMap<(UnixMillis, OutboxSeq), UserId>,
    /// Accounts that have room again for events that were skipped, with the first of them.
    to_reload: Vec<(UserId, OutboxSeq)>,
    breaker: CircuitBreaker,
    in_flight: usize,
    events: usize,
    bytes: u64,
}

/// One account's events, the oldest first.
#[derive(Default)]
struct AccountQueue {
    events: VecDeque<OutboxEvent>,
    in_flight: bool,
    /// The first event that was skipped for lack of room.
    skipped_from: Option<OutboxSeq>,
}

/// The result of an attempt; the error says why it failed.
pub(super) type AttemptResult = Result<(), String>;

impl Queue {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            accounts: HashMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeMap::new(),
            to_reload: Vec::new(),
            breaker: CircuitBreaker::default(),
            in_flight: 0,
            events: 0,
            bytes: 0,
        }
    }

    /// Whether more events should be read: few accounts are ready, and there is room for a page of events.
    pub(super) fn wants_more(&self) -> bool {
        self.ready.len() < READY_MIN && self.events <= EVENTS_MAX / 2 && self.bytes <= BYTES_MAX / 2
    }

    /// Adds an event; those of one account must come in the order of their sequence numbers. Returns the outcome of an
    /// event that can't be decoded: it is parked at once.
    pub(super) fn push(
        &mut self,
        event: OutboxEvent,
        now: UnixMillis,
    ) -> Option<(OutboxSeq, DeliveryOutcome)> {
        let Some(user) = event.event.as_ref().map(|event| event.user) else {
            let failure = "the stored event is damaged".to_owned();
            return Some((event.seq, DeliveryOutcome::Park { attempts: event.attempts, failure }));
        };
        let account = self.accounts.entry(user).or_default();
        if account.events.back().is_some_and(|last| last.seq >= event.seq) {
            // It was read again, after another process had held the account.
            return None;
        }
        if account.skipped_from.is_some() || account.events.len() >= EVENTS_MAX_PER_ACCOUNT {
            account.skipped_from.get_or_insert(event.seq);
            return None;
        }
        self.events += 1;
        self.bytes += event.bytes;
        account.events.push_back(event);
        if account.events.len() == 1 && !account.in_flight {
            self.schedule_account(user, now);
        }
        None
    }

    /// Returns an account that has room again for skipped events, and the first of them. The events from there on have to
    /// be pushed again.
    pub(super) fn reload(&mut self) -> Option<(UserId, OutboxSeq)> {
        self.to_reload.pop()
    }

    /// Returns an account to the reload list: its events could not be read.
    pub(super) fn reload_later(&mut self, user: UserId, from: OutboxSeq) {
        self.to_reload.push((user, from));
    }

    /// Whether an account's next event would be added.
    pub(super) fn has_room_for(&self, user: UserId) -> bool {
        self.accounts.get(&user).is_none_or(|account| account.skipped_from.is_none())
    }

    /// Returns the next event to send; its account waits until [`Queue::record`].
    pub(super) fn next(&mut self, now: UnixMillis) -> Option<OutboxEvent> {
        self.move_due(now);
        let user = match self.breaker.probe_at(now) {
            // One event probes a receiver that is down: one that is due, or else the next.
            Some(probe_at) if probe_at > now || self.in_flight > 0 => None,
            Some(_) => self.pop_ready().or_else(|| self.waiting.pop_first().map(|(_, user)| user)),
            None => self.pop_ready(),
        }?;
        let account = self.accounts.get_mut(&user)?;
        account.in_flight = true;
        self.in_flight += 1;
        account.events.front().cloned()
    }

    /// Takes back what [`Queue::next`] returned for this account: it may not be sent yet.
    pub(super) fn put_back(&mut self, user: UserId, now: UnixMillis) {
        if let Some(account) = self.accounts.get_mut(&user).filter(|account| account.in_flight) {
            account.in_flight = false;
            self.in_flight -= 1;
            self.schedule_account(user, now);
        }
    }

    /// Removes the events of the account that [`Queue::next`] returned one for: another process sends them.
    pub(super) fn forget(&mut self, user: UserId) {
        if let Some(account) = self.accounts.remove(&user) {
            self.in_flight -= usize::from(account.in_flight);
            self.events -= account.events.len();
            self.bytes -= account.events.iter().map(|event| event.bytes).sum::<u64>();
        }
    }

    /// Records the result of the event that [`Queue::next`] returned for this account. Returns the outcomes to store.
    pub(super) fn record(
        &mut self,
        user: UserId,
        result: AttemptResult,
        now: UnixMillis,
    ) -> Vec<(OutboxSeq, DeliveryOutcome)> {
        let Some(account) = self.accounts.get_mut(&user).filter(|account| account.in_flight) else {
            return Vec::new();
        };
        account.in_flight = false;
        self.in_flight -= 1;
        let Some(first) = account.events.front_mut() else { return Vec::new() };
        let (seq, is_probe) = (first.seq, first.due > now && self.breaker.probe_at(now).is_some());
        let Err(failure) = result else {
            self.remove_first(user, now);
            if self.breaker.record_success() {
                self.make_all_ready();
            }
            return vec![(seq, DeliveryOutcome::Delivered)];
        };
        self.breaker.record_failure(now);
        if is_probe {
            // It was sent early, to probe the receiver; that does not count as one of its attempts.
            self.schedule_account(user, now);
            return self.park_expired(now);
        }
        first.attempts = first.attempts.saturating_add(1);
        let attempts = first.attempts;
        let outcome = if let Some(due) = self.schedule.retry_at(seq, attempts, now) {
            first.due = due;
            first.failure = Some(failure.clone());
            self.schedule_account(user, now);
            DeliveryOutcome::Retry { attempts, due, failure }
        } else {
            self.remove_first(user, now);
            DeliveryOutcome::Park { attempts, failure }
        };
        let mut outcomes = vec![(seq, outcome)];
        outcomes.extend(self.park_expired(now));
        outcomes
    }

    /// Returns when to call [`Queue::next`] again if nothing else happens.
    pub(super) fn wake_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        if self.ready.is_empty() && self.waiting.is_empty() {
            return None;
        }
        if let Some(probe_at) = self.breaker.probe_at(now) {
            return (self.in_flight == 0).then_some(probe_at);
        }
        if !self.ready.is_empty() {
            return Some(now);
        }
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// Returns for how many milliseconds the receiver has been down; `None` when it is up.
    pub(super) fn down_ms(&self, now: UnixMillis) -> Option<u64> {
        self.breaker.down_ms(now)
    }

    /// Returns the sequence number of every event in memory.
    #[cfg(test)]
    fn seqs(&self) -> BTreeSet<OutboxSeq> {
        self.accounts.values().flat_map(|account| account.events.iter().map(|event| event.seq)).collect()
    }

    /// Parks events as old as the schedule's whole span once the receiver was down for that long: their retries have ended.
    fn park_expired(&mut self, now: UnixMillis) -> Vec<(OutboxSeq, DeliveryOutcome)> {
        let span = self.schedule.span_ms();
        if self.breaker.down_ms(now).is_none_or(|down| down < span) {
            return Vec::new();
        }
        let is_expired =
            |event: &OutboxEvent| event.event.as_ref().is_some_and(|event| event.at.0 + span <= now.0);
        let users: Vec<UserId> = self.accounts.keys().copied().collect();
        let mut outcomes = Vec::new();
        for user in users {
            while let Some(account) = self.accounts.get(&user)
                && !account.in_flight
                && let Some(first) = account.events.front()
                && is_expired(first)
            {
                let failure = first.failure.clone().unwrap_or_else(|| "the receiver was down".into());
                outcomes.push((first.seq, DeliveryOutcome::Park { attempts: first.attempts, failure }));
                let (seq, due) = (first.seq, first.due);
                self.ready.remove(&(seq, user));
                self.waiting.remove(&(due, seq));
                self.remove_first(user, now);
            }
        }
        outcomes
    }

    /// Removes an account's first event and schedules the next one.
    fn remove_first(&mut self, user: UserId, now: UnixMillis) {
        let Some(account) = self.accounts.get_mut(&user) else { return };
        if let Some(event) = account.events.pop_front() {
            self.events -= 1;
            self.bytes -= event.bytes;
        }
        if !account.events.is_empty() {
            self.schedule_account(user, now);
        } else if let Some(account) = self.accounts.remove(&user)
            && let Some(seq) = account.skipped_from
        {
            self.to_reload.push((user, seq));
        }
    }

    /// Puts an account into `ready` or `waiting`, as its first event is due. An event due later than any wait was scheduled
    /// before the clock was set back, and is ready.
    fn schedule_account(&mut self, user: UserId, now: UnixMillis) {
        let Some(first) = self.accounts.get(&user).and_then(|account| account.events.front()) else { return };
        if first.due <= now || first.due.0 > now.0 + self.schedule.longest_wait_ms() {
            self.ready.insert((first.seq, user));
        } else {
            self.waiting.insert((first.due, first.seq), user);
        }
    }

    /// Moves accounts that have become due to `ready`.
    fn move_due(&mut self, now: UnixMillis) {
        let latest = now.0 + self.schedule.longest_wait_ms();
        while let Some(entry) = self.waiting.first_entry()
            && (entry.key().0 <= now || entry.key().0.0 > latest)
        {
            let ((_, seq), user) = entry.remove_entry();
            self.ready.insert((seq, user));
        }
    }

    /// Makes every event due and closes the circuit: the receiver may be another one.
    pub(super) fn retry_now(&mut self) {
        self.breaker = CircuitBreaker::default();
        self.make_all_ready();
    }

    /// Makes every event due: the receiver is up again.
    fn make_all_ready(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.ready.extend(waiting.into_iter().map(|((_, seq), user)| (seq, user)));
    }

    fn pop_ready(&mut self) -> Option<UserId> {
        self.ready.pop_first().map(|(_, user)| user)
    }
}
