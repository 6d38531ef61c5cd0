//! Keeps a worker for every app that has a webhook, and the backlog within its bound.

use crate::deliverer::Webhooks;
use crate::retention;
use crate::worker::Worker;
use portraitd_model::SdkAppId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

/// For attempts on their way when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often the backlog's bound is looked after, and workers that ended badly are started again.
const TICK: Duration = Duration::from_secs(1);

impl Webhooks {
    /// Keeps a worker for every app that has a webhook, until it is told to stop; then waits for what is on its way.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let (mut workers, mut running) = (JoinSet::new(), HashMap::<Id, SdkAppId>::new());
        let (mut targets, mut stopped) = (self.targets.clone(), stop.clone());
        let mut tick = tokio::time::interval(TICK);
        while !*stop.borrow() {
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
                        tracing::error!(sdkappid = app.0, %error, "a webhook worker ended badly and is started again");
                        tick.tick().await;
                    }
                }
                changed = stopped.changed() => if changed.is_err() { break },
            }
        }
        // What is not stored by then is delivered again after the next start.
        let patience = self.config.timeout.min(STOP_PATIENCE) + TICK;
        if tokio::time::timeout(patience, async { while workers.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            tracing::warn!("webhook deliveries were cut off; they are made again after the next start");
        }
    }
}
