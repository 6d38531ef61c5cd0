//! Rows of the tables in the form in which a copy of the whole store reads and writes them.

use crate::fault::Fault;
use crate::load::StoredEvent;
use crate::place::{LANES, copied_place, part_of_user};
use crate::rows::Tally;
use crate::sql::Arg;
use crate::statements;
use portraitd_model::{AppSettings, SdkAppId, UnixMillis, UserId, bilingual};
use portraitd_store::{
    AuditEntry, AuditNote, AuditSeq, EventState, OutboxEvent, OutboxSeq, Section, StoreError, StoreId,
    StoredRow, codec,
};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

/// In `portrait_tallies`: what copies have written. No writer has this lane.
pub(crate) const COPY_LANE: u32 = LANES;
/// About how many bytes one statement inserts. Every database takes 4 MiB, and a value takes twice its size.
const INSERT_BYTES: usize = 1 << 20;

pub(crate) fn halves(id: StoreId) -> (u64, u64) {
    let number = u128::from_be_bytes(id.to_bytes());
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
    (half(number >> 64), half(number))
}

pub(crate) fn parse_all<T>(
    rows: impl Iterator<Item = T>,
    parse: impl Fn(T) -> Result<StoredRow, Fault>,
) -> Result<Vec<StoredRow>, StoreError> {
    rows.map(|row| parse(row).map_err(Fault::into_store_error)).collect()
}

pub(crate) fn audit_row((seq, app, at, text): (u64, u32, u64, Vec<u8>)) -> StoredRow {
    let (app, text) = ((app != 0).then_some(SdkAppId(app)), String::from_utf8_lossy(&text).into_owned());
    StoredRow::Audit(AuditEntry { seq: AuditSeq(seq), note: AuditNote { app, at: UnixMillis(at), text } })
}

pub(crate) fn event_row((seq, parked, attempts, due, failure, event): StoredEvent) -> StoredRow {
    StoredRow::Event {
        seq: OutboxSeq(seq),
        parked: parked != 0,
        attempts,
        due: UnixMillis(due),
        failure,
        event,
    }
}

/// The statements that insert rows of a section, and add them to the app's numbers.
pub(crate) fn inserts<'a>(
    section: Section,
    rows: &'a [StoredRow],
    admins: &BTreeSet<UserId>,
) -> Result<Vec<(&'static str, Vec<Arg<'a>>)>, StoreError> {
    let (app, insert) = match section {
        Section::Apps => (0, statements::ADD_APP),
        Section::Tokens => (0, statements::ADD_TOKEN),
        Section::Audit => (0, statements::ADD_AUDIT),
        Section::Accounts(app) => (app.0, statements::ADD_ACCOUNTS),
        Section::Deletions(app) => (app.0, statements::PUT_DELETIONS),
        Section::Events(app) => (app.0, statements::ADD_EVENTS),
    };
    let (mut statements, mut values, mut bytes, mut tally) = (Vec::new(), Vec::new(), 0, Tally::default());
    for row in rows {
        let value = values_of(app, row, admins, &mut tally)?;
        bytes +=
            value.iter().map(|arg| if let Arg::Bytes(bytes) = arg { bytes.len() } else { 8 }).sum::<usize>();
        values.push(value);
        if bytes >= INSERT_BYTES {
            statements.push((insert, vec![Arg::Rows(std::mem::take(&mut values))]));
            bytes = 0;
        }
    }
    if !values.is_empty() {
        statements.push((insert, vec![Arg::Rows(values)]));
    }
    if tally != Tally::default() {
        let row = tally.values(SdkAppId(app), COPY_LANE);
        statements.push((statements::ADD_TALLIES, vec![Arg::Rows(vec![row])]));
    }
    Ok(statements)
}

/// The values of a row, in the order of its table's columns; adds it to the app's numbers.
fn values_of<'a>(
    app: u32,
    row: &'a StoredRow,
    admins: &BTreeSet<UserId>,
    tally: &mut Tally,
) -> Result<Vec<Arg<'a>>, StoreError> {
    Ok(match row {
        StoredRow::App { id, revision, settings, words } => {
            vec![id.0.into(), (*revision).into(), settings.as_slice().into(), words.as_slice().into()]
        }
        StoredRow::Token(token) => {
            let (hash, role) = (token.hash.as_slice().into(), token.role.as_str().into());
            vec![token.name.as_str().into(), hash, token.created.0.into(), role]
        }
        StoredRow::Audit(AuditEntry { seq, note }) => {
            let app = note.app.map_or(0, |app| app.0);
            vec![seq.0.into(), app.into(), note.at.0.into(), note.text.as_str().into()]
        }
        StoredRow::Account { user, created, kicked_at, profile } => {
            tally.accounts += 1;
            let admin = u32::from(admins.contains(user));
            // No change was made here yet: its place is before all others.
            let rev = 0_u64;
            vec![
                app.into(),
                user.as_str().into(),
                rev.into(),
                created.0.into(),
                (*kicked_at).into(),
                admin.into(),
                profile.as_slice().into(),
            ]
        }
        StoredRow::Deletion { user, at } => vec![app.into(), user.as_str().into(), at.0.into()],
        StoredRow::Event { seq, parked, attempts, due, failure, event } => {
            // A damaged event names no account; any part delivers it.
            let part = codec::decode_event(event).map_or(0, |event| part_of_user(&event.user));
            let place = copied_place(seq.0, part).ok_or_else(|| {
                StoreError::Corrupt(bilingual!(
                    "an event has the impossible place {}",
                    "事件的位置 {} 不可能存在",
                    seq.0
                ))
            })?;
            tally.count(if *parked { EventState::Parked } else { EventState::Waiting }, event.len(), 1);
            vec![
                app.into(),
                place.0.into(),
                u32::from(*parked).into(),
                (*attempts).into(),
                due.0.into(),
                failure.as_slice().into(),
                event.as_slice().into(),
            ]
        }
    })
}

/// An event as the outbox gives it out.
pub(crate) fn outbox_event((seq, _, attempts, due_ms, failure, event): StoredEvent) -> OutboxEvent {
    let (bytes, decoded) = (event.len() as u64, codec::decode_event(&event).ok());
    let failure = (!failure.is_empty()).then(|| String::from_utf8_lossy(&failure).into_owned());
    let (seq, due, event) = (OutboxSeq(seq), UnixMillis(due_ms), decoded.map(Arc::new));
    OutboxEvent { seq, bytes, attempts, due, failure, event }
}

/// An app's settings with its words.
pub(crate) fn decoded_settings(
    app: SdkAppId,
    settings: Vec<u8>,
    words: Vec<u8>,
) -> Result<AppSettings, StoreError> {
    let damaged = |why: &dyn Display| {
        StoreError::Corrupt(bilingual!("the settings of app {app}: {why}", "应用 {app} 的设置：{why}"))
    };
    let text = |bytes| String::from_utf8(bytes).map_err(|error| damaged(&error));
    codec::decode_settings(app, &text(settings)?, &text(words)?).map_err(|why| damaged(&why))
}
