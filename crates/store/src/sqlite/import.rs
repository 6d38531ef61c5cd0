//! Import of accounts: those that are missing are created, the others changed.

use super::operation::{Failure, decode, find, update};
use super::touched::Touched;
use super::{deletions, operator, outbox};
use crate::codec;
use crate::outbox::Effects;
use portrait_model::{
    AccountSeed, Origin, Profile, ProfileEvent, ProfilePatch, SdkAppId, UnixMillis, UserId,
};
use rusqlite::{Connection, params};

/// What an import did.
pub(super) struct Imported<'a> {
    /// The seeds that changed something, each with its place.
    pub(super) changed: Vec<(usize, &'a AccountSeed)>,
    /// Who was left out, in the order of the seeds.
    pub(super) left_out: Vec<UserId>,
}

/// Creates the accounts that are missing and merges the seeds' patches. Who is missing because of a deletion that is
/// noted after `deleted_after` is left out.
pub(super) fn import<'a>(
    connection: &Connection,
    app: SdkAppId,
    seeds: &'a [AccountSeed],
    at: UnixMillis,
    deleted_after: Option<UnixMillis>,
) -> Result<Imported<'a>, Failure> {
    // Every profile is read before any is written: a damaged one refuses the whole unit.
    let mut known = Vec::with_capacity(seeds.len());
    for seed in seeds {
        let found = find(connection, app, seed.user.id())?;
        if let Some((_, bytes)) = &found {
            decode(app, seed.user.id(), bytes)?;
        }
        known.push(found.is_some());
    }
    let noted = deletions::has_any(connection, app)?;
    let (mut changed, mut left_out, mut created) = (Vec::with_capacity(seeds.len()), Vec::new(), 0);
    for ((index, seed), known) in seeds.iter().enumerate().zip(known) {
        let user = seed.user.id();
        let done = if known {
            let changed = !seed.patch.is_empty() && merge(connection, app, user, &seed.patch)?;
            Done { created: false, changed }
        } else {
            if noted
                && let Some(moment) = deleted_after
                && deletions::was_deleted_after(connection, app, user, moment)?
            {
                left_out.push(user);
                continue;
            }
            if noted {
                deletions::withdraw(connection, app, user)?;
            }
            create(connection, app, user, &seed.patch, at)?
        };
        created += i64::from(done.created);
        if done.changed {
            changed.push((index, seed));
        }
    }
    operator::populate(connection, app, created)?;
    Ok(Imported { changed, left_out })
}

/// Appends an event for every seed that changed something.
pub(super) fn tell(
    connection: &Connection,
    app: SdkAppId,
    changed: &[(usize, &AccountSeed)],
    at: UnixMillis,
    origin: Option<&Origin>,
    effects: &mut Effects,
    touched: &mut Touched<'_>,
) -> Result<(), Failure> {
    let Some(origin) = origin else { return Ok(()) };
    for (index, seed) in changed {
        let event = ProfileEvent::of(origin, *index, seed.user.id(), at, seed.patch.items());
        outbox::append(connection, app, event, effects, touched)?;
    }
    Ok(())
}

/// What became of one account.
pub(super) struct Done {
    pub(super) created: bool,
    /// Whether any field has another value than before.
    changed: bool,
}

/// Creates an account, unless an earlier seed of the same unit did.
pub(super) fn create(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
    patch: &ProfilePatch,
    at: UnixMillis,
) -> Result<Done, Failure> {
    let mut profile = Profile::default();
    let changed = profile.merge(patch);
    let mut insert = connection.prepare_cached(
        "INSERT INTO accounts (app, user, created_ms, profile) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    let created_ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let created = insert.execute(params![
        app.0,
        user.as_str(),
        created_ms,
        codec::encode_profile(app, user, &profile)
    ])?;
    let created = created > 0;
    let changed = if created { changed } else { !patch.is_empty() && merge(connection, app, user, patch)? };
    Ok(Done { created, changed })
}

fn merge(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
    patch: &ProfilePatch,
) -> Result<bool, Failure> {
    let Some((id, bytes)) = find(connection, app, user)? else { return Ok(false) };
    let mut profile = decode(app, user, &bytes)?;
    let changed = profile.merge(patch);
    update(connection, id, &codec::encode_profile(app, user, &profile))?;
    Ok(changed)
}
