//! The places for connections. One address can't take all of them: whoever comes from elsewhere still finds one.

use crate::network::caller_network;
use crate::stats::{Counts, Open};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many connections there may be.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// In all.
    pub connections_max: usize,
    /// From one address, an IPv6 /64 counting as one.
    pub per_address_max: usize,
    /// Proxies, behind which there are many callers.
    pub trusted_proxies: Vec<IpNet>,
}

/// The places of one listener.
pub(super) struct ConnectionLimiter {
    connection_limits: ConnectionLimits,
    counts: Arc<Counts>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// When a refusal was last told to the log: a flood must not become one of lines.
    told: Option<Instant>,
}

/// A taken place; given back when dropped.
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    address: IpAddr,
    _open: Open,
}

impl ConnectionLimiter {
    /// Refusals are logged so often at most.
    const TELL_EVERY: Duration = Duration::from_secs(1);

    pub(super) fn new(connection_limits: ConnectionLimits, counts: Arc<Counts>) -> Arc<Self> {
        Arc::new(Self { connection_limits, counts, taken: Mutex::default() })
    }

    /// A place for a connection from `peer`, if there is one.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let (connection_limits, address) = (&self.connection_limits, caller_network(peer));
        let is_proxy =
            || connection_limits.trusted_proxies.iter().any(|proxy| proxy.contains(&peer.to_canonical()));
        let mut taken = self.lock();
        let from_there = taken.by_address.get(&address).copied().unwrap_or(0);
        let free = taken.all < connection_limits.connections_max;
        if !free || (from_there >= connection_limits.per_address_max && !is_proxy()) {
            self.counts.refuse();
            if taken.told.is_none_or(|told| told.elapsed() >= Self::TELL_EVERY) {
                taken.told = Some(Instant::now());
                let (all, refused) = (taken.all, self.counts.refused());
                tracing::warn!(%peer, all, from_there, refused, "connection refused: too many");
            }
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, from_there + 1);
        drop(taken);
        Some(ConnectionPermit { limiter: Arc::clone(self), address, _open: self.counts.opened() })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.limiter.lock();
        taken.all = taken.all.saturating_sub(1);
        match taken.by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.by_address.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_every_place() {
        let connection_limits = ConnectionLimits {
            connections_max: 5,
            per_address_max: 2,
            trusted_proxies: vec!["10.0.0.1/32".parse().unwrap()],
        };
        let limiter = ConnectionLimiter::new(connection_limits, Arc::default());
        let take = |address: &str| limiter.take(address.parse().unwrap());
        let held = [take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap()];
        assert!(take("192.0.2.1").is_none());
        let neighbours = [take("2001:db8::1"), take("2001:db8::2"), take("2001:db8::3")];
        assert_eq!(neighbours.each_ref().map(Option::is_some), [true, true, false], "a /64 is one address");
        drop(neighbours);
        let proxied = [take("10.0.0.1"), take("10.0.0.1"), take("10.0.0.1")];
        assert!(proxied.iter().all(Option::is_some), "a proxy brings many callers");
        assert!(take("192.0.2.9").is_none(), "five in all");
        drop(held);
        assert!(take("192.0.2.1").is_some());
        drop(proxied);
        assert!(limiter.lock().by_address.is_empty() && limiter.lock().all == 0);
        assert_eq!(limiter.counts.open(), 0);
    }
}
