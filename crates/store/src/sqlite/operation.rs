//! What the writer can do: each operation within the transaction that its batch shares.
//!
//! An operation that is refused (no such account, a conflict) has written nothing. An error of the engine ends the
//! whole batch.

use super::hot::Hot;
use super::touched::Touched;
use super::{deletions, import, operator, outbox};
use crate::operator::{Note, OperatorWrite, TokenRecord, Written};
use crate::outbox::{Effects, EventState, OutboxSeq, Selection, Verdict};
use crate::{Change, DELETIONS_UNIT_MAX, StoreError, codec, settings};
use portrait_model::{
    AccountSeed, AppSettings, FieldValue, Origin, Profile, ProfileEvent, ProfileItem, ProfilePatch, SdkAppId,
    UnixMillis, UnixSeconds, UserId,
};
use rusqlite::{Connection, OptionalExtension, params};

/// One atomic unit of writing.
pub(super) enum Operation {
    Apply(Change),
    Import {
        app: SdkAppId,
        seeds: Vec<AccountSeed>,
        at: UnixMillis,
        origin: Option<Origin>,
        /// Who was deleted after this moment is left out.
        deleted_after: Option<UnixMillis>,
    },
    Delete {
        app: SdkAppId,
        users: Vec<UserId>,
        /// When, where it is to be remembered.
        noted_at: Option<UnixMillis>,
    },
    ForgetDeletions {
        app: SdkAppId,
        until: UnixMillis,
    },
    Kick {
        app: SdkAppId,
        user: UserId,
        at: UnixSeconds,
    },
    PutApp {
        settings: Box<AppSettings>,
        expected: Option<u64>,
    },
    Settle {
        app: SdkAppId,
        verdicts: Vec<(OutboxSeq, Verdict)>,
    },
    Discard {
        app: SdkAppId,
        state: EventState,
        selection: Selection,
    },
    Replay {
        app: SdkAppId,
        selection: Selection,
    },
    PutToken(TokenRecord),
    RemoveToken(String),
    Probe,
    Nothing,
    /// An operator's, with what is written down of it.
    Noted {
        operation: Box<Operation>,
        note: Note,
    },
}

/// What an operation gives.
pub(super) type Outcome = Written;

impl Outcome {
    /// Each operation has one kind of outcome; another one is a mistake of ours.
    pub(super) fn unexpected(&self) -> StoreError {
        StoreError::Corrupt(format!("an operation answered {self:?}"))
    }
}

impl From<OperatorWrite> for Operation {
    fn from(write: OperatorWrite) -> Self {
        match write {
            OperatorWrite::PutApp { settings, expected } => Self::PutApp { settings, expected },
            OperatorWrite::Apply(change) => Self::Apply(change),
            OperatorWrite::Import { app, seeds, at, origin } => {
                Self::Import { app, seeds, at, origin, deleted_after: None }
            }
            OperatorWrite::Delete { app, users, noted_at } => Self::Delete { app, users, noted_at },
            OperatorWrite::Discard { app, state, selection } => Self::Discard { app, state, selection },
            OperatorWrite::Replay { app, selection } => Self::Replay { app, selection },
            OperatorWrite::PutToken(token) => Self::PutToken(token),
            OperatorWrite::RemoveToken(name) => Self::RemoveToken(name),
            OperatorWrite::Nothing => Self::Nothing,
        }
    }
}

/// Why an operation did not happen.
pub(super) enum Failure {
    /// It alone was refused, before it wrote anything.
    Refused(StoreError),
    /// The engine failed, and with it the transaction.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Operation {
    /// About how many bytes it writes.
    pub(super) fn bytes(&self) -> usize {
        /// An account's row and its place in the index.
        const ROW: usize = 128;
        match self {
            Self::Apply(change) => ROW + bytes(&change.patch),
            Self::Import { seeds, .. } => seeds.iter().map(|seed| ROW + bytes(&seed.patch)).sum(),
            Self::Delete { users, noted_at, .. } => ROW * users.len() * (1 + usize::from(noted_at.is_some())),
            Self::ForgetDeletions { .. } => ROW * DELETIONS_UNIT_MAX,
            Self::PutApp { settings, .. } => ROW + settings.words.iter().map(String::len).sum::<usize>(),
            Self::Settle { verdicts, .. } => ROW * verdicts.len(),
            Self::Discard { selection, .. } | Self::Replay { selection, .. } => match selection {
                Selection::Oldest(count) => ROW * count,
                Selection::Places(places) => ROW * places.len(),
            },
            Self::Noted { operation, note } => operation.bytes() + note.text.len(),
            Self::Kick { .. } | Self::PutToken(_) | Self::RemoveToken(_) | Self::Probe | Self::Nothing => ROW,
        }
    }

    /// Whether it is refused when the disk has little room left. What deletes is not, nor what an operator does in a few
    /// bytes to help.
    pub(super) fn grows(&self) -> bool {
        match self {
            // A store that takes no change is not ready.
            Self::Apply(_) | Self::Import { .. } | Self::Probe => true,
            Self::Noted { operation, .. } => operation.grows(),
            _ => false,
        }
    }

