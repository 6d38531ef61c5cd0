//! The cleanup task for notes of deleted accounts. A note contains a UserID and is removed once the app's `reimport_after`
//! has passed.

use crate::registry::Registry;
use portraitd_model::{Clock, SdkAppId, UnixMillis};
use portraitd_store::{DELETIONS_UNIT_MAX, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The time between two cleanups.
const INTERVAL: Duration = Duration::from_secs(10);

/// Starts the task, which ends when `stop` turns true.
pub fn spawn_cleanup(
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
            // Without `reimport_after` no note is kept.
            let until = app.settings.refused_if_deleted_after(clock.now()).unwrap_or(UnixMillis(u64::MAX));
            if let Err(error) = clean_up(&*store, app.settings.id, until).await {
                tracing::warn!(sdkappid = app.settings.id.0, %error, "can't remove the notes of deleted accounts; the next try is in 10 s");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            changed = stop.changed() => if changed.is_err() { return },
        }
    }
}

async fn clean_up(store: &dyn Store, app: SdkAppId, until: UnixMillis) -> Result<(), StoreError> {
    while store.forget_deletions(app, until).await? == DELETIONS_UNIT_MAX {
        tokio::task::yield_now().await;
    }
    Ok(())
}
