//! The end of calls that began with an app's earlier settings, on this server and on others of the same store.

use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::state::State;
use portraitd_model::{SdkAppId, bilingual};
use std::time::Duration;

/// Longer than the time limit of any call, and than what it takes until nothing is written any more by another process
/// on the same store that has died or is frozen.
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Waits until every call that began before the app's last change has ended and its writes are committed; 503 after twenty
/// seconds.
pub(super) async fn drain_in_flight(state: &State, app: SdkAppId) -> Result<(), AdminError> {
    let previous = state.registry.superseded(app);
    // The version of the change that was stored just before.
    let version = state.store.nodes().map(|nodes| nodes.catalog);
    let ended = async {
        while previous.iter().any(|app| app.upgrade().is_some()) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        // Other processes on the same store have ended theirs, too.
        while state.store.nodes().map(|nodes| nodes.adopted_everywhere) < version {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let busy = |_| {
        AdminError::new(
            AdminCode::Busy,
            bilingual!(
                "calls that began before the app was changed have not ended after 20 seconds; try again",
                "应用更改之前开始的请求在 20 秒后仍未结束，请重试"
            ),
        )
    };
    tokio::time::timeout(TIMEOUT, ended).await.map_err(busy)?;
    Ok(state.store.settle().await?)
}
