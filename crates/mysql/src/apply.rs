//! What each write does to the rows. A refused write has changed none.

use crate::rows::{Account, AppRow, Event, Rows};
use portraitd_model::{Bilingual, Profile, ProfileEvent, ProfilePatch, SdkAppId, UserId, bilingual};
use portraitd_store::{
    AuditNote, Change, DELETIONS_UNIT_MAX, Delete, DeliveryOutcome, Discard, EVENTS_UNIT_MAX, EventState,
    ForgetDeletions, Import, Kick, NoteOnly, OutboxSeq, Probe, PutApp, PutToken, RecordDeliveries, RemoveApp,
    RemoveToken, Replay, Selection, StoreError, TOKENS_MAX, TokenRecord, Write, WriteOutcome, codec,
};

/// A write with its audit note.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) write: Write,
    pub(crate) note: Option<AuditNote>,
}

/// Does a write.
pub(crate) fn apply(rows: &mut Rows<'_>, write: &Write) -> Result<WriteOutcome, StoreError> {
    Ok(match write {
        Write::Change(change) => {
            apply_change(rows, change)?;
            WriteOutcome::Done
        }
        Write::Import(import) => WriteOutcome::LeftOut(apply_import(rows, import)?),
        Write::Delete(delete) => WriteOutcome::Deleted(apply_delete(rows, delete)),
        Write::ForgetDeletions(forget) => WriteOutcome::Counted(forget_deletions(rows, forget)),
        Write::Kick(kick) => {
            apply_kick(rows, kick)?;
            WriteOutcome::Done
        }
        Write::PutApp(put) => WriteOutcome::Revision(put_app(rows, put)?),
        Write::RemoveApp(RemoveApp(app)) => WriteOutcome::Counted(remove_app(rows, *app)),
        Write::RecordDeliveries(record) => {
            record_deliveries(rows, record);
            WriteOutcome::Done
        }
        Write::Discard(discard) => WriteOutcome::Counted(apply_discard(rows, discard)),
        Write::Replay(replay) => WriteOutcome::Counted(apply_replay(rows, replay)),
        Write::PutToken(PutToken(token)) => {
            put_token(rows, token)?;
            WriteOutcome::Done
        }
        Write::RemoveToken(RemoveToken(name)) => WriteOutcome::Counted(remove_token(rows, name)),
        Write::Probe(Probe) | Write::NoteOnly(NoteOnly) => WriteOutcome::Done,
    })
}

fn decode(app: SdkAppId, user: UserId, account: &Account) -> Result<Profile, StoreError> {
    codec::decode_profile(app, user, &account.profile).map_err(|damaged| {
        tracing::error!(sdkappid = app.0, %user, "{damaged}");
        StoreError::Corrupt(bilingual!("the profile of {user} in app {app}", "应用 {app} 中 {user} 的资料"))
    })
}

/// Merges a patch; returns the place of the change when it changed something.
fn merge(
    rows: &mut Rows<'_>,
    (app, user): (SdkAppId, UserId),
    mut account: Account,
    patch: &ProfilePatch,
) -> Result<Option<OutboxSeq>, StoreError> {
    let mut profile = decode(app, user, &account)?;
    if !profile.merge(patch) {
        return Ok(None);
    }
    account.profile = codec::encode_profile(app, user, &profile);
    Ok(Some(rows.put_account(app, user, account)))
}

fn add_event(rows: &mut Rows<'_>, app: SdkAppId, place: OutboxSeq, event: &ProfileEvent) {
    let bytes = codec::encode_event(event);
    let event = Event { parked: false, attempts: 0, due_ms: 0, failure: String::new(), bytes };
    rows.put_event(app, place, Some(event));
}

fn apply_change(rows: &mut Rows<'_>, change: &Change) -> Result<(), StoreError> {
    let Change { app, user, patch, at, origin } = change;
    let account = rows.account(*app, *user).cloned().ok_or(StoreError::NoSuchAccount)?;
    let place = merge(rows, (*app, *user), account, patch)?;
    if let Some((place, origin)) = place.zip(origin.as_ref()) {
        add_event(rows, *app, place, &ProfileEvent::of(origin, 0, *user, *at, patch.items()));
    }
    Ok(())
}

