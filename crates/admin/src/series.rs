//! The past of some figures, in memory, for the console's charts: the last quarter of an hour in steps of 5 seconds, the last day
//! in steps of a minute. The figures are read from the page of metrics, so that a chart and Prometheus can't disagree.

use crate::metrics_format::MetricsFormat;
use futures_util::future::BoxFuture;
use portraitd_model::Clock;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// What the metrics are rendered for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricsReader {
    /// A call of `/metrics`.
    Caller(MetricsFormat),
    /// The figures here, every few seconds: without the apps' accounts, for each of which the store is asked.
    Series,
}

/// Renders the metrics.
pub type MetricsPage =
    Arc<dyn Fn(MetricsReader) -> BoxFuture<'static, Result<String, fmt::Error>> + Send + Sync>;

/// The time between two readings.
const STEP: Duration = Duration::from_secs(5);
/// 15 minutes of readings.
const FINE_MAX: usize = 180;
/// Every so-manyth reading is kept for a day.
const COARSE: u64 = 12;
/// A day of minutes.
const COARSE_MAX: usize = 1440;

/// One reading. Counts are since the server started.
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// When it was taken, in Unix milliseconds.
    pub(crate) at_ms: u64,
    /// Answered calls.
    pub(crate) calls: f64,
    /// Answers that were not OK.
    pub(crate) failed: f64,
    /// Half of the calls since the reading before took at most this long, in seconds; `null` when there was none.
    pub(crate) p50: Option<f64>,
    /// 99 of 100 of them took at most this long.
    pub(crate) p99: Option<f64>,
    /// Changes that are on the disk.
    pub(crate) changes: f64,
    /// Commits.
    pub(crate) commits: f64,
    /// Webhook events that wait.
    pub(crate) webhook_waiting: f64,
    /// Webhook events that are parked.
    pub(crate) webhook_parked: f64,
}

/// The readings that are kept.
#[derive(Debug, Default)]
pub struct Series(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    fine: VecDeque<SeriesPoint>,
    coarse: VecDeque<SeriesPoint>,
    count: u64,
    /// The counts of the histogram at the readings before: for quantiles of 5 seconds, and of a minute.
    buckets: [Buckets; 2],
}

/// How many calls took at most so long, by the bound in microseconds.
type Buckets = BTreeMap<u64, f64>;

impl Series {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to take readings, until the server stops.
    pub fn recording(
        self: &Arc<Self>,
        metrics: MetricsPage,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> JoinHandle<()> {
        let series = Arc::clone(self);
        tokio::spawn(async move { series.record(&metrics, &*clock, stop).await })
    }

    async fn record(&self, metrics: &MetricsPage, clock: &dyn Clock, stop: CancellationToken) {
        // Not at once: a start has other things to do.
        let mut ticks = tokio::time::interval_at(Instant::now() + STEP, STEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            if let Ok(page) = metrics(MetricsReader::Series).await {
                self.add(&page, clock.now().0);
            }
        }
    }

    fn add(&self, page: &str, at_ms: u64) {
        let (point, buckets) = read(page, at_ms);
        let inner = &mut *self.lock();
        let [of_step, of_minute] = &mut inner.buckets;
        push(&mut inner.fine, FINE_MAX, with_times(&point, of_step, &buckets));
        if inner.count.is_multiple_of(COARSE) {
            push(&mut inner.coarse, COARSE_MAX, with_times(&point, of_minute, &buckets));
        }
        inner.count += 1;
    }

    /// Returns the readings of the last 15 minutes, and one of each minute of the last day; oldest first.
    pub(crate) fn points(&self) -> (Vec<SeriesPoint>, Vec<SeriesPoint>) {
        let inner = self.lock();
        (inner.fine.iter().cloned().collect(), inner.coarse.iter().cloned().collect())
    }
}

fn push(points: &mut VecDeque<SeriesPoint>, most: usize, point: SeriesPoint) {
    if points.len() == most {
        points.pop_front();
    }
    points.push_back(point);
}

/// Adds the quantiles of what came since the reading before.
fn with_times(point: &SeriesPoint, before: &mut Buckets, after: &Buckets) -> SeriesPoint {
    let times = |part| quantile(part, before, after);
    let point = SeriesPoint { p50: times(0.5), p99: times(0.99), ..point.clone() };
    before.clone_from(after);
    point
}

/// Reads a page of metrics: sums over all labels.
fn read(page: &str, at_ms: u64) -> (SeriesPoint, Buckets) {
    let (mut point, mut buckets) = (SeriesPoint { at_ms, ..SeriesPoint::default() }, Buckets::new());
    for line in page.lines() {
        let Some((name, value)) = line.strip_prefix("portraitd_").and_then(|line| line.rsplit_once(' '))
        else {
            continue;
        };
        let Ok(value) = value.parse::<f64>() else { continue };
        let (name, labels) = name.split_once('{').unwrap_or((name, ""));
        match name {
            "requests_total" => {
                point.calls += value;
                if !labels.contains("code=\"0\"") {
                    point.failed += value;
                }
            }
            "request_seconds_bucket" => {
                *buckets.entry(bound(labels)).or_default() += value;
            }
            "store_changes_total" => point.changes += value,
            "store_commits_total" => point.commits += value,
            "webhook_events" if labels.contains("state=\"waiting\"") => point.webhook_waiting += value,
            "webhook_events" if labels.contains("state=\"parked\"") => point.webhook_parked += value,
            _ => {}
        }
    }
    (point, buckets)
}

/// The bound of a bucket in microseconds; the last one has none.
fn bound(labels: &str) -> u64 {
    let seconds = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()?.parse::<f64>().ok());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounds of buckets are small, positive numbers; a cast saturates"
    )]
    seconds.filter(|seconds| seconds.is_finite()).map_or(u64::MAX, |seconds| (seconds * 1e6) as u64)
}

