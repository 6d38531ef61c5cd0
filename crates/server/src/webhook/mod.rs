//! Webhooks: every committed profile change is told to its app's receiver, at least once, in order for each account
//! (contract, section 8). Events come from the store's outbox; nothing here can lose one.

mod backlog;
mod delivery;
mod gate;
pub(crate) mod message;
mod queue;
mod sample;
mod schedule;
mod worker;

pub(crate) use backlog::BacklogMax;
pub(crate) use delivery::{Delivery, DeliveryCounts};
pub(crate) use message::{EVENT_ID, SIGNATURE, verify};
pub(crate) use schedule::Schedule;

use crate::metrics::Snapshot;
use crate::outbound::{AddressPolicy, Outbound};
use crate::registry::{App, Registry};
use ipnet::IpNet;
use portrait_model::{Clock, EventId, Origin, ProfileEvent, SdkAppId, WebhookUrl};
use portrait_store::Store;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use worker::Worker;

/// The largest answer of a receiver that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// For attempts on their way when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often the backlog's bound is looked after, and workers that ended badly are started again.
const TICK: Duration = Duration::from_secs(1);

/// How webhooks are delivered.
#[derive(Clone, Debug)]
pub(crate) struct WebhookConfig {
    pub(crate) schedule: Schedule,
    /// For one attempt, from the name's resolution to the end of the answer.
    pub(crate) timeout: Duration,
    pub(crate) parallel_per_app: usize,
    /// Networks that may be called besides the public internet.
    pub(crate) allow_networks: Vec<IpNet>,
    /// Certificates to trust besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) backlog_max: BacklogMax,
    /// The data directory, whose disk the backlog shares; `None` in memory.
    pub(crate) data: Option<PathBuf>,
}

/// Names events, each once for ever: a random start for each process, then a count.
#[derive(Debug)]
pub(crate) struct EventIds {
    start: u64,
    next: AtomicU64,
}

impl EventIds {
    pub(crate) fn new(start: u64) -> Self {
        Self { start, next: AtomicU64::new(0) }
    }

    /// Where a change of so many accounts comes from; `None` when the app has no webhook, and the change is told to
    /// nobody.
    pub(crate) fn origin(
        &self,
        app: &App,
        operator: &str,
        client_ip: IpAddr,
        accounts: usize,
    ) -> Option<Origin> {
        app.settings.webhook.as_ref()?;
        Some(Origin { id: self.next(accounts), operator: operator.into(), client_ip })
    }

    /// So many ids; gives the first.
    pub(crate) fn next(&self, count: usize) -> EventId {
        let next = self.next.fetch_add(count as u64, Ordering::Relaxed);
        EventId(u128::from(self.start) << 64 | u128::from(next))
    }
}

/// Delivers events.
pub(crate) struct Webhooks {
    config: WebhookConfig,
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    outbound: Outbound,
}

impl Webhooks {
    pub(crate) fn new(
        config: WebhookConfig,
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let policy = AddressPolicy::public_and(config.allow_networks.clone());
        let outbound = Outbound::new(policy, config.ca_file.as_deref())?;
        Ok(Self { config, store, registry, clock, outbound })
    }

    /// Keeps a worker for every app that has a webhook, until it is told to stop; then waits for what is on its way.
    pub(crate) async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let (mut workers, mut running) = (JoinSet::new(), HashMap::<Id, SdkAppId>::new());
        let (mut changes, mut stopped) = (self.registry.changes(), stop.clone());
        let mut tick = tokio::time::interval(TICK);
        while !*stop.borrow() {
            for app in self.registry.all().iter().filter(|app| app.settings.webhook.is_some()) {
                let id = app.settings.id;
                if !running.values().any(|known| *known == id) {
                    let worker = Worker::new(Arc::clone(&self), id, Arc::clone(&app.delivery));
                    running.insert(workers.spawn(worker.run(stop.clone())).id(), id);
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = tick.tick() => backlog::trim(&self).await,
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

    /// What `/metrics` tells.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        let bytes_max = self.config.backlog_max.bytes(self.config.data.as_deref());
        Snapshot::take(self.store.as_ref(), self.registry.all(), bytes_max, self.clock.now()).await
    }

    /// Refuses a URL that no event could ever be sent to.
    pub(crate) fn check(&self, url: &WebhookUrl) -> Result<(), String> {
        self.outbound.check_literal(url.uri())
    }

    /// The app, if it has a webhook.
    fn webhook_of(&self, app: SdkAppId) -> Option<Arc<App>> {
        self.registry.app(app).filter(|app| app.settings.webhook.is_some())
    }

    /// One attempt. An error says why the receiver did not take the event.
    async fn deliver(&self, app: SdkAppId, event: &ProfileEvent) -> Result<(), String> {
        let known = self.webhook_of(app).ok_or("the app has no webhook")?;
        let webhook = known.settings.webhook.as_ref().ok_or("the app has no webhook")?;
        let request = message::request(app, webhook, event, self.clock.now().seconds())?;
        let response = self.outbound.call(request, ANSWER_BYTES_MAX, self.config.timeout).await?;
        message::understood(response.status(), response.body())
    }
}
