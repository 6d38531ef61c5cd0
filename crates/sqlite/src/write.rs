//! The writes, each within the transaction that its batch shares.
//!
//! A refused write (no such account, a conflict) has written nothing. An error of the engine ends the whole batch.

use crate::profile_cache::CachedProfile;
use crate::write_batch::WriteBatch;
use crate::{admin, deletions, import, outbox};
use portraitd_model::{
    AppSettings, FieldValue, Profile, ProfileEvent, ProfileItem, ProfilePatch, SdkAppId, UnixMillis, UserId,
    bilingual,
};
use portraitd_store::engine::OutboxDelta;
use portraitd_store::{
    AuditNote, Change, DELETIONS_UNIT_MAX, Delete, Discard, Kick, NoteOnly, Probe, PutToken, RemoveToken,
    Replay, Selection, StoreError, Write, WriteOutcome, codec,
};
use rusqlite::{Connection, OptionalExtension, params};

/// Why a write failed.
pub(crate) enum WriteError {
    /// This write was refused, before it wrote anything.
    Refused(StoreError),
    /// The engine failed; the transaction is rolled back.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

/// The approximate number of bytes that a write adds.
pub(crate) fn bytes(write: &Write) -> usize {
    /// An account's row and its index entry.
    const ROW: usize = 128;
    match write {
        Write::Change(change) => ROW + patch_bytes(&change.patch),
        Write::Import(import) => import.seeds.iter().map(|seed| ROW + patch_bytes(&seed.patch)).sum(),
        Write::Delete(Delete { users, noted_at, .. }) => {
            ROW * users.len() * (1 + usize::from(noted_at.is_some()))
        }
        Write::ForgetDeletions(_) => ROW * DELETIONS_UNIT_MAX,
        Write::PutApp(put) => ROW + put.settings.words.iter().map(String::len).sum::<usize>(),
        Write::RecordDeliveries(record) => ROW * record.outcomes.len(),
        Write::Discard(Discard { selection, .. }) | Write::Replay(Replay { selection, .. }) => {
            match selection {
                Selection::Oldest(count) => ROW * count,
                Selection::Places(places) => ROW * places.len(),
            }
        }
        Write::Kick(_)
        | Write::PutToken(_)
        | Write::RemoveToken(_)
        | Write::Probe(_)
        | Write::NoteOnly(_) => ROW,
    }
}

/// Whether a write is refused when the disk has little space left. Deletions are not, nor small writes of operators.
pub(crate) fn grows(write: &Write) -> bool {
    // A probe must fail when changes are refused: the server is not ready then.
    matches!(write, Write::Change(_) | Write::Import(_) | Write::Probe(_))
}

/// Does a write within an open transaction, and appends its audit note if something changed. Adds its changes of the outbox to
/// `delta`, and those of profiles to `batch`.
pub(crate) fn run(
    write: &Write,
    note: Option<&AuditNote>,
    connection: &Connection,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<WriteOutcome, WriteError> {
    let outcome = match write {
        Write::Change(change) => apply(connection, change, delta, batch),
        Write::Import(import) => import::import(connection, import, delta, batch),
        Write::Delete(delete) => {
            for user in &delete.users {
                batch.invalidate((delete.app, *user));
            }
            deletions::delete(connection, delete)
        }
        Write::ForgetDeletions(forget) => deletions::forget(connection, forget),
        Write::Kick(kick) => self::kick(connection, kick),
        Write::PutApp(put) => put_app(connection, &put.settings, put.expected),
        Write::RecordDeliveries(record) => outbox::record_deliveries(connection, record, delta, batch),
        Write::Discard(discard) => outbox::discard(connection, discard, delta, batch),
        Write::Replay(replay) => outbox::replay(connection, replay, delta, batch),
        Write::PutToken(PutToken(token)) => admin::put_token(connection, token),
        Write::RemoveToken(RemoveToken(name)) => admin::remove_token(connection, name),
        Write::NoteOnly(NoteOnly) => Ok(WriteOutcome::Done),
        Write::Probe(Probe) => {
            connection.prepare_cached("UPDATE probe SET count = count + 1")?.execute([])?;
            Ok(WriteOutcome::Done)
        }
    }?;
    if let Some(note) = note.filter(|_| outcome.changed()) {
        admin::append(connection, note)?;
    }
    Ok(outcome)
}

fn patch_bytes(patch: &ProfilePatch) -> usize {
    let value = |item: &ProfileItem| match &item.value {
        FieldValue::Text(text) => text.len(),
        FieldValue::Uint(_) => size_of::<u64>(),
    };
    patch.items().iter().map(value).sum()
}

/// An account's row and its stored profile.
pub(crate) fn find(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
) -> Result<Option<(i64, Vec<u8>)>, WriteError> {
    let mut select =
        connection.prepare_cached("SELECT id, profile FROM accounts WHERE app = ?1 AND user = ?2")?;
    let row = select.query_row(params![app.0, user.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(row.optional()?)
}

/// Decodes a stored profile. A damaged one refuses the write.
pub(crate) fn decode(app: SdkAppId, user: UserId, bytes: &[u8]) -> Result<Profile, WriteError> {
    codec::decode_profile(app, user, bytes).map_err(|damaged| {
        tracing::error!(sdkappid = app.0, %user, "{damaged}");
        WriteError::Refused(StoreError::Corrupt(bilingual!(
            "the profile of {user} in app {app}",
            "应用 {app} 中 {user} 的资料"
        )))
    })
}

pub(crate) fn update(connection: &Connection, row: i64, profile: &[u8]) -> Result<(), WriteError> {
    let mut update = connection.prepare_cached("UPDATE accounts SET profile = ?1 WHERE id = ?2")?;
    update.execute(params![profile, row])?;
    Ok(())
}

fn apply(
    connection: &Connection,
    change: &Change,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<WriteOutcome, WriteError> {
    let key = (change.app, change.user);
    let found = batch.find(connection, key)?.ok_or(WriteError::Refused(StoreError::NoSuchAccount))?;
    let mut profile = decode(change.app, change.user, &found.profile)?;
    let changed = profile.merge(&change.patch);
    let profile = codec::encode_profile(change.app, change.user, &profile);
    // Also when nothing changed: after a failed sync, the row that was read here may not be on the disk.
    update(connection, found.row, &profile)?;
    batch.update(key, CachedProfile { row: found.row, profile: profile.into() });
    if let Some(origin) = change.origin.as_ref().filter(|_| changed) {
        let event = ProfileEvent::of(origin, 0, change.user, change.at, change.patch.items());
        outbox::append(connection, change.app, event, delta, batch)?;
    }
    Ok(WriteOutcome::Done)
}

fn kick(connection: &Connection, kick: &Kick) -> Result<WriteOutcome, WriteError> {
    let mut update = connection.prepare_cached(
        "UPDATE accounts SET kicked_at = max(coalesce(kicked_at, 0), ?3) WHERE app = ?1 AND user = ?2",
    )?;
    let at = i64::try_from(kick.at.0).unwrap_or(i64::MAX);
    match update.execute(params![kick.app.0, kick.user.as_str(), at])? {
        0 => Err(WriteError::Refused(StoreError::NoSuchAccount)),
        _ => Ok(WriteOutcome::Done),
    }
}

fn put_app(
    connection: &Connection,
    settings: &AppSettings,
    expected: Option<u64>,
) -> Result<WriteOutcome, WriteError> {
    let mut select = connection.prepare_cached("SELECT revision FROM apps WHERE id = ?1")?;
    let stored: Option<u64> = select.query_row([settings.id.0], |row| row.get(0)).optional()?;
    if stored != expected {
        return Err(WriteError::Refused(StoreError::Conflict));
    }
    let (json, words) = codec::encode_settings(settings).map_err(|error| {
        WriteError::Refused(StoreError::Corrupt(bilingual!("settings: {error}", "设置：{error}")))
    })?;
    let revision = expected.unwrap_or(0) + 1;
    let mut put = connection.prepare_cached(
        "INSERT INTO apps (id, revision, settings, words) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET revision = ?2, settings = ?3, words = ?4",
    )?;
    put.execute(params![settings.id.0, revision, json.as_str(), words])?;
    let mut created = 0;
    for admin in &settings.admins {
        let done = import::create(connection, settings.id, *admin, &ProfilePatch::default(), UnixMillis(0))?;
        deletions::remove_note(connection, settings.id, *admin)?;
        created += i64::from(done.created);
    }
    admin::add_accounts(connection, settings.id, created)?;
    Ok(WriteOutcome::Revision(revision))
}
