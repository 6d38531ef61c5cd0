//! `/metrics`, the page for Prometheus. Each metric is a row of [`METRICS`], [`NODE_METRICS`], [`BACKUP_METRICS`] or [`PROCESS_METRICS`]: its value and
//! its meaning; `docs/METRICS.md` is generated from the same rows, and from the alerts of `packaging/prometheus/rules.yml`.

mod backup_table;
mod histogram;
mod metric;
mod node_table;
mod process;
mod process_table;
mod table;

use crate::backup::counters::BackupCounters;
use crate::metrics::backup_table::BACKUP_METRICS;
use crate::metrics::metric::{Kind, Metric, Number, Snapshot};
use crate::metrics::node_table::NODE_METRICS;
use crate::metrics::process_table::PROCESS_METRICS;
use crate::metrics::table::METRICS;
use futures_util::future::FutureExt;
use portraitd_admin::auth::Tokens;
use portraitd_admin::metrics_format::MetricsFormat;
use portraitd_admin::series::{MetricsPage, MetricsReader};
use portraitd_api::registry::Registry as Apps;
use portraitd_api::telemetry::Telemetry;
use portraitd_store::Store;
use portraitd_webhook::deliverer::Webhooks;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Returns a function that makes the page of a server, with the numbers at the time of its call.
pub(crate) fn renderer(
    store: &Arc<dyn Store>,
    webhooks: &Arc<Webhooks>,
    apps: &Arc<Apps>,
    telemetry: &Arc<Telemetry>,
    tokens: &Arc<Tokens>,
    backups: &Arc<BackupCounters>,
) -> MetricsPage {
    let parts = (Arc::clone(store), Arc::clone(webhooks), Arc::clone(apps), Arc::clone(telemetry));
    let (tokens, backups) = (Arc::clone(tokens), Arc::clone(backups));
    Arc::new(move |reader| {
        let ((store, webhooks, apps, telemetry), wrong_tokens) = (parts.clone(), tokens.failures());
        let backups = Arc::clone(&backups);
        async move {
            let mut snapshot = Snapshot::take(&*store, &webhooks, &apps, Some(telemetry), wrong_tokens).await;
            snapshot.backups = backups;
            let MetricsReader::Caller(format) = reader else {
                return snapshot.page(MetricsFormat::OpenMetrics);
            };
            snapshot.count_accounts(&*store, &apps).await;
            snapshot.page(format)
        }
        .boxed()
    })
}

impl Snapshot {
    /// The page.
    fn page(self, format: MetricsFormat) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry)?;
        Ok(match format {
            MetricsFormat::OpenMetrics => page,
            MetricsFormat::Text => as_text(&page),
        })
    }
}

/// Every metric.
fn all() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().chain(NODE_METRICS).chain(BACKUP_METRICS).chain(PROCESS_METRICS)
}

/// Rewrites a page in the older text format. There the lines about a counter have its whole name, and no line ends the page.
fn as_text(page: &str) -> String {
    let is_counter =
        |name: &str| all().any(|metric| metric.name == name && matches!(metric.kind, Kind::Counter));
    let line = |line: &str| {
        let (about, rest) = line.split_once(' ')?.1.split_once(' ')?;
        let (name, text) = rest.split_once(' ')?;
        let suffix = if is_counter(name) { "_total" } else { "" };
        line.starts_with('#').then(|| format!("# {about} {name}{suffix} {text}\n"))
    };
    let lines = page.lines().filter(|text| *text != "# EOF");
    lines.map(|text| line(text).unwrap_or_else(|| format!("{text}\n"))).collect()
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in all() {
            let (counter, gauge) = (ConstCounter::new(0_u64), ConstGauge::new(0_u64));
            let kind = match metric.kind {
                Kind::Counter => counter.metric_type(),
                Kind::Gauge => gauge.metric_type(),
                Kind::Histogram(_) => MetricType::Histogram,
            };
            let mut family = encoder.encode_descriptor(metric.name, metric.english, None, kind)?;
            if let Kind::Histogram(recorded) = metric.kind {
                for (labels, recorded) in recorded(self) {
                    recorded.encode(&mut family.encode_family(&labels)?)?;
                }
            }
            for (labels, value) in (metric.values)(self) {
                let sample = family.encode_family(&labels)?;
                match (metric.kind, value) {
                    (Kind::Counter, Number::Whole(value)) => ConstCounter::new(value).encode(sample)?,
                    (Kind::Counter, Number::Fraction(value)) => ConstCounter::new(value).encode(sample)?,
                    (_, Number::Whole(value)) => ConstGauge::new(value).encode(sample)?,
                    (_, Number::Fraction(value)) => ConstGauge::new(value).encode(sample)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
