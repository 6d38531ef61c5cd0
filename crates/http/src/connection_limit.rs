//! The limit of open connections, in all and for each client network, so that one address can't use up all of them.

use crate::log_throttle::LogThrottle;
use crate::network::client_network;
use crate::stats::{Counts, OpenConnection};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many connections a listener may have open.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// In all, from every address.
    pub connections_max: usize,
    /// From one address; an IPv6 /64 counts as one address.
    pub per_address_max: usize,
    /// Proxies, which have no limit of their own: they connect for many clients.
    pub trusted_proxies: Vec<IpNet>,
}

/// The open connections of one listener.
pub(super) struct ConnectionLimiter {
    limits: ConnectionLimits,
    counts: Arc<Counts>,
    open: Mutex<OpenCounts>,
    refusals: LogThrottle<()>,
}

#[derive(Default)]
struct OpenCounts {
    total: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// The permit of one open connection; returned when dropped.
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    network: IpAddr,
    _open: OpenConnection,
}

impl ConnectionLimiter {
    pub(super) fn new(limits: ConnectionLimits, counts: Arc<Counts>) -> Arc<Self> {
        Arc::new(Self { limits, counts, open: Mutex::default(), refusals: LogThrottle::default() })
    }

    /// Returns a permit for a connection from `peer`, or `None` when a limit is reached.
    pub(super) fn acquire(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let (limits, network) = (&self.limits, client_network(peer));
        let is_proxy = || limits.trusted_proxies.iter().any(|proxy| proxy.contains(&peer.to_canonical()));
        let mut open = self.lock();
        let from_network = open.by_network.get(&network).copied().unwrap_or(0);
        let is_full = open.total >= limits.connections_max;
        if is_full || (from_network >= limits.per_address_max && !is_proxy()) {
            self.counts.count_refused();
            if let Some(refused) = self.refusals.count((), Instant::now()) {
                let total = open.total;
                tracing::warn!(%peer, total, from_network, refused, "connection refused: too many are open");
            }
            return None;
        }
        open.total += 1;
        open.by_network.insert(network, from_network + 1);
        drop(open);
        Some(ConnectionPermit { limiter: Arc::clone(self), network, _open: self.counts.count_opened() })
    }

    fn lock(&self) -> MutexGuard<'_, OpenCounts> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.limiter.lock();
        open.total = open.total.saturating_sub(1);
        match open.by_network.get_mut(&self.network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.by_network.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_can_not_use_up_the_limit() {
        let limits = ConnectionLimits {
            connections_max: 5,
            per_address_max: 2,
            trusted_proxies: vec!["10.0.0.1/32".parse().unwrap()],
        };
        let limiter = ConnectionLimiter::new(limits, Arc::default());
        let acquire = |address: &str| limiter.acquire(address.parse().unwrap());
        let held = [acquire("192.0.2.1").unwrap(), acquire("::ffff:192.0.2.1").unwrap()];
        assert!(acquire("192.0.2.1").is_none());
        let neighbours = [acquire("2001:db8::1"), acquire("2001:db8::2"), acquire("2001:db8::3")];
        assert_eq!(neighbours.each_ref().map(Option::is_some), [true, true, false], "a /64 is one address");
        drop(neighbours);
        let proxied = [acquire("10.0.0.1"), acquire("10.0.0.1"), acquire("10.0.0.1")];
        assert!(proxied.iter().all(Option::is_some), "a proxy connects for many clients");
        assert!(acquire("192.0.2.9").is_none(), "five in all");
        drop(held);
        assert!(acquire("192.0.2.1").is_some());
        drop(proxied);
        assert!(limiter.lock().by_network.is_empty() && limiter.lock().total == 0);
        assert_eq!(limiter.counts.open(), 0);
    }
}
