//! How an app's webhook does: what is counted, and what wakes its worker.

use portraitd_model::SdkAppId;
use portraitd_store::{Backlog, DeliveryOutcome, OutboxSeq};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// "Not down", among the numbers of milliseconds.
const UP: u64 = u64::MAX;

/// An app's deliveries since the server started.
#[derive(Debug)]
pub struct Delivery {
    /// There are new events.
    pub wake: Notify,
    retry_now: AtomicBool,
    delivered: AtomicU64,
    failed: AtomicU64,
    parked: AtomicU64,
    dropped: AtomicU64,
    down_ms: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

/// What is known of an app's deliveries at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeliveryCounts {
    /// Events that arrived.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that were parked.
    pub parked: u64,
    /// Events that were dropped because the backlog had reached its bound.
    pub dropped: u64,
    /// For how long the receiver has been down.
    pub down_ms: Option<u64>,
    /// Why the last attempt that failed did.
    pub last_failure: Option<String>,
}

/// How an app's webhook does at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookStatus {
    /// The app.
    pub app: SdkAppId,
    /// What its outbox holds.
    pub backlog: Backlog,
    /// The age of the oldest event that is to be delivered, in milliseconds; 0 when there is none.
    pub oldest_waiting_ms: u64,
    /// Since the server started.
    pub counts: DeliveryCounts,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            wake: Notify::new(),
            retry_now: AtomicBool::new(false),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            down_ms: AtomicU64::new(UP),
            last_failure: Mutex::default(),
        }
    }
}

impl Delivery {
    /// The receiver may have changed: events that wait for their time are tried at once.
    pub fn retry_now(&self) {
        self.retry_now.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Whether there was reason to hurry since this was last asked.
    pub(super) fn take_retry_now(&self) -> bool {
        self.retry_now.swap(false, Ordering::Relaxed)
    }

    /// Counts what became of attempts.
    pub(super) fn count(&self, verdicts: &[(OutboxSeq, DeliveryOutcome)]) {
        for (_, verdict) in verdicts {
            let failure = match verdict {
                DeliveryOutcome::Delivered => {
                    self.delivered.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                DeliveryOutcome::Retry { failure, .. } => failure,
                DeliveryOutcome::Park { failure, .. } => {
                    self.parked.fetch_add(1, Ordering::Relaxed);
                    failure
                }
            };
            self.failed.fetch_add(1, Ordering::Relaxed);
            *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
        }
    }

    /// Counts events that were dropped.
    pub(super) fn count_dropped(&self, events: usize) {
        self.dropped.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Says for how long the receiver has been down.
    pub(super) fn set_down(&self, down_ms: Option<u64>) {
        self.down_ms.store(down_ms.unwrap_or(UP), Ordering::Relaxed);
    }

    /// What is known now.
    pub fn counts(&self) -> DeliveryCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DeliveryCounts {
            delivered: load(&self.delivered),
            failed: load(&self.failed),
            parked: load(&self.parked),
            dropped: load(&self.dropped),
            down_ms: Some(load(&self.down_ms)).filter(|ms| *ms != UP),
            last_failure: self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
