//! The page of metrics, the document that is made of it, and what other files say of it.

use super::*;
use crate::backup::counters::PlaceCounters;
use crate::metrics::histogram::HistogramValues;
use crate::metrics::process::ProcessStats;
use portraitd_http::certificate::Certificate;
use portraitd_model::SdkAppId;
use portraitd_store::{Backlog, Histogram, NodesStatus};
use portraitd_webhook::status::{DeliveryCounts, WebhookStatus};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn certificate(folder: &Path) -> Arc<Certificate> {
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(vec!["a".into()]).unwrap().self_signed(&key).unwrap();
    let (chain, private) = (folder.join("a.pem"), folder.join("a.key"));
    std::fs::write(&chain, made.pem()).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    Arc::new(Certificate::load(&chain, &private).unwrap())
}

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The names and the expressions of the alerts.
fn alerts() -> Vec<(String, String)> {
    let rules = std::fs::read_to_string(file("packaging/prometheus/rules.yml")).unwrap();
    let after = |line: &str, mark: &str| line.trim_start().strip_prefix(mark).map(str::to_owned);
    let names = rules.lines().filter_map(|line| after(line, "- alert: "));
    let expressions = rules.lines().filter_map(|line| after(line, "expr: "));
    let alerts: Vec<_> = names.zip(expressions).collect();
    assert!(alerts.len() > 30 && rules.matches("alert:").count() == alerts.len(), "{}", alerts.len());
    alerts
}

/// The names of metrics in an expression: words with one of our beginnings.
fn metrics_of(expression: &str) -> Vec<&str> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("portraitd_") || word.starts_with("process_")).collect()
}

/// The names under which a metric's samples are on the page.
fn sample_names(metric: &Metric) -> Vec<String> {
    let endings: &[&str] = match metric.kind {
        Kind::Counter => &["_total"],
        Kind::Gauge => &[""],
        Kind::Histogram(_) => &["_bucket", "_sum", "_count"],
    };
    endings.iter().map(|ending| format!("{}{ending}", metric.name)).collect()
}

/// `docs/METRICS.md` is fresh; `UPDATE=1 cargo test` rewrites it.
#[test]
fn the_document_is_fresh() {
    let mut page = String::from(
        "# Metrics · 监控指标\n\nGenerated from the tables in `crates/portraitd/src/metrics`. `GET /metrics` on the admin listener and on \
         `server.metrics_listen`, in Prometheus' text format or, if `Accept` names it, as OpenMetrics; it needs no token and names no user. \
         Numbers count from the start of the process. The alerts are in \
         [packaging/prometheus/rules.yml](../packaging/prometheus/rules.yml).\n\n\
         | metric | type | labels | meaning | 含义 | alerts |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let alerts = alerts();
    for metric in all() {
        let (suffix, kind) = match metric.kind {
            Kind::Counter => ("_total", "counter"),
            Kind::Gauge => ("", "gauge"),
            Kind::Histogram(_) => ("", "histogram"),
        };
        let Metric { name, labels, english, chinese, .. } = metric;
        let samples = sample_names(metric);
        let on_it = |expression: &str| {
            metrics_of(expression).iter().any(|named| samples.iter().any(|sample| sample == named))
        };
        let names =
            alerts.iter().filter(|(_, expression)| on_it(expression)).map(|(name, _)| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        writeln!(page, "| `{name}{suffix}` | {kind} | {labels} | {english} | {chinese} | {names} |").unwrap();
    }
    let path = file("docs/METRICS.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/METRICS.md is stale: UPDATE=1 cargo test -p portraitd metrics");
}

#[test]
fn alerts_and_the_dashboard_name_metrics_that_exist() {
    let known: Vec<String> = all().flat_map(sample_names).collect();
    let dashboard = std::fs::read_to_string(file("packaging/grafana/portraitd.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut expressions: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(expressions.len() > 20, "{expressions:?}");
    expressions.extend(alerts().into_iter().map(|(_, expression)| expression));
    for expression in &expressions {
        let named = metrics_of(expression);
        assert!(!named.is_empty() || expression.contains("up{"), "{expression}");
        for name in named {
            assert!(known.iter().any(|known| known == name), "{name} is no metric: {expression}");
        }
    }
}

/// Each is in the tables of both languages that say what to do.
#[test]
fn every_alert_is_explained() {
    for page in ["docs/OPERATIONS.md", "docs/OPERATIONS.zh-CN.md"] {
        let text = std::fs::read_to_string(file(page)).unwrap();
        for (name, _) in alerts() {
            let rows =
                text.lines().filter(|line| line.starts_with("| ") && line.contains(&format!("`{name}`")));
            assert_eq!(rows.count(), 1, "{name} in {page}");
        }
    }
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
        nodes: Some(NodesStatus { clock_ahead_ms: -7, host: "db1:3306".into(), ..NodesStatus::default() }),
        telemetry: Some(Arc::new(Telemetry::new(vec![("public", certificate(folder.path()))]))),
        accounts: vec![(SdkAppId(1_400_000_000), 12)],
        backups: Arc::new(BackupCounters {
            interval_seconds: 3600,
            places: vec![PlaceCounters { name: "directory", ..PlaceCounters::default() }],
        }),
        process: ProcessStats::read(),
        ..Snapshot::default()
    };
    let text = snapshot.clone().page(MetricsFormat::Text).unwrap();
    let page = snapshot.page(MetricsFormat::OpenMetrics).unwrap();
    for metric in all() {
        // A histogram without values has no ranges.
        for name in sample_names(metric).into_iter().filter(|name| !name.ends_with("_bucket")) {
            let begins =
                |line: &str| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with([' ', '{']));
            assert!(page.lines().any(begins) && text.lines().any(begins), "{name}:\n{page}");
        }
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
        "portraitd_database_clock_difference_seconds 0.007",
    ];
    for line in expected {
        assert!(page.lines().any(|found| found == line), "{line}:\n{page}");
    }
    assert!(page.ends_with("# EOF\n"));
    for line in [
        "# TYPE portraitd_requests_total counter",
        "# TYPE process_cpu_seconds_total counter",
        "# TYPE portraitd_accounts gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
    // Each sample is on both pages.
    let samples = |page: &str| {
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(&text), samples(&page));
    assert!(!text.contains("EOF"));
}
