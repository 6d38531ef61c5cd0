//! Frequency limits (generic cell rate algorithm): one cell for each app and command, and one for each client address with
//! failed UserSigs.

use portraitd_http::network::client_network;
use portraitd_model::{Clock, Command};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

const SECOND_NS: u64 = 1_000_000_000;

/// The state of a limit of calls a second: the theoretical arrival time of the next call, in nanoseconds. As many calls as
/// one second allows may come at once.
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    /// Returns whether a call is within the limit now, and counts it if so. `per_second` 0 = no limit.
    fn admit(&self, per_second: u32, now_ns: u64) -> bool {
        let Some(interval) = SECOND_NS.checked_div(u64::from(per_second)) else { return true };
        let next = |due: u64| {
            let due = due.max(now_ns).saturating_add(interval);
            (due - now_ns <= SECOND_NS).then_some(due)
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Returns whether a call would be within the limit now, without counting it.
    fn would_admit(&self, per_second: u32, now_ns: u64) -> bool {
        let Some(interval) = SECOND_NS.checked_div(u64::from(per_second)) else { return true };
        self.0.load(Ordering::Relaxed).max(now_ns).saturating_add(interval) - now_ns <= SECOND_NS
    }

    /// Whether the cell is the same as a new one.
    fn is_idle(&self, now_ns: u64) -> bool {
        self.0.load(Ordering::Relaxed) <= now_ns
    }
}

/// The cells of one app. Kept when the app's settings change.
#[derive(Debug, Default)]
pub(crate) struct AppCells {
    by_command: [Cell; Command::COUNT],
    total: Cell,
}

/// The limit that a call exceeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exceeded {
    /// The limit of the command.
    Command,
    /// The app's limit of all calls.
    App,
}

impl AppCells {
    /// Counts a call of a command at `now_ns`, or returns the limit that it exceeds. A limit of 0 = no limit.
    pub(crate) fn admit(
        &self,
        command: Command,
        per_second: u32,
        total: u32,
        now_ns: u64,
    ) -> Result<(), Exceeded> {
        match self.by_command.get(command.place()) {
            Some(cell) if !cell.admit(per_second, now_ns) => Err(Exceeded::Command),
            Some(_) | None if !self.total.admit(total, now_ns) => Err(Exceeded::App),
            Some(_) | None => Ok(()),
        }
    }
}

/// Limits failed UserSig checks by client address (70050).
#[derive(Debug)]
pub(crate) struct FailureLimit {
    per_second: u32,
    cells: Mutex<HashMap<IpAddr, Cell>>,
    /// The size of the map, so that a server without failures takes no lock.
    len: AtomicUsize,
}

impl FailureLimit {
    /// The most addresses counted at once.
    const ADDRESSES_MAX: usize = 10_000;

    /// Allows this many failures a second from one address; 0 = no limit.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, cells: Mutex::default(), len: AtomicUsize::new(0) }
    }

    /// Returns whether an address is within its limit.
    pub(crate) fn allows(&self, address: IpAddr, clock: &dyn Clock) -> bool {
        if self.len.load(Ordering::Relaxed) == 0 {
            return true;
        }
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells
            .get(&client_network(address))
            .is_none_or(|cell| cell.would_admit(self.per_second, clock.ticks_ns()))
    }

    /// Counts a failure.
    pub(crate) fn record(&self, address: IpAddr, clock: &dyn Clock) {
        if self.per_second == 0 {
            return;
        }
        let now_ns = clock.ticks_ns();
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= Self::ADDRESSES_MAX {
            cells.retain(|_, cell| !cell.is_idle(now_ns));
        }
        // When 10,000 addresses have failed within a second, new addresses are not counted: the map must stay bounded, and
        // the limit still holds for every address in it.
        if cells.len() < Self::ADDRESSES_MAX || cells.contains_key(&client_network(address)) {
            cells.entry(client_network(address)).or_default().admit(self.per_second, now_ns);
        }
        self.len.store(cells.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_second_of_calls_may_come_at_once_and_then_they_are_spread() {
        let cell = Cell::default();
        let start = 5 * SECOND_NS;
        let admitted = |now_ns: u64, calls: usize| (0..calls).filter(|_| cell.admit(200, now_ns)).count();
        assert_eq!(admitted(start, 300), 200);
        assert_eq!(admitted(start + SECOND_NS / 2, 300), 100);
        assert_eq!(admitted(start + 10 * SECOND_NS, 300), 200);
        assert!((0..1000).all(|_| cell.admit(0, start)), "0 = no limit");
    }

    proptest! {
        /// Over any time no more calls pass than the rate and a burst of one second allow, and at least one passes.
        #[test]
        fn no_timing_of_calls_exceeds_the_limit(rate in 1_u32..1000, gaps in prop::collection::vec(0_u64..20_000_000, 1..500)) {
            let cell = Cell::default();
            let start = 5 * SECOND_NS;
            let (mut now, mut passed) = (start, 0_u64);
            for gap in gaps {
                now += gap;
                passed += u64::from(cell.admit(rate, now));
            }
            let allowed = u128::from(rate) * u128::from(now - start + SECOND_NS) / u128::from(SECOND_NS);
            prop_assert!(passed >= 1 && u128::from(passed) <= allowed + 1, "{passed} of {allowed}");
        }
    }

    #[test]
    fn failures_are_counted_by_address() {
        let (limit, clock) = (FailureLimit::new(3), crate::clock::SystemClock);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        assert!(limit.allows(one, &clock));
        (0..3).for_each(|_| limit.record(one, &clock));
        assert!(!limit.allows(one, &clock));
        assert!(limit.allows(other, &clock));
        let [host, neighbour] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        (0..3).for_each(|_| limit.record(host, &clock));
        assert!(!limit.allows(neighbour, &clock));
    }
}
