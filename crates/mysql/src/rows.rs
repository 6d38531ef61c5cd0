//! The rows of one transaction, in memory: what was read under lock, and what the writes made of it. Pure; `apply.rs`
//! changes them, `load.rs` reads them, `save.rs` stores them.

use crate::place::{PARTS, Ticks, part_of_user};
use crate::sql::Arg;
use portraitd_model::{SdkAppId, UserId};
use portraitd_store::{Amount, AuditNote, EventState, OutboxSeq, TokenRecord};
use std::collections::BTreeMap;

/// A row that may have been stored, and may be there in the end.
#[derive(Clone, Debug)]
pub(crate) struct Row<T> {
    pub(crate) was_stored: bool,
    /// Whether it is not as it was stored.
    pub(crate) is_changed: bool,
    pub(crate) now: Option<T>,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { was_stored: false, is_changed: false, now: None }
    }
}

impl<T> Row<T> {
    pub(crate) fn stored(row: T) -> Self {
        Self { was_stored: true, is_changed: false, now: Some(row) }
    }

    pub(crate) fn set(&mut self, row: Option<T>) {
        self.is_changed = true;
        self.now = row;
    }
}

/// An account's row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Account {
    /// The place of its last change.
    pub(crate) rev: OutboxSeq,
    pub(crate) created_ms: u64,
    /// The second of its last kick; 0 = never.
    pub(crate) kicked_at: u64,
    /// Whether it is or was an admin of its app: a kick of an admin concerns the catalog.
    pub(crate) admin: bool,
    /// The stored form.
    pub(crate) profile: Vec<u8>,
}

/// An event's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    pub(crate) parked: bool,
    pub(crate) attempts: u32,
    pub(crate) due_ms: u64,
    pub(crate) failure: String,
    /// The stored form.
    pub(crate) bytes: Vec<u8>,
}

impl Event {
    pub(crate) fn state(&self) -> EventState {
        if self.parked { EventState::Parked } else { EventState::Waiting }
    }
}

/// An app's row. The settings are in their stored form; `None` until they are changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AppRow {
    pub(crate) revision: u64,
    pub(crate) settings: Option<(Vec<u8>, Vec<u8>)>,
}

/// What a transaction adds to an app's numbers, or what a lane has added in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accounts: i64,
    pub(crate) waiting_events: i64,
    pub(crate) waiting_bytes: i64,
    pub(crate) parked_events: i64,
    pub(crate) parked_bytes: i64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.accounts += other.accounts;
        self.waiting_events += other.waiting_events;
        self.waiting_bytes += other.waiting_bytes;
        self.parked_events += other.parked_events;
        self.parked_bytes += other.parked_bytes;
    }

    /// Adds an event of this size, or removes it (`sign` is -1).
    pub(crate) fn count(&mut self, state: EventState, bytes: usize, sign: i64) {
        let bytes = sign * i64::try_from(bytes).unwrap_or(i64::MAX);
        let (events, sum) = match state {
            EventState::Waiting => (&mut self.waiting_events, &mut self.waiting_bytes),
            EventState::Parked => (&mut self.parked_events, &mut self.parked_bytes),
        };
        *events += sign;
        *sum += bytes;
    }

    /// The values of its row, in the order of the table's columns.
    pub(crate) fn values(&self, app: SdkAppId, lane: u32) -> Vec<Arg<'static>> {
        let Self { accounts, waiting_events, waiting_bytes, parked_events, parked_bytes } = *self;
        let numbers = [accounts, waiting_events, waiting_bytes, parked_events, parked_bytes];
        [app.0.into(), lane.into()].into_iter().chain(numbers.map(Arg::from)).collect()
    }

    pub(crate) fn amount(&self, state: EventState) -> Amount {
        let (events, bytes) = match state {
            EventState::Waiting => (self.waiting_events, self.waiting_bytes),
            EventState::Parked => (self.parked_events, self.parked_bytes),
        };
        // The lanes are read one after another, so that a sum may be negative for a moment.
        Amount { events: u64::try_from(events).unwrap_or(0), bytes: u64::try_from(bytes).unwrap_or(0) }
    }
}

