//! Request ids, for answers and the log.

use hyper::header::HeaderValue;
use std::sync::atomic::{AtomicU64, Ordering};

/// Generates request ids: a random prefix for each process, then a count.
pub(crate) struct RequestIds {
    seed: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Returns a generator; `seed` is the prefix.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(1) }
    }

    /// Returns the next id.
    pub(crate) fn next(&self) -> HeaderValue {
        let id = format!("{:016x}-{:x}", self.seed, self.next.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static(""))
    }
}
