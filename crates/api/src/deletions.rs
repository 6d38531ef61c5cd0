//! The cleanup task for notes of deleted accounts. A note contains a UserID and is removed once the app's `reimport_after`
//! has passed.

use crate::registry::Registry;
use portraitd_model::{Clock, SdkAppId, UnixMillis};
use portraitd_store::{DELETIONS_UNIT_MAX, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The time between two cleanups.
const INTERVAL: Duration = Duration::from_secs(10);

/// Removes notes until `stop` is cancelled.
pub async fn clean_up_notes(
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    loop {
        for app in registry.all() {
            // Without `reimport_after` no note is kept.
            let until = app.settings.refused_if_deleted_after(clock.now()).unwrap_or(UnixMillis(u64::MAX));
            if let Err(error) = clean_up(&*store, app.settings.id, until).await {
                tracing::warn!(sdkappid = app.settings.id.0, %error, "can't remove the notes of deleted accounts; the next try is in 10 s");
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

async fn clean_up(store: &dyn Store, app: SdkAppId, until: UnixMillis) -> Result<(), StoreError> {
    while store.forget_deletions(app, until).await? == DELETIONS_UNIT_MAX {
        tokio::task::yield_now().await;
    }
    Ok(())
}
