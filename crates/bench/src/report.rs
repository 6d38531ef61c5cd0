//! Measurements and their output: a line each second, a table or JSON at the end.

use crate::options::RunOptions;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Latencies in nanoseconds up to a minute, to three digits.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "constant bounds that are right")]
    Histogram::new_with_bounds(100, 60_000_000_000, 3).expect("constant bounds that are right")
}

/// Records latencies.
pub(crate) struct Recorder {
    measured_from: Instant,
    measured: Duration,
    latencies: Histogram<u64>,
    /// The latencies of the present second.
    second: Histogram<u64>,
    second_from: Instant,
    seconds: u64,
    timeline: bool,
    terminal: bool,
}

impl Recorder {
    pub(crate) fn new(options: &RunOptions, start: Instant) -> Self {
        let terminal = std::io::stderr().is_terminal();
        if options.timeline {
            eprintln!("second,calls,p50_us,p99_us,p999_us,max_us");
        }
        Self {
            measured_from: start + options.warm_up,
            measured: options.measured,
            latencies: histogram(),
            second: histogram(),
            second_from: start,
            seconds: 0,
            timeline: options.timeline,
            terminal,
        }
    }

    /// Records the answer to a call that was started, or due, at `started`.
    pub(crate) fn answered(&mut self, started: Instant, now: Instant) {
        let nanos = u64::try_from((now - started).as_nanos()).unwrap_or(u64::MAX);
        if now >= self.measured_from && now < self.measured_from + self.measured {
            self.latencies.saturating_record(nanos);
        }
        if self.timeline || self.terminal {
            self.second.saturating_record(nanos);
        }
    }

    /// Prints a line once a second has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        if now < self.second_from + Duration::from_secs(1) || !(self.timeline || self.terminal) {
            return;
        }
        self.seconds += 1;
        self.second_from += Duration::from_secs(1);
        let micros = |quantile: f64| self.second.value_at_quantile(quantile) / 1000;
        let (calls, p50, p99, p999, max) =
            (self.second.len(), micros(0.5), micros(0.99), micros(0.999), self.second.max() / 1000);
        if self.timeline {
            eprintln!("{},{calls},{p50},{p99},{p999},{max}", self.seconds);
        } else {
            eprint!("\r{:>4} s  {calls:>8}/s  p50 {p50} µs  p99 {p99} µs  max {max} µs   ", self.seconds);
        }
        self.second.reset();
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(crate) fn summary(&self) -> Summary {
        if self.terminal && !self.timeline {
            eprint!("\r{:80}\r", "");
        }
        let micros = |quantile: f64| self.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        Summary {
            calls: self.latencies.len(),
            seconds: self.measured.as_secs_f64(),
            rate: self.latencies.len() as f64 / self.measured.as_secs_f64(),
            mean_us: self.latencies.mean() / 1000.0,
            p50_us: micros(0.5),
            p90_us: micros(0.9),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            max_us: self.latencies.max() as f64 / 1000.0,
        }
    }
}

/// The result of a run. An unexpected answer ends a run, so all were as expected.
#[derive(Serialize, Debug)]
pub(crate) struct Summary {
    calls: u64,
    seconds: f64,
    rate: f64,
    mean_us: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    p999_us: f64,
    max_us: f64,
}

/// Prints the summary on standard output.
pub(crate) fn print(summary: &Summary, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string(summary)?)?);
    }
    let Summary { calls, seconds, rate, mean_us, p50_us, p90_us, p99_us, p999_us, max_us } = summary;
    writeln!(out, "{rate:.0} calls/s   ({calls} in {seconds} s, every answer as expected)")?;
    writeln!(
        out,
        "latency µs   mean {mean_us:.0}   p50 {p50_us:.0}   p90 {p90_us:.0}   p99 {p99_us:.0}   p99.9 {p999_us:.0}   max {max_us:.0}"
    )?;
    Ok(())
}
