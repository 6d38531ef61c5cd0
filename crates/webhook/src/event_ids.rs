//! Ids of events, unique across processes and restarts.

use portraitd_model::{AppSettings, EventId, Origin};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Generates event ids: a random prefix for each process, then a count.
#[derive(Debug)]
pub struct EventIds {
    prefix: u64,
    next: AtomicU64,
}

impl EventIds {
    /// Returns a generator; `prefix` is random, so that no two processes generate the same id.
    pub fn new(prefix: u64) -> Self {
        Self { prefix, next: AtomicU64::new(0) }
    }

    /// Returns the origin of a change to this many accounts, with an id for each event; `None` when the app has no webhook.
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

    /// Reserves this many consecutive ids and returns the first.
    pub fn next(&self, count: usize) -> EventId {
        let next = self.next.fetch_add(count as u64, Ordering::Relaxed);
        EventId(u128::from(self.prefix) << 64 | u128::from(next))
    }
}