/// The rows of one transaction.
pub(crate) struct Rows<'a> {
    pub(crate) accounts: BTreeMap<(SdkAppId, UserId), Row<Account>>,
    /// The times of deletions that are noted.
    pub(crate) deletions: BTreeMap<(SdkAppId, UserId), Row<u64>>,
    pub(crate) events: BTreeMap<(SdkAppId, OutboxSeq), Row<Event>>,
    pub(crate) apps: BTreeMap<SdkAppId, Row<AppRow>>,
    pub(crate) tokens: BTreeMap<String, Row<TokenRecord>>,
    pub(crate) tallies: BTreeMap<SdkAppId, Tally>,
    pub(crate) notes: Vec<AuditNote>,
    /// Whether other nodes must read apps or tokens again.
    pub(crate) changes_catalog: bool,
    ticks: &'a Ticks,
    lane: u32,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(ticks: &'a Ticks, lane: u32) -> Self {
        Self {
            accounts: BTreeMap::new(),
            deletions: BTreeMap::new(),
            events: BTreeMap::new(),
            apps: BTreeMap::new(),
            tokens: BTreeMap::new(),
            tallies: BTreeMap::new(),
            notes: Vec::new(),
            changes_catalog: false,
            ticks,
            lane,
        }
    }

    /// The account, if it exists.
    pub(crate) fn account(&self, app: SdkAppId, user: UserId) -> Option<&Account> {
        self.accounts.get(&(app, user))?.now.as_ref()
    }

    /// Stores an account as changed: it gets the place of this change, which is returned.
    pub(crate) fn put_account(&mut self, app: SdkAppId, user: UserId, mut account: Account) -> OutboxSeq {
        let place = self.ticks.place(self.lane, part_of_user(&user), account.rev);
        account.rev = place;
        let row = self.accounts.entry((app, user)).or_default();
        if row.now.is_none() {
            self.tallies.entry(app).or_default().accounts += 1;
        }
        row.set(Some(account));
        place
    }

    /// Removes an account; returns whether it existed.
    pub(crate) fn remove_account(&mut self, app: SdkAppId, user: UserId) -> bool {
        let Some(row) = self.accounts.get_mut(&(app, user)).filter(|row| row.now.is_some()) else {
            return false;
        };
        row.set(None);
        self.tallies.entry(app).or_default().accounts -= 1;
        true
    }

    /// Stores an event, or removes it.
    pub(crate) fn put_event(&mut self, app: SdkAppId, seq: OutboxSeq, event: Option<Event>) {
        let (row, tally) = (self.events.entry((app, seq)).or_default(), self.tallies.entry(app).or_default());
        if let Some(event) = &row.now {
            tally.count(event.state(), event.bytes.len(), -1);
        }
        if let Some(event) = &event {
            tally.count(event.state(), event.bytes.len(), 1);
        }
        row.set(event);
    }

    /// A new place behind an event, for the same account.
    pub(crate) fn place_behind(&self, seq: OutboxSeq) -> OutboxSeq {
        let part = u16::try_from(seq.0 % u64::from(PARTS)).unwrap_or_default();
        self.ticks.place(self.lane, part, seq)
    }

    /// Whether there is nothing to store.
    pub(crate) fn are_unchanged(&self) -> bool {
        fn unchanged<K, T>(rows: &BTreeMap<K, Row<T>>) -> bool {
            rows.values().all(|row| !row.is_changed)
        }
        let accounts = unchanged(&self.accounts) && unchanged(&self.deletions) && unchanged(&self.events);
        accounts && unchanged(&self.apps) && unchanged(&self.tokens) && self.notes.is_empty()
    }
}