    /// Does it, within an open transaction; `effects` takes what that does to the outbox, `touched` whose profiles it
    /// changes.
    pub(super) fn run(
        &self,
        connection: &Connection,
        effects: &mut Effects,
        touched: &mut Touched<'_>,
    ) -> Result<Outcome, Failure> {
        match self {
            Self::Apply(change) => apply(connection, change, effects, touched),
            Self::Import { app, seeds, at, origin, deleted_after } => {
                for seed in seeds {
                    touched.left_to_the_table((*app, seed.user.id()));
                }
                let done = import::import(connection, *app, seeds, *at, *deleted_after)?;
                import::tell(connection, *app, &done.changed, *at, origin.as_ref(), effects, touched)?;
                Ok(deleted_after.map_or(Outcome::Done, |_| Outcome::LeftOut(done.left_out)))
            }
            Self::Delete { app, users, noted_at } => {
                for user in users {
                    touched.left_to_the_table((*app, *user));
                }
                deletions::delete(connection, *app, users, *noted_at)
            }
            Self::ForgetDeletions { app, until } => deletions::forget(connection, *app, *until),
            Self::Kick { app, user, at } => kick(connection, *app, *user, *at),
            Self::PutApp { settings, expected } => put_app(connection, settings, *expected),
            Self::Settle { app, verdicts } => outbox::settle(connection, *app, verdicts, effects, touched),
            Self::Discard { app, state, selection } => {
                outbox::discard(connection, *app, *state, selection, effects, touched)
            }
            Self::Replay { app, selection } => outbox::replay(connection, *app, selection, effects, touched),
            Self::PutToken(token) => operator::put_token(connection, token),
            Self::RemoveToken(name) => operator::remove_token(connection, name),
            Self::Noted { operation, note } => {
                let outcome = operation.run(connection, effects, touched)?;
                if outcome.changed() {
                    operator::append(connection, note)?;
                }
                Ok(outcome)
            }
            Self::Nothing => Ok(Outcome::Done),
            Self::Probe => {
                connection.prepare_cached("UPDATE probe SET count = count + 1")?.execute([])?;
                Ok(Outcome::Done)
            }
        }
    }
}

fn bytes(patch: &ProfilePatch) -> usize {
    let value = |item: &ProfileItem| match &item.value {
        FieldValue::Text(text) => text.len(),
        FieldValue::Uint(_) => size_of::<u64>(),
    };
    patch.items().iter().map(value).sum()
}

/// An account's row and its stored profile.
pub(super) fn find(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
) -> Result<Option<(i64, Vec<u8>)>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT id, profile FROM accounts WHERE app = ?1 AND user = ?2")?;
    let row = select.query_row(params![app.0, user.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(row.optional()?)
}

/// A profile that does not read back is never built upon.
pub(super) fn decode(app: SdkAppId, user: UserId, bytes: &[u8]) -> Result<Profile, Failure> {
    codec::decode_profile(app, user, bytes).map_err(|damaged| {
        tracing::error!(sdkappid = app.0, %user, "{damaged}");
        Failure::Refused(StoreError::Corrupt(format!("the profile of {user} in app {app}")))
    })
}

pub(super) fn update(connection: &Connection, row: i64, profile: &[u8]) -> Result<(), Failure> {
    let mut update = connection.prepare_cached("UPDATE accounts SET profile = ?1 WHERE id = ?2")?;
    update.execute(params![profile, row])?;
    Ok(())
}

fn apply(
    connection: &Connection,
    change: &Change,
    effects: &mut Effects,
    touched: &mut Touched<'_>,
) -> Result<Outcome, Failure> {
    let key = (change.app, change.user);
    let found = touched.find(connection, key)?.ok_or(Failure::Refused(StoreError::NoSuchAccount))?;
    let mut profile = decode(change.app, change.user, &found.profile)?;
    let changed = profile.merge(&change.patch);
    let profile = codec::encode_profile(change.app, change.user, &profile);
    // Also when nothing changed: after a commit whose sync failed, what is found here may not be on the disk.
    update(connection, found.row, &profile)?;
    touched.changed(key, Hot { row: found.row, profile: profile.into() });
    if let Some(origin) = change.origin.as_ref().filter(|_| changed) {
        let event = ProfileEvent::of(origin, 0, change.user, change.at, change.patch.items());
        outbox::append(connection, change.app, event, effects, touched)?;
    }
    Ok(Outcome::Done)
}

fn kick(connection: &Connection, app: SdkAppId, user: UserId, at: UnixSeconds) -> Result<Outcome, Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE accounts SET kicked_at = max(coalesce(kicked_at, 0), ?3) WHERE app = ?1 AND user = ?2",
    )?;
    let at = i64::try_from(at.0).unwrap_or(i64::MAX);
    match update.execute(params![app.0, user.as_str(), at])? {
        0 => Err(Failure::Refused(StoreError::NoSuchAccount)),
        _ => Ok(Outcome::Done),
    }
}

fn put_app(
    connection: &Connection,
    settings: &AppSettings,
    expected: Option<u64>,
) -> Result<Outcome, Failure> {
    let mut select = connection.prepare_cached("SELECT revision FROM apps WHERE id = ?1")?;
    let stored: Option<u64> = select.query_row([settings.id.0], |row| row.get(0)).optional()?;
    if stored != expected {
        return Err(Failure::Refused(StoreError::Conflict));
    }
    let (json, words) = settings::encode(settings)
        .map_err(|error| Failure::Refused(StoreError::Corrupt(format!("settings: {error}"))))?;
    let revision = expected.unwrap_or(0) + 1;
    let mut put = connection.prepare_cached(
        "INSERT INTO apps (id, revision, settings, words) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET revision = ?2, settings = ?3, words = ?4",
    )?;
    put.execute(params![settings.id.0, revision, json.as_str(), words])?;
    let mut created = 0;
    for admin in &settings.admins {
        let done = import::create(connection, settings.id, *admin, &ProfilePatch::default(), UnixMillis(0))?;
        deletions::withdraw(connection, settings.id, *admin)?;
        created += i64::from(done.created);
    }
    operator::populate(connection, settings.id, created)?;
    Ok(Outcome::Revision(revision))
}