fn apply_import(rows: &mut Rows<'_>, import: &Import) -> Result<Vec<UserId>, StoreError> {
    let app = import.app;
    // A damaged profile refuses the whole unit, before anything is changed.
    for seed in &import.seeds {
        if let Some(account) = rows.account(app, seed.user.id()) {
            decode(app, seed.user.id(), account)?;
        }
    }
    let mut left_out = Vec::new();
    for (index, seed) in import.seeds.iter().enumerate() {
        let user = seed.user.id();
        if rows.account(app, user).is_none() {
            if is_deleted_after(rows, import, user) {
                left_out.push(user);
                continue;
            }
            create(rows, app, user, import.at.0);
        }
        let Some(account) = rows.account(app, user).cloned() else { continue };
        let place = merge(rows, (app, user), account, &seed.patch)?;
        if let Some((place, origin)) = place.zip(import.origin.as_ref()) {
            add_event(
                rows,
                app,
                place,
                &ProfileEvent::of(origin, index, user, import.at, seed.patch.items()),
            );
        }
    }
    Ok(left_out)
}

fn is_deleted_after(rows: &Rows<'_>, import: &Import, user: UserId) -> bool {
    let noted = rows.deletions.get(&(import.app, user)).and_then(|row| row.now);
    noted.zip(import.deleted_after).is_some_and(|(noted, after)| noted > after.0)
}

/// Creates an account with an empty profile, and removes the note of its deletion.
fn create(rows: &mut Rows<'_>, app: SdkAppId, user: UserId, created_ms: u64) {
    if let Some(note) = rows.deletions.get_mut(&(app, user)).filter(|note| note.now.is_some()) {
        note.set(None);
    }
    let profile = codec::encode_profile(app, user, &Profile::default());
    rows.put_account(app, user, Account { created_ms, profile, ..Account::default() });
}

fn apply_delete(rows: &mut Rows<'_>, delete: &Delete) -> Vec<bool> {
    let mut remove = |user: &UserId| {
        let existed = rows.remove_account(delete.app, *user);
        if let Some(at) = delete.noted_at.filter(|_| existed) {
            rows.deletions.entry((delete.app, *user)).or_default().set(Some(at.0));
        }
        existed
    };
    delete.users.iter().map(&mut remove).collect()
}

fn forget_deletions(rows: &mut Rows<'_>, forget: &ForgetDeletions) -> usize {
    let is_due =
        |app: SdkAppId, at: Option<u64>| app == forget.app && at.is_some_and(|at| at <= forget.until.0);
    let due = rows.deletions.iter_mut().filter(|((app, _), note)| is_due(*app, note.now));
    due.take(DELETIONS_UNIT_MAX).map(|(_, note)| note.set(None)).count()
}

fn apply_kick(rows: &mut Rows<'_>, kick: &Kick) -> Result<(), StoreError> {
    let mut account = rows.account(kick.app, kick.user).cloned().ok_or(StoreError::NoSuchAccount)?;
    if kick.at.0 > account.kicked_at {
        account.kicked_at = kick.at.0;
        rows.changes_catalog |= account.admin;
        rows.put_account(kick.app, kick.user, account);
    }
    Ok(())
}

fn put_app(rows: &mut Rows<'_>, put: &PutApp) -> Result<u64, StoreError> {
    let (settings, app) = (&put.settings, put.settings.id);
    let row = rows.apps.entry(app).or_default();
    if row.now.as_ref().map(|row| row.revision) != put.expected {
        return Err(StoreError::Conflict);
    }
    let (json, words) =
        codec::encode_settings(settings).map_err(|error| StoreError::Corrupt(Bilingual::quoted(error)))?;
    let revision = put.expected.unwrap_or(0) + 1;
    row.set(Some(AppRow { revision, settings: Some((json.as_bytes().to_vec(), words.into_bytes())) }));
    for admin in &settings.admins {
        if rows.account(app, *admin).is_none() {
            create(rows, app, *admin, 0);
        }
        if let Some(account) = rows.account(app, *admin).filter(|account| !account.admin).cloned() {
            rows.put_account(app, *admin, Account { admin: true, ..account });
        }
    }
    rows.changes_catalog = true;
    Ok(revision)
}

