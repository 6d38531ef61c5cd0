//! What a running server measures of itself. Every request costs a few relaxed additions: no lock, no allocation, no
//! lookup by name.

use crate::api::ENDPOINTS;
use crate::listener::{Certificate, Counts};
use portrait_store::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The measurements of one server.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// One for each endpoint, and one for what is none.
    latency: Box<[Histogram]>,
    usersig_hits: AtomicU64,
    usersig_misses: AtomicU64,
    slow: AtomicU64,
    pub(crate) public: Arc<Counts>,
    pub(crate) admin: Arc<Counts>,
    /// By the listener that shows them.
    pub(crate) certificates: Vec<(&'static str, Arc<Certificate>)>,
    /// `None`: nobody collects them.
    #[cfg(feature = "otel")]
    pub(crate) traces: Option<crate::otel::Traces>,
}

impl Telemetry {
    pub(crate) fn new(certificates: Vec<(&'static str, Arc<Certificate>)>) -> Self {
        Self {
            latency: (0..=ENDPOINTS.len()).map(|_| Histogram::new(Histogram::MICROS)).collect(),
            usersig_hits: AtomicU64::new(0),
            usersig_misses: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            public: Arc::default(),
            admin: Arc::default(),
            certificates,
            #[cfg(feature = "otel")]
            traces: None,
        }
    }

    /// Starts to export traces, if the settings name a collector.
    #[cfg(feature = "otel")]
    pub(crate) fn exported(
        mut self,
        config: &crate::config::Config,
        stopped: &tokio::sync::watch::Receiver<bool>,
        tasks: &mut Vec<tokio::task::JoinHandle<()>>,
    ) -> anyhow::Result<Self> {
        let Some(collector) = &config.log.otlp_endpoint else { return Ok(self) };
        let grace = config.listener().shutdown_timeout;
        let (traces, exporting) = crate::otel::start(collector, stopped.clone(), grace)?;
        self.traces = Some(traces);
        tasks.push(exporting);
        Ok(self)
    }

    /// A request of the endpoint with this place in `ENDPOINTS` was answered.
    pub(crate) fn answered(&self, endpoint: Option<usize>, elapsed: Duration) {
        if let Some(latency) = self.latency.get(endpoint.unwrap_or(ENDPOINTS.len())) {
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
    pub(crate) fn latencies(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        let commands = ENDPOINTS.iter().map(|endpoint| endpoint.command).chain([crate::usage::NO_COMMAND]);
        commands.zip(&self.latency)
    }

    /// UserSigs found among the verified ones, and those that had to be verified.
    pub(crate) fn usersig_lookups(&self) -> [(&'static str, u64); 2] {
        [
            ("hit", self.usersig_hits.load(Ordering::Relaxed)),
            ("miss", self.usersig_misses.load(Ordering::Relaxed)),
        ]
    }

    /// How many requests were slow.
    pub(crate) fn slow_requests(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }
}
