//! Whether an app's receiver is up. One that keeps failing is asked by one event at a time, now and then, instead of
//! by every event that comes; the first success lets all of them go on at once.

use portraitd_model::UnixMillis;

/// So many failures in a row, of whatever events, mean that the receiver is down.
const DOWN_AFTER: u32 = 10;
/// The first wait before the receiver is asked again, and the longest.
const ASK_AFTER_MS: (u64, u64) = (1_000, 60_000);

/// A receiver's health.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct CircuitBreaker {
    failures: u32,
    closed: Option<Closed>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Closed {
    since: UnixMillis,
    wait_ms: u64,
    ask_at: UnixMillis,
}

impl CircuitBreaker {
    /// Says whether the receiver was down until now.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::take(self).closed.is_some()
    }

    pub(super) fn failed(&mut self, now: UnixMillis) {
        self.failures = self.failures.saturating_add(1);
        let (first, longest) = ASK_AFTER_MS;
        self.closed = match self.closed {
            // Attempts that were on their way when it closed tell nothing new.
            Some(closed) if self.ask_at(now) > Some(now) => Some(closed),
            Some(Closed { since, wait_ms, .. }) => {
                let wait_ms = (wait_ms * 2).min(longest);
                Some(Closed { since, wait_ms, ask_at: UnixMillis(now.0 + wait_ms) })
            }
            None if self.failures >= DOWN_AFTER => {
                Some(Closed { since: now, wait_ms: first, ask_at: UnixMillis(now.0 + first) })
            }
            None => None,
        };
    }

    /// When the receiver may be asked; `None` when it is up. A moment further off than any wait was set by a clock
    /// that has been set back since.
    pub(super) fn ask_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        let closed = self.closed?;
        Some(if closed.ask_at.0 > now.0 + closed.wait_ms { now } else { closed.ask_at })
    }

    /// For how long the receiver has been down.
    pub(super) fn down_ms(&self, now: UnixMillis) -> Option<u64> {
        self.closed.map(|closed| now.0.saturating_sub(closed.since.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_row_close_it_and_one_success_opens_it() {
        let mut gate = CircuitBreaker::default();
        let now = UnixMillis(1_000_000);
        for _ in 0..9 {
            gate.failed(now);
        }
        assert!(!gate.succeeded(), "never closed");
        for _ in 0..9 {
            gate.failed(now);
        }
        assert_eq!(gate.ask_at(now), None);
        gate.failed(now);
        assert_eq!(gate.ask_at(now), Some(UnixMillis(now.0 + 1_000)));
        let closed = gate;
        gate.failed(now);
        assert_eq!(gate, CircuitBreaker { failures: 11, ..closed }, "one that was on its way");
        assert_eq!(gate.down_ms(UnixMillis(now.0 + 7)), Some(7));
        let mut now = UnixMillis(now.0 + 1_000);
        for expected in [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            gate.failed(now);
            assert_eq!(gate.ask_at(now), Some(UnixMillis(now.0 + expected)));
            now.0 += expected;
        }
        let day_before = UnixMillis(now.0 - 900_000);
        assert_eq!(gate.ask_at(day_before), Some(day_before), "the clock went back");
        assert!(gate.succeeded());
        assert_eq!((gate.ask_at(now), gate.down_ms(now)), (None, None));
    }
}
