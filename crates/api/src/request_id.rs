//! What tells one request from another.

use hyper::header::HeaderValue;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ids that tell requests apart in answers and logs: a random start for each process, then a count.
pub(crate) struct RequestIds {
    seed: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Starts to count.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(1) }
    }

    /// The next one.
    pub(crate) fn next(&self) -> HeaderValue {
        let id = format!("{:016x}-{:x}", self.seed, self.next.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static(""))
    }
}
