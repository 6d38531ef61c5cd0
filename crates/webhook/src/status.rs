//! The delivery status of an app's webhook: counters, and the signals that wake its worker.

use portraitd_model::SdkAppId;
use portraitd_store::{Backlog, DeliveryOutcome, OutboxSeq};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// The value of `down_ms` while the receiver is up.
const UP: u64 = u64::MAX;

/// Counters of an app's deliveries since the server started, and signals to its worker.
#[derive(Debug)]
pub struct Delivery {
    /// Notified when there are new events.
    pub wake: Notify,
    retry_now: AtomicBool,
    delivered: AtomicU64,
    failed: AtomicU64,
    parked: AtomicU64,
    dropped: AtomicU64,
    down_ms: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

/// A copy of an app's counters at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeliveryCounts {
    /// Events that were delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that were parked.
    pub parked: u64,
    /// Events that were dropped because the backlog had reached its limit.
    pub dropped: u64,
    /// For how many milliseconds the receiver has been down; `None` when it is up.
    pub down_ms: Option<u64>,
    /// Why the last failed attempt failed.
    pub last_failure: Option<String>,
}

/// The status of an app's webhook at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookStatus {
    /// The app.
    pub app: SdkAppId,
    /// The events in its outbox.
    pub backlog: Backlog,
    /// The age of the oldest waiting event in milliseconds; 0 when none waits.
    pub oldest_waiting_ms: u64,
    /// Counters since the server started.
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
    /// Tries events that wait for a retry at once: the receiver may have changed.
    pub fn retry_now(&self) {
        self.retry_now.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Returns whether [`Self::retry_now`] was called since the last call of this.
    pub(super) fn take_retry_now(&self) -> bool {
        self.retry_now.swap(false, Ordering::Relaxed)
    }

    /// Counts the outcomes of attempts.
    pub(super) fn count(&self, outcomes: &[(OutboxSeq, DeliveryOutcome)]) {
        for (_, outcome) in outcomes {
            let failure = match outcome {
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

    /// Sets for how many milliseconds the receiver has been down; `None` when it is up.
    pub(super) fn set_down(&self, down_ms: Option<u64>) {
        self.down_ms.store(down_ms.unwrap_or(UP), Ordering::Relaxed);
    }

    /// Returns a copy of the counters.
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
