//! Puts into force what other nodes have changed: apps, their kicked admins, and admin tokens.

use portraitd_admin::auth::Authenticator;
use portraitd_api::registry::Registry;
use portraitd_store::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the version is looked at; the store itself asks the database each second.
const INTERVAL: Duration = Duration::from_millis(200);
/// Longer than the time limit of any call.
const CALLS_END_WITHIN: Duration = Duration::from_secs(10);
/// How often everything is read again although no version says so.
const FULL_RELOAD: Duration = Duration::from_secs(30);

/// Follows the other nodes until `stop` is cancelled. Ends at once for a store of one process.
pub(crate) async fn follow_nodes(
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    authenticator: Authenticator,
    stop: CancellationToken,
) {
    let (mut in_force, mut read_at) = (None, Instant::now());
    while let Some(nodes) = store.nodes() {
        registry.nodes.store(u32::try_from(nodes.live.max(1)).unwrap_or(1), Ordering::Relaxed);
        if in_force != Some(nodes.catalog) || read_at.elapsed() > FULL_RELOAD {
            match put_in_force(&*store, &registry, &authenticator).await {
                Ok(()) => {
                    store.adopt_catalog(nodes.catalog);
                    (in_force, read_at) = (Some(nodes.catalog), Instant::now());
                }
                Err(error) => {
                    tracing::warn!(%error, "can't read what other nodes have changed; the next try follows");
                }
            }
        }
        if stop.run_until_cancelled(sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// Reads apps and tokens, and waits until no call uses earlier settings and what such calls have written is committed.
async fn put_in_force(
    store: &dyn Store,
    registry: &Registry,
    authenticator: &Authenticator,
) -> Result<(), StoreError> {
    registry.reload().await?;
    authenticator.reload().await?;
    let until = Instant::now() + CALLS_END_WITHIN;
    while registry.is_draining() && Instant::now() < until {
        sleep(Duration::from_millis(10)).await;
    }
    store.settle().await
}
