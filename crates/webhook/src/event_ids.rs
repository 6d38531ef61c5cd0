//! Names of events.

use portraitd_model::{AppSettings, EventId, Origin};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names events, each once for ever: a random start for each process, then a count.
#[derive(Debug)]
pub struct EventIds {
    start: u64,
    next: AtomicU64,
}

impl EventIds {
    /// `start` is random, so that no two processes name events alike.
    pub fn new(start: u64) -> Self {
        Self { start, next: AtomicU64::new(0) }
    }

    /// Where a change of this many accounts comes from; `None` when the app has no webhook to be told of it.
    pub fn origin(
        &self,
        app: &AppSettings,
        operator: &str,
        client_ip: IpAddr,
        accounts: usize,
    ) -> Option<Origin> {
        app.webhook.as_ref()?;
        Some(Origin { id: self.next(accounts), operator: operator.into(), client_ip })
    }

    /// Takes this many ids in a row and returns the first.
    pub fn next(&self, count: usize) -> EventId {
        let next = self.next.fetch_add(count as u64, Ordering::Relaxed);
        EventId(u128::from(self.start) << 64 | u128::from(next))
    }
}
