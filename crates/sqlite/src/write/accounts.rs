//! Changes of one account.

use crate::account::AccountRow;
use crate::batch::Batch;
use crate::write::error::WriteError;
use crate::write::rows;
use portraitd_model::ProfileEvent;
use portraitd_store::{Change, Kick, StoreError, WriteOutcome, codec};

/// Merges a patch. One that changes nothing writes nothing: what it found is on the disk.
pub(crate) fn change(change: &Change, batch: &mut Batch<'_>) -> Result<WriteOutcome, WriteError> {
    let key = (change.app, change.user);
    let found = batch.find(&key)?.ok_or(WriteError::Refused(StoreError::NoSuchAccount))?;
    let mut profile = rows::decode(key, &found.profile)?;
    if profile.merge(&change.patch) {
        let profile = codec::encode_profile(change.app, change.user, &profile).into();
        batch.update(key, AccountRow { profile, ..found });
        if let Some(origin) = &change.origin {
            let event = ProfileEvent::of(origin, 0, change.user, change.at, change.patch.items());
            batch.append_event(change.app, event);
        }
    }
    Ok(WriteOutcome::Done)
}

/// Invalidates UserSigs; the second never moves backwards.
pub(crate) fn kick(kick: &Kick, batch: &mut Batch<'_>) -> Result<WriteOutcome, WriteError> {
    let key = (kick.app, kick.user);
    let found = batch.find(&key)?.ok_or(WriteError::Refused(StoreError::NoSuchAccount))?;
    if found.kicked_at < Some(kick.at) {
        batch.update(key, AccountRow { kicked_at: Some(kick.at), ..found });
    }
    Ok(WriteOutcome::Done)
}
