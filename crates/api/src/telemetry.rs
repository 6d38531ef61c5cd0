//! What a running server measures of itself. Every request costs a few relaxed additions: no lock, no allocation, no
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
    /// One for each command, and one for calls without.
    latency: Box<[Histogram]>,
    usersig_hits: AtomicU64,
    usersig_misses: AtomicU64,
    slow: AtomicU64,
    /// The connections of the public listener.
    pub public: Arc<Counts>,
    /// The connections of the admin listener.
    pub admin: Arc<Counts>,
    /// TLS certificates, each with the name of the listener that shows it.
    pub certificates: Vec<(&'static str, Arc<Certificate>)>,
    exporter: Option<Arc<dyn CallExporter>>,
}

impl Telemetry {
    /// `certificates` come with the name of the listener that shows them.
    pub fn new(certificates: Vec<(&'static str, Arc<Certificate>)>) -> Self {
        Self {
            latency: (0..=Command::COUNT).map(|_| Histogram::new(Histogram::MICROS)).collect(),
            usersig_hits: AtomicU64::new(0),
            usersig_misses: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            public: Arc::default(),
            admin: Arc::default(),
            certificates,
            exporter: None,
        }
    }

    /// Passes every call on, to a collector of traces for instance.
    #[must_use]
    pub fn exporting(self, exporter: Arc<dyn CallExporter>) -> Self {
        Self { exporter: Some(exporter), ..self }
    }

    /// Passes a call on.
    pub(crate) fn export(&self, call: &CallRecord<'_>) {
        if let Some(exporter) = &self.exporter {
            exporter.export(call);
        }
    }

    /// A request was answered; `None` = its path named no command.
    pub(crate) fn answered(&self, command: Option<Command>, elapsed: Duration) {
        if let Some(latency) = self.latency.get(command.map_or(Command::COUNT, Command::place)) {
            latency.record_time(elapsed);
        }
    }

    /// A UserSig was looked up among those that were verified before.
    pub(crate) fn verified(&self, known: bool) {
        let counter = if known { &self.usersig_hits } else { &self.usersig_misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was slow.
    pub(crate) fn slow(&self) {
        self.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// Latencies in microseconds, by command.
    pub fn latencies(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        let commands = Command::all().map(Command::name).chain([crate::call_counts::NO_COMMAND]);
        commands.zip(&self.latency)
    }

    /// UserSigs found among the verified ones, and those that had to be verified.
    pub fn usersig_lookups(&self) -> [(&'static str, u64); 2] {
        [
            ("hit", self.usersig_hits.load(Ordering::Relaxed)),
            ("miss", self.usersig_misses.load(Ordering::Relaxed)),
        ]
    }

    /// How many requests were slow.
    pub fn slow_requests(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }
}
