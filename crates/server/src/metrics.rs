//! `/metrics`: what a Prometheus server reads. Each metric is one row of [`METRICS`]: its value, its meaning and the
//! alert to set on it; `docs/METRICS.md` is made of the same rows.

use crate::registry::App;
use crate::webhook::DeliveryCounts;
use portrait_model::UnixMillis;
use portrait_store::{Backlog, EventState, Store, StoreStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// How a number moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// It only grows; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A label with its value; never a user, never a secret.
type Label = (&'static str, String);

/// Values with their labels.
type Values = Vec<(Vec<Label>, u64)>;

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
    values: fn(&Snapshot) -> Values,
}

/// What the numbers are taken from, all at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    store: StoreStats,
    backlog_bytes_max: u64,
    apps: Vec<AppSnapshot>,
}

#[derive(Debug)]
struct AppSnapshot {
    id: String,
    backlog: Backlog,
    oldest_waiting_ms: u64,
    counts: DeliveryCounts,
}

/// Every metric.
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "portraitd_build",
        kind: Kind::Gauge,
        labels: "version",
        english: "Always 1; the label tells which version runs.",
        chinese: "恒为 1；标签为正在运行的版本。",
        alert: "absent(portraitd_build)",
        values: |_| vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1)],
    },
    Metric {
        name: "portraitd_store_changes",
        kind: Kind::Counter,
        labels: "",
        english: "Units of writing that are on the disk.",
        chinese: "已落盘的写入单元数。",
        alert: "rate(portraitd_store_changes_total[5m]) == 0",
        values: |snapshot| vec![(Vec::new(), snapshot.store.changes)],
    },
    Metric {
        name: "portraitd_store_commits",
        kind: Kind::Counter,
        labels: "",
        english: "Commits, each with one sync of the disk. Changes divided by commits is how many share a sync.",
        chinese: "提交次数，每次一次磁盘同步；写入数除以提交数即为平均合并数。",
        alert: "rate(portraitd_store_commits_total[5m]) > 5000",
        values: |snapshot| vec![(Vec::new(), snapshot.store.commits)],
    },
    Metric {
        name: "portraitd_webhook_events",
        kind: Kind::Gauge,
        labels: "sdkappid, state (waiting, parked)",
        english: "Webhook events in the outbox: to be delivered, or given up until they are replayed or dropped.",
        chinese: "发件箱中的回调事件数：待投递（waiting），或已搁置待重放或丢弃（parked）。",
        alert: "portraitd_webhook_events{state=\"parked\"} > 0",
        values: |snapshot| of_states(snapshot, |backlog, state| backlog.amount(state).events),
    },
    Metric {
        name: "portraitd_webhook_backlog_bytes",
        kind: Kind::Gauge,
        labels: "sdkappid, state (waiting, parked)",
        english: "The stored size of these events.",
        chinese: "上述事件占用的字节数。",
        alert: "sum(portraitd_webhook_backlog_bytes) > 0.5 * scalar(portraitd_webhook_backlog_bytes_max)",
        values: |snapshot| of_states(snapshot, |backlog, state| backlog.amount(state).bytes),
    },
    Metric {
        name: "portraitd_webhook_backlog_bytes_max",
        kind: Kind::Gauge,
        labels: "",
        english: "The bound of the backlog, [webhook] backlog_max. Beyond it the oldest parked events are dropped.",
        chinese: "积压上限（[webhook] backlog_max）；超过后最早的搁置事件先被丢弃。",
        alert: "portraitd_webhook_backlog_bytes_max < 1e8",
        values: |snapshot| vec![(Vec::new(), snapshot.backlog_bytes_max)],
    },
    Metric {
        name: "portraitd_webhook_oldest_waiting_seconds",
        kind: Kind::Gauge,
        labels: "sdkappid",
        english: "The age of the oldest event that is still to be delivered; 0 when there is none.",
        chinese: "最早一条待投递事件的年龄（秒）；没有则为 0。",
        alert: "portraitd_webhook_oldest_waiting_seconds > 600",
        values: |snapshot| of_apps(snapshot, |app| app.oldest_waiting_ms / 1_000),
    },
    Metric {
        name: "portraitd_webhook_receiver_down_seconds",
        kind: Kind::Gauge,
        labels: "sdkappid",
        english: "For how long the receiver has been failing every call; 0 when it is up.",
        chinese: "接收方连续失败的时长（秒）；正常时为 0。",
        alert: "portraitd_webhook_receiver_down_seconds > 300",
        values: |snapshot| of_apps(snapshot, |app| app.counts.down_ms.unwrap_or(0).div_ceil(1_000)),
    },
    Metric {
        name: "portraitd_webhook_delivered",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Events that a receiver took.",
        chinese: "接收方已确认的事件数。",
        alert: "rate(portraitd_webhook_delivered_total[15m]) == 0 and on(sdkappid) portraitd_webhook_events{state=\"waiting\"} > 0",
        values: |snapshot| of_apps(snapshot, |app| app.counts.delivered),
    },
    Metric {
        name: "portraitd_webhook_failed_attempts",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Attempts that failed; the event is tried again or parked.",
        chinese: "失败的投递尝试次数；事件会重试或被搁置。",
        alert: "rate(portraitd_webhook_failed_attempts_total[15m]) > 0.1 * rate(portraitd_webhook_delivered_total[15m])",
        values: |snapshot| of_apps(snapshot, |app| app.counts.failed),
    },
    Metric {
        name: "portraitd_webhook_parked",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Events that were given up after the whole schedule.",
        chinese: "用尽重试计划后被搁置的事件数。",
        alert: "increase(portraitd_webhook_parked_total[1h]) > 0",
        values: |snapshot| of_apps(snapshot, |app| app.counts.parked),
    },
    Metric {
        name: "portraitd_webhook_dropped",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Events lost because the backlog had reached its bound. Their changes are stored; only nobody is told.",
        chinese: "因积压达到上限而丢弃的事件数；资料变更本身已保存，只是不再通知。",
        alert: "increase(portraitd_webhook_dropped_total[1h]) > 0",
        values: |snapshot| of_apps(snapshot, |app| app.counts.dropped),
    },
];

