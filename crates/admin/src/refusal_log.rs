//! Log lines of refused admin calls: for each client address one at once, and then at most one a minute, with how many there
//! were. Whoever can reach the port can make as many such calls as it likes, and must not fill a disk with them.

use portraitd_http::network::client_network;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines about one address.
const INTERVAL: Duration = Duration::from_mins(1);
/// The most addresses that have lines of their own at once. Others share one.
const ADDRESSES_MAX: usize = 1000;
/// Stands for the addresses beyond [`ADDRESSES_MAX`].
const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The refusals of each address.
#[derive(Default)]
pub(crate) struct RefusalLog(Mutex<HashMap<IpAddr, Refusals>>);

/// The refusals of one address.
struct Refusals {
    logged: Instant,
    /// Those since.
    count: u64,
}

impl RefusalLog {
    /// Counts a refusal. Returns how many there were since the last line about its address when there is to be another line.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = client_network(address);
        if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&key) {
            addresses.retain(|_, refusals| now.duration_since(refusals.logged) < INTERVAL);
            if addresses.len() >= ADDRESSES_MAX {
                key = OTHERS;
            }
        }
        let Some(refusals) = addresses.get_mut(&key) else {
            addresses.insert(key, Refusals { logged: now, count: 0 });
            return Some(1);
        };
        refusals.count += 1;
        if now.duration_since(refusals.logged) < INTERVAL {
            return None;
        }
        refusals.logged = now;
        Some(std::mem::take(&mut refusals.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn each_address_has_a_line_a_minute_with_how_many_there_were() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        assert_eq!(log.count(one, start), Some(1));
        let seconds = |seconds| start + Duration::from_secs(seconds);
        assert!((0..60).all(|second| log.count(one, seconds(second)).is_none()));
        assert_eq!(log.count(other, seconds(59)), Some(1));
        assert_eq!(log.count(one, seconds(60)), Some(61));
        assert_eq!(log.count(one, seconds(61)), None);
        assert_eq!(log.count(one, seconds(1000)), Some(2));
    }

    #[test]
    fn many_addresses_share_a_line() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let address = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number));
        let lines = (0..5000).filter(|number| log.count(address(*number), start).is_some()).count();
        assert_eq!(lines, ADDRESSES_MAX + 1);
        assert!(log.0.lock().unwrap().len() <= ADDRESSES_MAX + 1);
        let later = start + INTERVAL;
        assert_eq!(log.count(address(9999), later), Some(1), "what is over makes room");
        assert_eq!(log.0.lock().unwrap().len(), 1);
    }
}
