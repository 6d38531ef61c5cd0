//! The measurements of a running server. Each request costs a few relaxed atomic additions: no lock, no allocation, no
//! lookup by name.

use crate::call_record::{CallExporter, CallRecord};
use portraitd_http::certificate::Certificate;
use portraitd_http::stats::Counts;
use portraitd_model::Command;
use portraitd_store::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The measurements of one server.
#[derive(Debug)]
pub struct Telemetry {
    /// One histogram for each command, and one for calls without a command.
    latency: Box<[Histogram]>,
    usersig_hits: AtomicU64,
    usersig_misses: AtomicU64,
    slow: AtomicU64,
    /// The connections of the public listener.
    pub public: Arc<Counts>,
    /// The connections of the admin listener.
    pub admin: Arc<Counts>,
    /// The connections of the listener for metrics, if there is one.
    pub metrics: Arc<Counts>,
    /// The TLS certificates, each with the name of its listener.
    pub certificates: Vec<(&'static str, Arc<Certificate>)>,
    exporter: Option<Arc<dyn CallExporter>>,
}

impl Telemetry {
    /// Returns measurements that start at zero; `certificates` have the names of their listeners.
    pub fn new(certificates: Vec<(&'static str, Arc<Certificate>)>) -> Self {
        Self {
            latency: (0..=Command::COUNT).map(|_| Histogram::new(Histogram::MICROS)).collect(),
            usersig_hits: AtomicU64::new(0),
            usersig_misses: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            public: Arc::default(),
            admin: Arc::default(),
            metrics: Arc::default(),
            certificates,
            exporter: None,
        }
    }

    /// Also exports every call, for example to a collector of traces.
    #[must_use]
    pub fn exporting(self, exporter: Arc<dyn CallExporter>) -> Self {
        Self { exporter: Some(exporter), ..self }
    }

    /// Exports a call.
    pub(crate) fn export(&self, call: &CallRecord<'_>) {
        if let Some(exporter) = &self.exporter {
            exporter.export(call);
        }
    }

    /// Records the latency of a call; `None` = its path named no command.
    pub(crate) fn record_call(&self, command: Option<Command>, elapsed: Duration) {
        if let Some(latency) = self.latency.get(command.map_or(Command::COUNT, Command::place)) {
            latency.record_time(elapsed);
        }
    }

    /// Counts a lookup in the cache of verified UserSigs.
    pub(crate) fn record_sig_lookup(&self, is_hit: bool) {
        let counter = if is_hit { &self.usersig_hits } else { &self.usersig_misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a slow request.
    pub(crate) fn count_slow(&self) {
        self.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the latencies in microseconds, by command.
    pub fn latencies(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        let commands = Command::all().map(Command::name).chain([crate::call_counts::NO_COMMAND]);
        commands.zip(&self.latency)
    }

    /// Returns the hits and misses of the cache of verified UserSigs.
    pub fn usersig_lookups(&self) -> [(&'static str, u64); 2] {
        [
            ("hit", self.usersig_hits.load(Ordering::Relaxed)),
            ("miss", self.usersig_misses.load(Ordering::Relaxed)),
        ]
    }

    /// Returns how many requests were slow.
    pub fn slow_requests(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }
}