/// A quantile of the values that a histogram gained, as Prometheus' `histogram_quantile` has it; `None` when it gained none.
#[expect(clippy::cast_precision_loss, reason = "bounds in microseconds are far below 2^52")]
fn quantile(part: f64, before: &Buckets, after: &Buckets) -> Option<f64> {
    let gained = |(bound, value): (&u64, &f64)| (*bound, value - before.get(bound).unwrap_or(&0.0));
    let gained: Vec<(u64, f64)> = after.iter().map(gained).collect();
    let all = gained.last().map(|(_, value)| *value).filter(|all| *all > 0.0)?;
    let rank = part * all;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, value) in gained {
        if value >= rank {
            let upper = if bound == u64::MAX { lower } else { bound as f64 };
            let share = (rank - below) / (value - below).max(1.0);
            return Some((lower + (upper - lower) * share) / 1e6);
        }
        (lower, below) = (bound as f64, value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(calls: u32, slow: u32) -> String {
        let fast = calls - slow;
        format!(
            "portraitd_requests_total{{command=\"kick\",code=\"0\"}} {fast}\nportraitd_requests_total{{command=\"kick\",code=\"40003\"}} {slow}\n\
             portraitd_request_seconds_bucket{{le=\"0.001\",command=\"kick\"}} {fast}\nportraitd_request_seconds_bucket{{le=\"0.1\",command=\"kick\"}} {calls}\n\
             portraitd_request_seconds_bucket{{le=\"+Inf\",command=\"kick\"}} {calls}\nportraitd_store_changes_total 7\n\
             portraitd_webhook_events{{sdkappid=\"1\",state=\"waiting\"}} 2\nportraitd_webhook_events{{sdkappid=\"2\",state=\"waiting\"}} 3\n# EOF\n"
        )
    }

    #[test]
    fn figures_are_summed_and_times_are_of_the_step() {
        let series = Series::default();
        series.add(&page(100, 0), 1_000);
        series.add(&page(200, 50), 6_000);
        series.add(&page(200, 50), 11_000);
        let (fine, coarse) = series.points();
        assert_eq!((fine.len(), coarse.len()), (3, 1));
        let last = &fine[1];
        assert_eq!((last.calls, last.failed, last.changes, last.webhook_waiting), (200.0, 50.0, 7.0, 5.0));
        assert!(last.p50.unwrap() <= 0.001 && last.p99.unwrap() > 0.09, "{last:?}");
        assert_eq!((fine[2].p50, fine[2].p99), (None, None), "no call in this step");
    }

    #[test]
    fn readings_are_bounded() {
        let series = Series::default();
        for reading in 0..40_000 {
            series.add("", reading);
        }
        let (fine, coarse) = series.points();
        assert_eq!((fine.len(), coarse.len()), (FINE_MAX, COARSE_MAX));
        assert_eq!(fine.last().unwrap().at_ms, 39_999);
    }
}
