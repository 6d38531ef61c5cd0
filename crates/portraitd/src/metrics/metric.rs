//! What a metric is, and the numbers of one moment that its values are read from.

use super::histogram::HistogramValues;
use super::process::ProcessStats;
use crate::backup::counters::BackupCounters;
use portraitd_api::call_counts::Usage;
use portraitd_api::registry::Registry as Apps;
use portraitd_api::telemetry::Telemetry;
use portraitd_model::SdkAppId;
use portraitd_store::{NodesStatus, Store, StoreStats, StoreStatus};
use portraitd_webhook::deliverer::Webhooks;
use portraitd_webhook::status::WebhookStatus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// For how long the apps' accounts are counted: a database that several servers share may be away.
const COUNTING_MAX: Duration = Duration::from_secs(1);

/// How a number moves.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// It only grows; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// The number of values in each range; its `values` are empty.
    Histogram(fn(&Snapshot) -> Histograms),
}

/// A label with its value, which is never a user or a secret.
pub(super) type Label = (&'static str, String);

/// A number as the page shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Whole(u64),
    Fraction(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Fraction(number)
    }
}

/// Values with their labels.
pub(super) type Values = Vec<(Vec<Label>, Number)>;

/// Histograms with their labels.
pub(super) type Histograms = Vec<(Vec<Label>, HistogramValues)>;

/// A metric.
#[cfg_attr(not(test), expect(dead_code, reason = "docs/METRICS.md is made of it, by a test"))]
pub(crate) struct Metric {
    /// Its name, without `_total`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The names of its labels, and their values.
    pub(crate) labels: &'static str,
    pub(crate) english: &'static str,
    pub(crate) chinese: &'static str,
    pub(super) values: fn(&Snapshot) -> Values,
}

/// The numbers of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(super) store: StoreStats,
    pub(super) status: StoreStatus,
    pub(super) failed_commits: u64,
    pub(super) commit: HistogramValues,
    pub(super) batch: HistogramValues,
    pub(super) wait: HistogramValues,
    pub(super) backlog_bytes_max: u64,
    pub(super) webhooks: Vec<WebhookStatus>,
    /// By command and code, of all apps together.
    pub(super) calls: BTreeMap<(&'static str, u32), u64>,
    pub(super) telemetry: Option<Arc<Telemetry>>,
    /// `None` on a store of one process.
    pub(super) nodes: Option<NodesStatus>,
    pub(super) wrong_tokens: u64,
    /// Without the apps whose number the store did not tell in time.
    pub(super) accounts: Vec<(SdkAppId, u64)>,
    /// Without places where no backups are scheduled.
    pub(super) backups: Arc<BackupCounters>,
    /// `None` where the kernel does not tell.
    pub(super) process: Option<ProcessStats>,
}

impl Snapshot {
    /// Reads the numbers of a server. Reads at most one webhook event an app from the store.
    pub(super) async fn take(
        store: &dyn Store,
        webhooks: &Webhooks,
        apps: &Apps,
        telemetry: Option<Arc<Telemetry>>,
        wrong_tokens: u64,
    ) -> Self {
        let mut snapshot = Self {
            webhooks: webhooks.statuses().await,
            backlog_bytes_max: webhooks.backlog_bytes_max(),
            store: store.stats(),
            status: store.status(),
            nodes: store.nodes(),
            telemetry,
            wrong_tokens,
            process: ProcessStats::read(),
            ..Self::default()
        };
        if let Some(measured) = store.measurements() {
            snapshot.failed_commits = measured.failed.load(Ordering::Relaxed);
            snapshot.commit = HistogramValues::seconds(&measured.commit);
            snapshot.batch = HistogramValues::plain(&measured.batch);
            snapshot.wait = HistogramValues::seconds(&measured.wait);
        }
        let all = apps.all();
        for calls in all.iter().map(|app| &*app.usage).chain([&apps.appless_usage]).flat_map(Usage::calls) {
            *snapshot.calls.entry((calls.command, calls.code)).or_default() += calls.count;
        }
        snapshot
    }

    /// Counts the accounts of each app.
    pub(super) async fn count_accounts(&mut self, store: &dyn Store, apps: &Apps) {
        let counting = async {
            for app in apps.all() {
                let app = app.settings.id;
                if let Ok(accounts) = store.accounts_count(app).await {
                    self.accounts.push((app, accounts));
                }
            }
        };
        // A page without some of these numbers is better than none.
        let _ = tokio::time::timeout(COUNTING_MAX, counting).await;
    }
}