fn remove_app(rows: &mut Rows<'_>, app: SdkAppId) -> usize {
    let Some(row) = rows.apps.get_mut(&app).filter(|row| row.now.is_some()) else { return 0 };
    row.set(None);
    rows.changes_catalog = true;
    1
}

fn record_deliveries(rows: &mut Rows<'_>, record: &RecordDeliveries) {
    let app = record.app;
    for (seq, outcome) in &record.outcomes {
        let waiting =
            rows.events.get(&(app, *seq)).and_then(|row| row.now.as_ref()).filter(|event| !event.parked);
        let Some(event) = waiting.cloned() else { continue };
        let event = match outcome {
            DeliveryOutcome::Delivered => None,
            DeliveryOutcome::Retry { attempts, due, failure } => {
                Some(Event { attempts: *attempts, due_ms: due.0, failure: stored_failure(failure), ..event })
            }
            DeliveryOutcome::Park { attempts, failure } => {
                Some(Event { parked: true, attempts: *attempts, failure: stored_failure(failure), ..event })
            }
        };
        rows.put_event(app, *seq, event);
    }
}

/// As much of a failure as its column holds.
fn stored_failure(failure: &str) -> String {
    const BYTES_MAX: usize = 1024;
    failure.get(..failure.floor_char_boundary(BYTES_MAX)).unwrap_or_default().to_owned()
}

/// The events of a selection that are in a state.
fn selected(
    rows: &Rows<'_>,
    app: SdkAppId,
    state: EventState,
    selection: &Selection,
) -> Vec<(OutboxSeq, Event)> {
    let of_app = rows.events.range((app, OutboxSeq(0))..=(app, OutboxSeq(u64::MAX)));
    let in_state = of_app.filter_map(|((_, seq), row)| {
        row.now.as_ref().filter(|event| event.state() == state).map(|event| (*seq, event.clone()))
    });
    match selection {
        Selection::Oldest(count) => in_state.take((*count).min(EVENTS_UNIT_MAX)).collect(),
        Selection::Places(places) => {
            let places = places.get(..places.len().min(EVENTS_UNIT_MAX)).unwrap_or_default();
            in_state.filter(|(seq, _)| places.contains(seq)).collect()
        }
    }
}

fn apply_discard(rows: &mut Rows<'_>, discard: &Discard) -> usize {
    let events = selected(rows, discard.app, discard.state, &discard.selection);
    events.into_iter().map(|(seq, _)| rows.put_event(discard.app, seq, None)).count()
}

fn apply_replay(rows: &mut Rows<'_>, replay: &Replay) -> usize {
    let events = selected(rows, replay.app, EventState::Parked, &replay.selection);
    let again = |(seq, event): (OutboxSeq, Event)| {
        rows.put_event(replay.app, seq, None);
        let event = Event { parked: false, attempts: 0, due_ms: 0, failure: String::new(), ..event };
        rows.put_event(replay.app, rows.place_behind(seq), Some(event));
    };
    events.into_iter().map(again).count()
}

fn put_token(rows: &mut Rows<'_>, token: &TokenRecord) -> Result<(), StoreError> {
    let count = rows.tokens.values().filter(|row| row.now.is_some()).count();
    if count >= TOKENS_MAX {
        return Err(StoreError::too_many_tokens(count));
    }
    let row = rows.tokens.entry(token.name.clone()).or_default();
    if row.now.is_some() {
        return Err(StoreError::Conflict);
    }
    row.set(Some(token.clone()));
    rows.changes_catalog = true;
    Ok(())
}

fn remove_token(rows: &mut Rows<'_>, name: &str) -> usize {
    let Some(row) = rows.tokens.get_mut(name).filter(|row| row.now.is_some()) else { return 0 };
    row.set(None);
    rows.changes_catalog = true;
    1
}
