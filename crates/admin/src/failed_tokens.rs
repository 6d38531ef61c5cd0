//! Limits wrong tokens by client address. A token can't be guessed, but a program that tries them, or one whose token was
//! revoked, must not occupy the server. Only a secret that is sent counts: a page that asks whether it has to sign in sends none.

use portraitd_http::network::client_network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most wrong tokens of one address in [`PERIOD`].
pub(crate) const FAILURES_MAX: u32 = 10;
/// How long failures are counted together, from the first one.
const PERIOD: Duration = Duration::from_mins(1);
/// The most addresses counted at once.
const ADDRESSES_MAX: usize = 10_000;

/// The wrong tokens of each address.
#[derive(Default)]
pub(crate) struct FailedTokens(Mutex<HashMap<IpAddr, Failures>>);

/// The wrong tokens of one address.
struct Failures {
    first: Instant,
    count: u32,
}

impl Failures {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.first) >= PERIOD
    }
}

impl FailedTokens {
    /// Returns how long no token of this address is looked at; `None` = it is within its limit. The right token is refused
    /// as well: if it were not, every guess would be tried, and the limit would limit nothing.
    pub(crate) fn refused_for(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let addresses = self.lock();
        let failures = addresses.get(&client_network(address))?;
        let is_refused = failures.count >= FAILURES_MAX && !failures.is_over(now);
        is_refused.then(|| PERIOD.saturating_sub(now.duration_since(failures.first)))
    }

    /// Counts a wrong token.
    pub(crate) fn record(&self, address: IpAddr, now: Instant) {
        let mut addresses = self.lock();
        if addresses.len() >= ADDRESSES_MAX {
            addresses.retain(|_, failures| !failures.is_over(now));
        }
        let address = client_network(address);
        // Beyond this many addresses in a minute, new ones are not counted: the map must stay bounded, and the limit still
        // holds for every address in it.
        if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&address) {
            return;
        }
        let failures = addresses.entry(address).or_insert(Failures { first: now, count: 0 });
        if failures.is_over(now) {
            *failures = Failures { first: now, count: 0 };
        }
        failures.count += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn ten_wrong_tokens_in_a_minute_and_then_none_until_it_is_over() {
        let (limit, start) = (FailedTokens::default(), Instant::now());
        let [one, other, host, neighbour] =
            ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert_eq!(limit.refused_for(one, start), None);
            limit.record(one, start);
            limit.record(host, start);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(limit.refused_for(one, later), Some(Duration::from_secs(40)));
        assert_eq!(limit.refused_for(neighbour, later), Some(Duration::from_secs(40)), "one network");
        assert_eq!(limit.refused_for(other, later), None);
        assert_eq!(limit.refused_for(one, start + PERIOD), None);
        limit.record(one, start + PERIOD);
        assert_eq!(limit.refused_for(one, start + PERIOD), None, "a new minute");
    }

    #[test]
    fn the_map_is_bounded_and_holds_those_that_are_in_it() {
        let (limit, now) = (FailedTokens::default(), Instant::now());
        let address = |number: usize| IpAddr::from(Ipv4Addr::from_bits(u32::try_from(number).unwrap()));
        for number in 0..ADDRESSES_MAX * 2 {
            limit.record(address(number), now);
            assert!(limit.lock().len() <= ADDRESSES_MAX);
        }
        (1..FAILURES_MAX).for_each(|_| limit.record(address(0), now));
        assert!(limit.refused_for(address(0), now).is_some());
        limit.record(address(ADDRESSES_MAX), now + PERIOD);
        assert_eq!(limit.lock().len(), 1, "what is over makes room");
    }
}
