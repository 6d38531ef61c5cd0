//! `/metrics`, the page for Prometheus. Each metric is a row of [`METRICS`] or [`NODE_METRICS`]: its value, its meaning and an alert;
//! `docs/METRICS.md` is generated from the same rows.

mod histogram;
mod metric;
mod node_table;
mod table;

use crate::metrics::metric::{Kind, Snapshot};
use crate::metrics::node_table::NODE_METRICS;
use crate::metrics::table::METRICS;
use futures_util::future::{BoxFuture, FutureExt};
use portraitd_admin::auth::Tokens;
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
) -> Arc<dyn Fn() -> BoxFuture<'static, Result<String, fmt::Error>> + Send + Sync> {
    let parts = (Arc::clone(store), Arc::clone(webhooks), Arc::clone(apps), Arc::clone(telemetry));
    let tokens = Arc::clone(tokens);
    Arc::new(move || {
        let ((store, webhooks, apps, telemetry), wrong_tokens) = (parts.clone(), tokens.failures());
        async move { Snapshot::take(&*store, &webhooks, &apps, Some(telemetry), wrong_tokens).await.page() }
            .boxed()
    })
}

impl Snapshot {
    /// The page, in the `OpenMetrics` text format.
    fn page(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry)?;
        Ok(page)
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in METRICS.iter().chain(NODE_METRICS) {
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
                match metric.kind {
                    Kind::Counter => ConstCounter::new(value).encode(sample)?,
                    Kind::Gauge | Kind::Histogram(_) => ConstGauge::new(value).encode(sample)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::histogram::HistogramValues;
    use crate::metrics::metric::Metric;
    use portraitd_http::certificate::Certificate;
    use portraitd_model::SdkAppId;
    use portraitd_store::{Backlog, Histogram, NodesStatus};
    use portraitd_webhook::status::{DeliveryCounts, WebhookStatus};
    use std::collections::BTreeMap;
    use std::fmt::Write;
    use std::path::Path;

    fn certificate(folder: &Path) -> Arc<Certificate> {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["a".into()]).unwrap().self_signed(&key).unwrap();
        let (chain, private) = (folder.join("a.pem"), folder.join("a.key"));
        std::fs::write(&chain, made.pem()).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        Arc::new(Certificate::load(&chain, &private).unwrap())
    }

    /// `docs/METRICS.md` is fresh; `UPDATE=1 cargo test` rewrites it.
    #[test]
    fn the_document_is_fresh() {
        let mut page = String::from(
            "# Metrics · 监控指标\n\nGenerated from the tables in `crates/portraitd/src/metrics`. `GET /metrics` on the admin listener, in the \
             OpenMetrics text format; it needs no token and names no user. Numbers count from the start of the process.\n\n\
             | metric | type | labels | meaning | 含义 | alert |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for metric in METRICS.iter().chain(NODE_METRICS) {
            let (suffix, kind) = match metric.kind {
                Kind::Counter => ("_total", "counter"),
                Kind::Gauge => ("", "gauge"),
                Kind::Histogram(_) => ("", "histogram"),
            };
            let Metric { name, labels, english, chinese, alert, .. } = metric;
            writeln!(page, "| `{name}{suffix}` | {kind} | {labels} | {english} | {chinese} | `{alert}` |")
                .unwrap();
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == page, "docs/METRICS.md is stale: UPDATE=1 cargo test -p portraitd metrics");
    }

    #[test]
    fn every_metric_has_a_value_under_its_name() {
        let webhook = WebhookStatus {
            app: SdkAppId(1_400_000_000),
            backlog: Backlog::default(),
            oldest_waiting_ms: 61_000,
            counts: DeliveryCounts { delivered: 7, ..DeliveryCounts::default() },
        };
        let histogram = Histogram::new(&[1_000]);
        for value in [500, 2_000] {
            histogram.record(value);
        }
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Snapshot {
            webhooks: vec![webhook],
            calls: BTreeMap::from([(("portrait_get", 40003), 3)]),
            commit: HistogramValues::seconds(&histogram),
            nodes: Some(NodesStatus {
                clock_ahead_ms: -7,
                host: "db1:3306".into(),
                ..NodesStatus::default()
            }),
            telemetry: Some(Arc::new(Telemetry::new(vec![("public", certificate(folder.path()))]))),
            ..Snapshot::default()
        };
        let page = snapshot.page().unwrap();
        for metric in METRICS.iter().chain(NODE_METRICS) {
            let suffix = match metric.kind {
                Kind::Counter => "_total",
                Kind::Gauge => "",
                Kind::Histogram(_) => "_count",
            };
            let name = format!("{}{suffix}", metric.name);
            assert!(page.lines().any(|line| line.starts_with(&name)), "{name}:\n{page}");
            assert!(metric.alert.contains(metric.name), "the alert of {name} is on another metric");
        }
        assert!(page.contains("portraitd_webhook_delivered_total{sdkappid=\"1400000000\"} 7\n"), "{page}");
        assert!(
            page.contains("portraitd_webhook_oldest_waiting_seconds{sdkappid=\"1400000000\"} 61\n"),
            "{page}"
        );
        let expected = [
            "portraitd_requests_total{command=\"portrait_get\",code=\"40003\"} 3",
            "portraitd_store_commit_seconds_sum 0.0025",
            "portraitd_store_commit_seconds_bucket{le=\"0.001\"} 1",
            "portraitd_store_commit_seconds_bucket{le=\"+Inf\"} 2",
            "portraitd_request_seconds_count{command=\"portrait_set\"} 0",
            "portraitd_database_up{host=\"db1:3306\"} 1",
            "portraitd_database_clock_difference_milliseconds 7",
        ];
        for line in expected {
            assert!(page.lines().any(|found| found == line), "{line}:\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }
}
