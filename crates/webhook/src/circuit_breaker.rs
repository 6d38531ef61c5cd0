//! The circuit breaker of an app's receiver. Open, it lets one event at a time through as a probe; the first success closes
//! it and releases all events at once.

use portraitd_model::UnixMillis;

/// The failures in a row, of any events, that open the circuit: the receiver is down.
const FAILURES_MAX: u32 = 10;
/// The first wait before a probe, and the longest, in milliseconds.
const PROBE_WAIT_MS: (u64, u64) = (1_000, 60_000);

/// Closed while the receiver is up, open while it is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct CircuitBreaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Open {
    since: UnixMillis,
    wait_ms: u64,
    probe_at: UnixMillis,
}

impl CircuitBreaker {
    /// Closes the circuit. Returns whether it was open.
    pub(super) fn record_success(&mut self) -> bool {
        std::mem::take(self).open.is_some()
    }

    /// Counts a failed attempt, and opens the circuit or doubles the wait before the next probe.
    pub(super) fn record_failure(&mut self, now: UnixMillis) {
        self.failures = self.failures.saturating_add(1);
        let (first, longest) = PROBE_WAIT_MS;
        self.open = match self.open {
            // Attempts that were in flight when the circuit opened say nothing new.
            Some(open) if self.probe_at(now) > Some(now) => Some(open),
            Some(Open { since, wait_ms, .. }) => {
                let wait_ms = (wait_ms * 2).min(longest);
                Some(Open { since, wait_ms, probe_at: UnixMillis(now.0 + wait_ms) })
            }
            None if self.failures >= FAILURES_MAX => {
                Some(Open { since: now, wait_ms: first, probe_at: UnixMillis(now.0 + first) })
            }
            None => None,
        };
    }

    /// Returns when the next probe is due; `None` when the circuit is closed. A time further off than the wait was set
    /// before the clock was set back, and is now.
    pub(super) fn probe_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        let open = self.open?;
        Some(if open.probe_at.0 > now.0 + open.wait_ms { now } else { open.probe_at })
    }

    /// Returns for how many milliseconds the circuit has been open; `None` when it is closed.
    pub(super) fn down_ms(&self, now: UnixMillis) -> Option<u64> {
        self.open.map(|open| now.0.saturating_sub(open.since.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_row_open_it_and_one_success_closes_it() {
        let mut breaker = CircuitBreaker::default();
        let now = UnixMillis(1_000_000);
        for _ in 0..9 {
            breaker.record_failure(now);
        }
        assert!(!breaker.record_success(), "never opened");
        for _ in 0..9 {
            breaker.record_failure(now);
        }
        assert_eq!(breaker.probe_at(now), None);
        breaker.record_failure(now);
        assert_eq!(breaker.probe_at(now), Some(UnixMillis(now.0 + 1_000)));
        let before = breaker;
        breaker.record_failure(now);
        assert_eq!(breaker, CircuitBreaker { failures: 11, ..before }, "an attempt that was in flight");
        assert_eq!(breaker.down_ms(UnixMillis(now.0 + 7)), Some(7));
        let mut now = UnixMillis(now.0 + 1_000);
        for expected in [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            breaker.record_failure(now);
            assert_eq!(breaker.probe_at(now), Some(UnixMillis(now.0 + expected)));
            now.0 += expected;
        }
        let day_before = UnixMillis(now.0 - 900_000);
        assert_eq!(breaker.probe_at(day_before), Some(day_before), "the clock went back");
        assert!(breaker.record_success());
        assert_eq!((breaker.probe_at(now), breaker.down_ms(now)), (None, None));
    }
}
