//! What a metric is, and the moment's numbers that its values are taken from.

use super::histogram::Recorded;
use portraitd_api::call_counts::Usage;
use portraitd_api::registry::Registry as Apps;
use portraitd_api::telemetry::Telemetry;
use portraitd_store::{Store, StoreStats, StoreStatus};
use portraitd_webhook::deliverer::Webhooks;
use portraitd_webhook::status::WebhookStatus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How a number moves.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// It only grows; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often values fell into which range; its `values` are empty.
    Histogram(fn(&Snapshot) -> Histograms),
}

/// A label with its value; never a user, never a secret.
pub(super) type Label = (&'static str, String);

/// Values with their labels.
pub(super) type Values = Vec<(Vec<Label>, u64)>;

/// Histograms with their labels.
pub(super) type Histograms = Vec<(Vec<Label>, Recorded)>;

/// A metric.
#[cfg_attr(not(test), expect(dead_code, reason = "docs/METRICS.md is made of it, by a test"))]
pub(crate) struct Metric {
    /// Its name, without `_total`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What its labels tell apart.
    pub(crate) labels: &'static str,
    pub(crate) english: &'static str,
    pub(crate) chinese: &'static str,
    /// A `PromQL` expression worth waking somebody for.
    pub(crate) alert: &'static str,
    pub(super) values: fn(&Snapshot) -> Values,
}

/// What the numbers are taken from, all at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(super) store: StoreStats,
    pub(super) standing: StoreStatus,
    pub(super) failed_commits: u64,
    pub(super) commit: Recorded,
    pub(super) batch: Recorded,
    pub(super) wait: Recorded,
    pub(super) backlog_bytes_max: u64,
    pub(super) webhooks: Vec<WebhookStatus>,
    /// By command and code, of all apps together.
    pub(super) calls: BTreeMap<(&'static str, u32), u64>,
    pub(super) telemetry: Option<Arc<Telemetry>>,
}

impl Snapshot {
    /// Takes the numbers of a server. Reads one webhook event an app at most.
    pub(super) async fn take(
        store: &dyn Store,
        webhooks: &Webhooks,
        apps: &Apps,
        telemetry: Option<Arc<Telemetry>>,
    ) -> Self {
        let mut snapshot = Self {
            webhooks: webhooks.statuses().await,
            backlog_bytes_max: webhooks.backlog_bytes_max(),
            store: store.stats(),
            standing: store.status(),
            telemetry,
            ..Self::default()
        };
        if let Some(measured) = store.measurements() {
            snapshot.failed_commits = measured.failed.load(Ordering::Relaxed);
            snapshot.commit = Recorded::seconds(&measured.commit);
            snapshot.batch = Recorded::plain(&measured.batch);
            snapshot.wait = Recorded::seconds(&measured.wait);
        }
        let all = apps.all();
        for calls in all.iter().map(|app| &*app.usage).chain([&apps.appless_usage]).flat_map(Usage::calls) {
            *snapshot.calls.entry((calls.command, calls.code)).or_default() += calls.count;
        }
        snapshot
    }
}
