//! Forgets when accounts were deleted, once an app's `reimport_after` no longer reaches them: the note holds an id, and is
//! kept no longer than it is of use.

use crate::registry::Registry;
use portraitd_model::{Clock, SdkAppId, UnixMillis};
use portraitd_store::{DELETIONS_UNIT_MAX, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a note may outlive its term, or the setting.
const PAUSE: Duration = Duration::from_secs(10);

/// Starts a task that does so until it is told to stop.
pub fn forget(
    store: &Arc<dyn Store>,
    registry: &Arc<Registry>,
    clock: &Arc<dyn Clock>,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(run(Arc::clone(store), Arc::clone(registry), Arc::clone(clock), stop))
}

async fn run(
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        for app in registry.all() {
            // Without the setting no note is kept.
            let until = app.settings.refused_if_deleted_after(clock.now()).unwrap_or(UnixMillis(u64::MAX));
            if let Err(error) = of_app(&*store, app.settings.id, until).await {
                tracing::warn!(sdkappid = app.settings.id.0, %error, "notes of deleted accounts can't be removed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

async fn of_app(store: &dyn Store, app: SdkAppId, until: UnixMillis) -> Result<(), StoreError> {
    while store.forget_deletions(app, until).await? == DELETIONS_UNIT_MAX {
        tokio::task::yield_now().await;
    }
    Ok(())
}
