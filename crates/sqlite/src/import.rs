//! Import of accounts: missing ones are created, existing ones changed.

use crate::write::{WriteError, decode, find, update};
use crate::write_batch::WriteBatch;
use crate::{admin, deletions, outbox};
use portraitd_model::{AccountSeed, Profile, ProfileEvent, ProfilePatch, SdkAppId, UnixMillis, UserId};
use portraitd_store::engine::OutboxDelta;
use portraitd_store::{Import, WriteOutcome, codec};
use rusqlite::{Connection, params};

/// Does an import, and appends an event for every seed that changed something.
pub(crate) fn import(
    connection: &Connection,
    import: &Import,
    delta: &mut OutboxDelta,
    batch: &mut WriteBatch<'_>,
) -> Result<WriteOutcome, WriteError> {
    for seed in &import.seeds {
        batch.invalidate((import.app, seed.user.id()));
    }
    let Merged { changed, left_out } = merge_seeds(connection, import)?;
    if let Some(origin) = &import.origin {
        for (index, seed) in changed {
            let event = ProfileEvent::of(origin, index, seed.user.id(), import.at, seed.patch.items());
            outbox::append(connection, import.app, event, delta, batch)?;
        }
    }
    Ok(WriteOutcome::LeftOut(left_out))
}

struct Merged<'a> {
    /// The seeds that changed something, each with its index.
    changed: Vec<(usize, &'a AccountSeed)>,
    /// In the order of the seeds.
    left_out: Vec<UserId>,
}

fn merge_seeds<'a>(connection: &Connection, import: &'a Import) -> Result<Merged<'a>, WriteError> {
    let Import { app, seeds, at, deleted_after, .. } = import;
    let app = *app;
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
            SeedOutcome { created: false, changed }
        } else {
            if noted
                && let Some(moment) = deleted_after
                && deletions::was_deleted_after(connection, app, user, *moment)?
            {
                left_out.push(user);
                continue;
            }
            if noted {
                deletions::remove_note(connection, app, user)?;
            }
            create(connection, app, user, &seed.patch, *at)?
        };
        created += i64::from(done.created);
        if done.changed {
            changed.push((index, seed));
        }
    }
    admin::add_accounts(connection, app, created)?;
    Ok(Merged { changed, left_out })
}

/// The outcome for one account.
pub(crate) struct SeedOutcome {
    pub(crate) created: bool,
    /// Whether any field has another value than before.
    changed: bool,
}

/// Creates an account, unless an earlier seed of the same unit did.
pub(crate) fn create(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
    patch: &ProfilePatch,
    at: UnixMillis,
) -> Result<SeedOutcome, WriteError> {
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
    Ok(SeedOutcome { created, changed })
}

fn merge(
    connection: &Connection,
    app: SdkAppId,
    user: UserId,
    patch: &ProfilePatch,
) -> Result<bool, WriteError> {
    let Some((id, bytes)) = find(connection, app, user)? else { return Ok(false) };
    let mut profile = decode(app, user, &bytes)?;
    let changed = profile.merge(patch);
    update(connection, id, &codec::encode_profile(app, user, &profile))?;
    Ok(changed)
}
