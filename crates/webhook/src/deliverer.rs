//! The webhook deliverer: sends every committed profile change to its app's receiver, at least once and in order for each
//! account (contract, section 8). Events stay in the store's outbox until their delivery is recorded.

use crate::backlog_limit::BacklogMax;
use crate::retry::Schedule;
use crate::status::WebhookStatus;
use crate::target::WebhookTargets;
use ipnet::IpNet;
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::HttpClient;
use portraitd_http::trust::Trust;
use portraitd_model::{Clock, ProfileEvent, SdkAppId, WebhookUrl};
use portraitd_store::{Backlog, EventState, Store};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The most bytes of a receiver's response that are read.
pub(crate) const RESPONSE_BYTES_MAX: usize = 64 << 10;

/// How webhooks are delivered.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// When failed attempts are retried, and when an event is parked.
    pub schedule: Schedule,
    /// The longest attempt, from resolving the name to the end of the response.
    pub timeout: Duration,
    /// The most attempts of one app at the same time.
    pub parallel_per_app: usize,
    /// Networks that receivers may be in, in addition to the public internet.
    pub allow_networks: Vec<IpNet>,
    /// A PEM file of certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// The largest size of the outbox, for all apps together.
    pub backlog_max: BacklogMax,
    /// The data directory, on whose disk the outbox is; `None` for a store in memory.
    pub data: Option<PathBuf>,
}

/// Delivers events to the apps' receivers.
pub struct Webhooks {
    pub(crate) config: WebhookConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) targets: watch::Receiver<WebhookTargets>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: HttpClient,
}

impl Webhooks {
    /// Returns a deliverer; `targets` changes whenever an app does. Fails when `ca_file` can't be read.
    pub fn new(
        config: WebhookConfig,
        store: Arc<dyn Store>,
        targets: watch::Receiver<WebhookTargets>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let policy = AddressPolicy::public_and(config.allow_networks.clone());
        let client = HttpClient::new(policy, Trust::Roots(config.ca_file.as_deref()))?;
        Ok(Self { config, store, targets, clock, client })
    }

    /// Returns the status of every app that has a webhook or events left from one, by app id. Reads at most one event of
    /// each app.
    pub async fn statuses(&self) -> Vec<WebhookStatus> {
        let (targets, backlogs, now) = (self.current_targets(), self.store.backlogs(), self.clock.now());
        let mut statuses = Vec::new();
        for (&app, target) in targets.iter() {
            let backlog = backlogs.get(&app).copied().unwrap_or_default();
            if target.webhook.is_none() && backlog == Backlog::default() {
                continue;
            }
            // A store that can't be read is reported elsewhere.
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

    /// Returns the largest size of the outbox in bytes.
    pub fn backlog_bytes_max(&self) -> u64 {
        self.config.backlog_max.bytes(self.config.data.as_deref())
    }

    /// Refuses a URL whose IP address may not be called. Fails with a message.
    pub fn check(&self, url: &WebhookUrl) -> Result<(), String> {
        self.client.check_literal(url.uri())
    }

    /// Returns every app with its current webhook.
    pub(crate) fn current_targets(&self) -> WebhookTargets {
        Arc::clone(&self.targets.borrow())
    }

    pub(crate) fn has_webhook(&self, app: SdkAppId) -> bool {
        self.targets.borrow().get(&app).is_some_and(|target| target.webhook.is_some())
    }

    /// Makes one attempt. The error says why the receiver did not accept the event.
    pub(crate) async fn deliver(&self, app: SdkAppId, event: &ProfileEvent) -> Result<(), String> {
        let targets = self.current_targets();
        let webhook = targets.get(&app).and_then(|target| target.webhook.as_ref());
        let webhook = webhook.ok_or("the app has no webhook")?;
        let request = crate::request::build(app, webhook, event, self.clock.now().seconds())?;
        drop(targets);
        let response = self.client.call(request, RESPONSE_BYTES_MAX, self.config.timeout).await?;
        crate::request::check_response(response.status(), response.body())
    }
}
