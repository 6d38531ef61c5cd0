//! The records of a frame. Each holds the whole new state of one thing, so that applying it twice changes nothing.
//!
//! ```text
//! account     1 · row i64 · app u32 · user text8 · created u64 · kicked u64 (0 = never) · profile bytes32
//! deletion    2 · row i64 · app u32 · user text8 · noted u64 (0 = not)
//! population  3 · app u32 · accounts u64
//! event       4 · seq u64 · app u32 · progress · event bytes32
//! progress    5 · seq u64 · app u32 · progress
//! event gone  6 · seq u64 · app u32
//! audit note  7 · seq u64 · app u32 (0 = none) · at u64 · text bytes32
//! ```
//! `progress` is parked u8 · attempts u32 · due u64 · failure bytes32. Numbers are little-endian; `text8` and `bytes32` have their
//! length before them, in 8 and 32 bits. The frame's checksum covers them.

use crate::account::{AccountRow, AccountState, Key};
use portraitd_model::{SdkAppId, UnixMillis, UnixSeconds, UserId};
use portraitd_store::{AuditEntry, AuditNote, AuditSeq, EventState, OutboxSeq};
use std::sync::Arc;

const ACCOUNT: u8 = 1;
const DELETION: u8 = 2;
const POPULATION: u8 = 3;
const EVENT: u8 = 4;
const PROGRESS: u8 = 5;
const EVENT_GONE: u8 = 6;
const NOTE: u8 = 7;

/// How far the delivery of an event is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct EventProgress {
    pub(crate) parked: bool,
    pub(crate) attempts: u32,
    pub(crate) due: UnixMillis,
    pub(crate) failure: Option<String>,
}

impl EventProgress {
    pub(crate) const fn state(&self) -> EventState {
        event_state(self.parked)
    }
}

/// The state of an event, from what the table has of it.
pub(crate) const fn event_state(parked: bool) -> EventState {
    if parked { EventState::Parked } else { EventState::Waiting }
}

/// What became of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum EventChange {
    /// It was added; its stored form.
    Added(EventProgress, Arc<[u8]>),
    /// One that was added before got further.
    Progressed(EventProgress),
    Gone,
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    Account(Key, AccountState),
    /// The number of an app's accounts after the change.
    Population(SdkAppId, u64),
    Event(OutboxSeq, SdkAppId, EventChange),
    Note(AuditEntry),
}

impl Record {
    /// Appends the record.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Account(key, state) => write_account(to, key, state),
            Self::Population(app, accounts) => {
                to.push(POPULATION);
                to.extend_from_slice(&app.0.to_le_bytes());
                to.extend_from_slice(&accounts.to_le_bytes());
            }
            Self::Event(seq, app, change) => {
                to.push(match change {
                    EventChange::Added(..) => EVENT,
                    EventChange::Progressed(_) => PROGRESS,
                    EventChange::Gone => EVENT_GONE,
                });
                to.extend_from_slice(&seq.0.to_le_bytes());
                to.extend_from_slice(&app.0.to_le_bytes());
                if let EventChange::Added(progress, _) | EventChange::Progressed(progress) = change {
                    to.push(u8::from(progress.parked));
                    to.extend_from_slice(&progress.attempts.to_le_bytes());
                    to.extend_from_slice(&progress.due.0.to_le_bytes());
                    write_bytes(to, progress.failure.as_deref().unwrap_or_default().as_bytes());
                }
                if let EventChange::Added(_, event) = change {
                    write_bytes(to, event);
                }
            }
            Self::Note(AuditEntry { seq, note }) => {
                to.push(NOTE);
                to.extend_from_slice(&seq.0.to_le_bytes());
                to.extend_from_slice(&note.app.map_or(0, |app| app.0).to_le_bytes());
                to.extend_from_slice(&note.at.0.to_le_bytes());
                write_bytes(to, note.text.as_bytes());
            }
        }
    }

    /// Reads the records of a frame; `None` when they are not whole.
    pub(crate) fn read_all(payload: &[u8]) -> Option<Vec<Self>> {
        let (mut fields, mut records) = (Fields(payload), Vec::new());
        while !fields.0.is_empty() {
            records.push(fields.record()?);
        }
        Some(records)
    }
}

fn write_account(to: &mut Vec<u8>, (app, user): &Key, state: &AccountState) {
    to.push(if state.present().is_some() { ACCOUNT } else { DELETION });
    to.extend_from_slice(&state.row().to_le_bytes());
    to.extend_from_slice(&app.0.to_le_bytes());
    // A UserID has 32 bytes at most.
    to.push(u8::try_from(user.as_str().len()).unwrap_or(u8::MAX));
    to.extend_from_slice(user.as_str().as_bytes());
    match state {
        AccountState::Present(account) => {
            to.extend_from_slice(&account.created.0.to_le_bytes());
            to.extend_from_slice(&account.kicked_at.map_or(0, |at| at.0).to_le_bytes());
            write_bytes(to, &account.profile);
        }
        AccountState::Deleted { noted_at, .. } => {
            // 0 stands for "not noted": a note of the first millisecond of 1970 moves to the second one.
            to.extend_from_slice(&noted_at.map_or(0, |at| at.0.max(1)).to_le_bytes());
        }
    }
}

