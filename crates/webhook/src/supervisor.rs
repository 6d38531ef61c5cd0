//! The supervisor of webhook delivery: runs a worker for every app that has a webhook, and keeps the backlog within its
//! limit.

use crate::deliverer::Webhooks;
use crate::retention;
use crate::worker::Worker;
use portraitd_model::SdkAppId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// The longest wait for attempts in flight when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the backlog's limit is checked, and the wait before a failed worker is restarted.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl Webhooks {
    /// Runs a worker for every app that has a webhook until `stop` is cancelled; then waits for attempts in flight.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (mut workers, mut running) = (JoinSet::new(), HashMap::<Id, SdkAppId>::new());
        let mut targets = self.targets.clone();
        let mut tick = tokio::time::interval(CHECK_INTERVAL);
        while !stop.is_cancelled() {
            let current = Arc::clone(&targets.borrow_and_update());
            for (&id, target) in current.iter().filter(|(_, target)| target.webhook.is_some()) {
                if !running.values().any(|known| *known == id) {
                    let worker = Worker::new(Arc::clone(&self), id, Arc::clone(&target.delivery));
                    running.insert(workers.spawn(worker.run(stop.clone())).id(), id);
                }
            }
            tokio::select! {
                changed = targets.changed() => if changed.is_err() { break },
                _ = tick.tick() => retention::trim(&self).await,
                Some(ended) = workers.join_next_with_id() => {
                    let id = ended.as_ref().map_or_else(tokio::task::JoinError::id, |(id, ())| *id);
                    if let (Some(app), Err(error)) = (running.remove(&id), ended) {
                        tracing::error!(sdkappid = app.0, %error, "a webhook worker failed and is restarted");
                        tick.tick().await;
                    }
                }
                () = stop.cancelled() => {}
            }
        }
        // A delivery that is not recorded by then is made again after the next start.
        let time_limit = self.config.timeout.min(SHUTDOWN_TIMEOUT) + CHECK_INTERVAL;
        if tokio::time::timeout(time_limit, async { while workers.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            tracing::warn!(
                "webhook deliveries did not finish within the shutdown timeout; they are made again after the next start"
            );
        }
    }
}