fn of_apps(snapshot: &Snapshot, value: impl Fn(&AppSnapshot) -> u64) -> Values {
    snapshot.apps.iter().map(|app| (vec![("sdkappid", app.id.clone())], value(app))).collect()
}

fn of_states(snapshot: &Snapshot, value: impl Fn(&Backlog, EventState) -> u64) -> Values {
    let states = [("waiting", EventState::Waiting), ("parked", EventState::Parked)];
    let of_app = |app: &AppSnapshot| {
        states.map(|(name, state)| {
            (vec![("sdkappid", app.id.clone()), ("state", name.to_owned())], value(&app.backlog, state))
        })
    };
    snapshot.apps.iter().flat_map(of_app).collect()
}

impl Snapshot {
    /// Takes the numbers. Reads one event an app at most.
    pub(crate) async fn take(
        store: &dyn Store,
        apps: Vec<Arc<App>>,
        backlog_bytes_max: u64,
        now: UnixMillis,
    ) -> Self {
        let (backlogs, mut snapshots) = (store.backlogs(), Vec::new());
        for app in apps {
            let id = app.settings.id;
            let backlog = backlogs.get(&id).copied().unwrap_or_default();
            if app.settings.webhook.is_none() && backlog == Backlog::default() {
                continue;
            }
            // A store that can't be read shows elsewhere.
            let oldest = store.events(id, EventState::Waiting, None, 1).await.unwrap_or_default();
            let at = oldest.first().and_then(|event| event.event.as_ref()).map_or(now, |event| event.at);
            snapshots.push(AppSnapshot {
                id: id.to_string(),
                backlog,
                oldest_waiting_ms: now.0.saturating_sub(at.0),
                counts: app.delivery.counts(),
            });
        }
        Self { store: store.stats(), backlog_bytes_max, apps: snapshots }
    }

    /// The page, in the `OpenMetrics` text format.
    pub(crate) fn page(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry)?;
        Ok(page)
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in METRICS {
            let (counter, gauge) = (ConstCounter::new(0_u64), ConstGauge::new(0_u64));
            let kind = match metric.kind {
                Kind::Counter => counter.metric_type(),
                Kind::Gauge => gauge.metric_type(),
            };
            let mut family = encoder.encode_descriptor(metric.name, metric.english, None, kind)?;
            for (labels, value) in (metric.values)(self) {
                let sample = family.encode_family(&labels)?;
                match metric.kind {
                    Kind::Counter => ConstCounter::new(value).encode(sample)?,
                    Kind::Gauge => ConstGauge::new(value).encode(sample)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// `docs/METRICS.md` is fresh; `UPDATE=1 cargo test` writes it anew.
    #[test]
    fn the_document_is_fresh() {
        let mut page = String::from(
            "# Metrics · 监控指标\n\nGenerated from `METRICS` in `crates/server/src/metrics.rs`. `GET /metrics` on the admin listener, in the \
             OpenMetrics text format; it needs no token and names no user. Numbers count from the start of the process.\n\n\
             | metric | type | labels | meaning | 含义 | alert |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for metric in METRICS {
            let (suffix, kind) = match metric.kind {
                Kind::Counter => ("_total", "counter"),
                Kind::Gauge => ("", "gauge"),
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
        assert!(found == page, "docs/METRICS.md is stale: UPDATE=1 cargo test -p portrait-server metrics");
    }

    #[test]
    fn every_metric_has_a_value_under_its_name() {
        let app = AppSnapshot {
            id: "1400000000".into(),
            backlog: Backlog::default(),
            oldest_waiting_ms: 61_000,
            counts: DeliveryCounts { delivered: 7, ..DeliveryCounts::default() },
        };
        let page = Snapshot { apps: vec![app], ..Snapshot::default() }.page().unwrap();
        for metric in METRICS {
            let suffix = if metric.kind == Kind::Counter { "_total" } else { "" };
            let name = format!("{}{suffix}", metric.name);
            assert!(page.lines().any(|line| line.starts_with(&name)), "{name}:\n{page}");
            assert!(metric.alert.contains(metric.name), "the alert of {name} is on another metric");
        }
        assert!(page.contains("portraitd_webhook_delivered_total{sdkappid=\"1400000000\"} 7\n"), "{page}");
        assert!(
            page.contains("portraitd_webhook_oldest_waiting_seconds{sdkappid=\"1400000000\"} 61\n"),
            "{page}"
        );
        assert!(page.ends_with("# EOF\n"));
    }
}
