//! Webhooks: every committed profile change is told to its app's receiver, at least once, in order for each account
//! (contract, section 8). Events come from the store's outbox; nothing here can lose one.

use crate::backlog_limit::BacklogMax;
use crate::retry::Schedule;
use crate::status::WebhookStatus;
use crate::target::WebhookTargets;
use ipnet::IpNet;
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::HttpClient;
use portraitd_model::{Clock, ProfileEvent, SdkAppId, WebhookUrl};
use portraitd_store::{Backlog, EventState, Store};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The largest answer of a receiver that is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How webhooks are delivered.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// When failed attempts are repeated, and when an event is parked.
    pub schedule: Schedule,
    /// For one attempt, from the name's resolution to the end of the answer.
    pub timeout: Duration,
    /// How many attempts one app has on their way at once, at most.
    pub parallel_per_app: usize,
    /// Networks that may be called besides the public internet.
    pub allow_networks: Vec<IpNet>,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How much the outbox may hold, of all apps together.
    pub backlog_max: BacklogMax,
    /// The data directory, whose disk the backlog shares; `None` in memory.
    pub data: Option<PathBuf>,
}

/// Delivers events.
pub struct Webhooks {
    pub(crate) config: WebhookConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) targets: watch::Receiver<WebhookTargets>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbound: HttpClient,
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
        let outbound = HttpClient::new(policy, config.ca_file.as_deref())?;
        Ok(Self { config, store, targets, clock, outbound })
    }

    /// How every app's webhook does that has one, or events left from one, in the order of their numbers. Reads one
    /// event an app at most.
    pub async fn statuses(&self) -> Vec<WebhookStatus> {
        let (targets, backlogs, now) = (self.current_targets(), self.store.backlogs(), self.clock.now());
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
    pub(crate) fn current_targets(&self) -> WebhookTargets {
        Arc::clone(&self.targets.borrow())
    }

    pub(crate) fn has_webhook(&self, app: SdkAppId) -> bool {
        self.targets.borrow().get(&app).is_some_and(|target| target.webhook.is_some())
    }

    /// One attempt. An error says why the receiver did not take the event.
    pub(crate) async fn deliver(&self, app: SdkAppId, event: &ProfileEvent) -> Result<(), String> {
        let targets = self.current_targets();
        let webhook = targets.get(&app).and_then(|target| target.webhook.as_ref());
        let webhook = webhook.ok_or("the app has no webhook")?;
        let request = crate::request::request(app, webhook, event, self.clock.now().seconds())?;
        drop(targets);
        let response = self.outbound.call(request, ANSWER_BYTES_MAX, self.config.timeout).await?;
        crate::request::understood(response.status(), response.body())
    }
}
