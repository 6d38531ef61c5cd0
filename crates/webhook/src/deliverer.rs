//! Webhooks: every committed profile change is told to its app's receiver, at least once, in order for each account
//! (contract, section 8). Events come from the store's outbox; nothing here can lose one.

use crate::retention::BacklogMax;
use crate::retry::Schedule;
use crate::status::WebhookStatus;
use crate::target::WebhookTargets;
use crate::worker::Worker;
use ipnet::IpNet;
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::Outbound;
use portraitd_model::{AppSettings, Clock, EventId, Origin, ProfileEvent, SdkAppId, WebhookUrl};
use portraitd_store::{Backlog, EventState, Store};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

/// The largest answer of a receiver that is read.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// For attempts on their way when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often the backlog's bound is looked after, and workers that ended badly are started again.
const TICK: Duration = Duration::from_secs(1);

/// How webhooks are delivered.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    pub schedule: Schedule,
    /// For one attempt, from the name's resolution to the end of the answer.
    pub timeout: Duration,
    pub parallel_per_app: usize,
    /// Networks that may be called besides the public internet.
    pub allow_networks: Vec<IpNet>,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    pub backlog_max: BacklogMax,
    /// The data directory, whose disk the backlog shares; `None` in memory.
    pub data: Option<PathBuf>,
}

/// Names events, each once for ever: a random start for each process, then a count.
#[derive(Debug)]
pub struct EventIds {
    start: u64,
    next: AtomicU64,
}

impl EventIds {
    pub fn new(start: u64) -> Self {
        Self { start, next: AtomicU64::new(0) }
    }

    /// Where a change of so many accounts comes from; `None` when the app has no webhook, and the change is told to
    /// nobody.
    pub fn origin(
        &self,
        app: &AppSettings,
        operator: &str,
        client_ip: IpAddr,
        accounts: usize,
    ) -> Option<Origin> {
        app.webhook.as_ref()?;
        Some(Origin { id: self.next(accounts), operator: operator.into(), client_ip })
    }

    /// So many ids; gives the first.
    pub fn next(&self, count: usize) -> EventId {
        let next = self.next.fetch_add(count as u64, Ordering::Relaxed);
        EventId(u128::from(self.start) << 64 | u128::from(next))
    }
}

/// Delivers events.
pub struct Webhooks {
    pub config: WebhookConfig,
    pub store: Arc<dyn Store>,
    targets: watch::Receiver<WebhookTargets>,
    pub clock: Arc<dyn Clock>,
    pub outbound: Outbound,
}

impl Webhooks {
    /// `targets` is replaced whenever an app changes.
    pub fn new(
        config: WebhookConfig,
        store: Arc<dyn Store>,
        targets: watch::Receiver<WebhookTargets>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let policy = AddressPolicy::public_and(config.allow_networks.clone());
        let outbound = Outbound::new(policy, config.ca_file.as_deref())?;
        Ok(Self { config, store, targets, clock, outbound })
    }

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
                _ = tick.tick() => crate::retention::trim(&self).await,
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

    /// How every app's webhook does that has one, or events left from one, in the order of their numbers. Reads one
    /// event an app at most.
    pub async fn statuses(&self) -> Vec<WebhookStatus> {
        let (targets, backlogs, now) = (self.targets(), self.store.backlogs(), self.clock.now());
        let mut statuses = Vec::new();
        for (&app, target) in targets.iter() {
            let backlog = backlogs.get(&app).copied().unwrap_or_default();
            if target.webhook.is_none() && backlog == Backlog::default() {
                continue;
            }
            // A store that can't be read shows elsewhere.
            let oldest = self.store.events(app, EventState::Waiting, None, 1).await.unwrap_or_default();
            let at = oldest.first().and_then(|event| event.event.as_ref()).map_or(now, |event| event.at);
            let oldest_waiting_ms = now.0.saturating_sub(at.0);
            statuses.push(WebhookStatus {
                app,
                backlog,
                oldest_waiting_ms,
                counts: target.delivery.counts(),
            });
        }
        statuses.sort_by_key(|status| status.app);
        statuses
    }

    /// The most bytes that the outbox may hold.
    pub fn backlog_bytes_max(&self) -> u64 {
        self.config.backlog_max.bytes(self.config.data.as_deref())
    }

    /// Refuses a URL that no event could ever be sent to.
    pub fn check(&self, url: &WebhookUrl) -> Result<(), String> {
        self.outbound.check_literal(url.uri())
    }

    /// Every app, as it is now.
    pub fn targets(&self) -> WebhookTargets {
        Arc::clone(&self.targets.borrow())
    }

    pub fn has_webhook(&self, app: SdkAppId) -> bool {
        self.targets.borrow().get(&app).is_some_and(|target| target.webhook.is_some())
    }

    /// One attempt. An error says why the receiver did not take the event.
    pub async fn deliver(&self, app: SdkAppId, event: &ProfileEvent) -> Result<(), String> {
        let targets = self.targets();
        let webhook = targets.get(&app).and_then(|target| target.webhook.as_ref());
        let webhook = webhook.ok_or("the app has no webhook")?;
        let request = crate::request::request(app, webhook, event, self.clock.now().seconds())?;
        drop(targets);
        let response = self.outbound.call(request, ANSWER_BYTES_MAX, self.config.timeout).await?;
        crate::request::understood(response.status(), response.body())
    }
}
