//! Import of accounts: missing ones are created, existing ones changed.

use crate::account::{AccountRow, AccountState, Key};
use crate::batch::Batch;
use crate::write::error::WriteError;
use crate::write::{deletions, rows};
use portraitd_model::{Profile, ProfileEvent, ProfilePatch, SdkAppId, UnixMillis, UserId};
use portraitd_store::{Import, WriteOutcome, codec};

/// Does an import, and appends an event for every seed that changed something.
pub(crate) fn import(import: &Import, batch: &mut Batch<'_>) -> Result<WriteOutcome, WriteError> {
    let Import { app, seeds, at, origin, deleted_after } = import;
    // Every profile is read before any is written: a damaged one refuses the whole unit.
    for seed in seeds {
        let key = (*app, seed.user.id());
        if let Some(found) = batch.find(&key)? {
            rows::decode(key, &found.profile)?;
        }
    }
    let mut left_out = Vec::new();
    for (index, seed) in seeds.iter().enumerate() {
        let key = (*app, seed.user.id());
        let changed = match batch.find(&key)? {
            Some(found) => merge(batch, key, &found, &seed.patch)?,
            None if was_deleted(batch, key, *deleted_after)? => {
                left_out.push(key.1);
                continue;
            }
            None => create(batch, key, &seed.patch, *at),
        };
        if let Some(origin) = origin.as_ref().filter(|_| changed) {
            batch.append_event(*app, ProfileEvent::of(origin, index, key.1, *at, seed.patch.items()));
        }
    }
    Ok(WriteOutcome::LeftOut(left_out))
}

/// Creates the accounts of an app's admins that do not exist.
pub(crate) fn create_admins(
    app: SdkAppId,
    admins: &[UserId],
    batch: &mut Batch<'_>,
) -> Result<(), WriteError> {
    for admin in admins {
        let key = (app, *admin);
        if batch.find(&key)?.is_none() {
            create(batch, key, &ProfilePatch::default(), UnixMillis(0));
        }
    }
    Ok(())
}

/// Whether an account that does not exist was deleted after a moment, as far as that is noted.
fn was_deleted(batch: &Batch<'_>, key: Key, moment: Option<UnixMillis>) -> Result<bool, WriteError> {
    let Some(moment) = moment else { return Ok(false) };
    match batch.known(&key) {
        Some(AccountState::Deleted { noted_at, .. }) => Ok(noted_at.is_some_and(|at| at > moment)),
        _ => deletions::was_deleted_after(batch.sources.table, key, moment),
    }
}

/// Creates an account; returns whether any field has a value.
fn create(batch: &mut Batch<'_>, key: Key, patch: &ProfilePatch, at: UnixMillis) -> bool {
    let mut profile = Profile::default();
    let changed = profile.merge(patch);
    batch.create(key, at, codec::encode_profile(key.0, key.1, &profile).into());
    changed
}

/// Merges a patch; returns whether any field has another value than before.
fn merge(
    batch: &mut Batch<'_>,
    key: Key,
    found: &AccountRow,
    patch: &ProfilePatch,
) -> Result<bool, WriteError> {
    if patch.is_empty() {
        return Ok(false);
    }
    let mut profile = rows::decode(key, &found.profile)?;
    let changed = profile.merge(patch);
    if changed {
        let profile = codec::encode_profile(key.0, key.1, &profile).into();
        batch.update(key, AccountRow { profile, ..found.clone() });
    }
    Ok(changed)
}