fn write_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    // A batch is bounded far below 4 GiB.
    to.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    to.extend_from_slice(bytes);
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.u32()?).ok()?;
        self.take(count)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn app(&mut self) -> Option<SdkAppId> {
        self.u32().map(SdkAppId)
    }

    fn key(&mut self) -> Option<Key> {
        let app = self.app()?;
        let count = usize::from(self.u8()?);
        let user = UserId::parse(std::str::from_utf8(self.take(count)?).ok()?).ok()?;
        Some((app, user))
    }

    fn progress(&mut self) -> Option<EventProgress> {
        let parked = match self.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let (attempts, due) = (self.u32()?, UnixMillis(self.u64()?));
        let failure = Some(self.text()?).filter(|text| !text.is_empty()).map(str::to_owned);
        Some(EventProgress { parked, attempts, due, failure })
    }

    fn record(&mut self) -> Option<Record> {
        Some(match self.u8()? {
            ACCOUNT => {
                let row = self.array().map(i64::from_le_bytes)?;
                let key = self.key()?;
                let (created, kicked_at) = (UnixMillis(self.u64()?), self.u64()?);
                let kicked_at = (kicked_at > 0).then_some(UnixSeconds(kicked_at));
                let profile = self.bytes()?.into();
                Record::Account(key, AccountState::Present(AccountRow { row, created, kicked_at, profile }))
            }
            DELETION => {
                let row = self.array().map(i64::from_le_bytes)?;
                let key = self.key()?;
                let noted = self.u64()?;
                let noted_at = (noted > 0).then_some(UnixMillis(noted));
                Record::Account(key, AccountState::Deleted { row, noted_at })
            }
            POPULATION => Record::Population(self.app()?, self.u64()?),
            kind @ (EVENT | PROGRESS | EVENT_GONE) => {
                let (seq, app) = (OutboxSeq(self.u64()?), self.app()?);
                let change = match kind {
                    EVENT => EventChange::Added(self.progress()?, self.bytes()?.into()),
                    PROGRESS => EventChange::Progressed(self.progress()?),
                    _ => EventChange::Gone,
                };
                Record::Event(seq, app, change)
            }
            NOTE => {
                let (seq, app) = (AuditSeq(self.u64()?), self.u32()?);
                let (at, text) = (UnixMillis(self.u64()?), self.text()?.to_owned());
                let app = (app > 0).then_some(SdkAppId(app));
                Record::Note(AuditEntry { seq, note: AuditNote { app, at, text } })
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn every_kind() -> Vec<Record> {
        let key = (SdkAppId(7), UserId::parse("爱丽丝").unwrap());
        let present = AccountState::Present(AccountRow {
            row: 9,
            created: UnixMillis(5),
            kicked_at: Some(UnixSeconds(6)),
            profile: b"profile".as_slice().into(),
        });
        let progress = EventProgress {
            parked: true,
            attempts: 3,
            due: UnixMillis(8),
            failure: Some("connection refused".into()),
        };
        let note = AuditNote { app: Some(SdkAppId(7)), at: UnixMillis(4), text: "{}".into() };
        let event = |change| Record::Event(OutboxSeq(11), SdkAppId(7), change);
        vec![
            Record::Account(key, present),
            Record::Account(key, AccountState::Deleted { row: 9, noted_at: Some(UnixMillis(2)) }),
            Record::Account(key, AccountState::Deleted { row: 9, noted_at: None }),
            Record::Population(SdkAppId(7), u64::MAX),
            event(EventChange::Added(progress.clone(), b"event".as_slice().into())),
            event(EventChange::Progressed(progress)),
            event(EventChange::Gone),
            Record::Note(AuditEntry { seq: AuditSeq(12), note }),
        ]
    }

    #[test]
    fn records_read_back_and_cut_ones_do_not() {
        let (records, mut bytes) = (every_kind(), Vec::new());
        let mut ends = Vec::new();
        for record in &records {
            record.write(&mut bytes);
            ends.push(bytes.len());
        }
        assert_eq!(Record::read_all(&bytes), Some(records.clone()));
        for cut in 0..bytes.len() {
            let read = Record::read_all(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let expected = (cut == 0 || ends.contains(&cut)).then(|| records[..whole].to_vec());
            assert_eq!(read, expected, "cut to {cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(records) = Record::read_all(&bytes) {
                let mut written = Vec::new();
                for record in &records {
                    record.write(&mut written);
                }
                prop_assert_eq!(Record::read_all(&written), Some(records));
            }
        }
    }
}
