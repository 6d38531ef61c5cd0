//! The emulator's clock. It shows the machine's time until it is set, advanced or frozen; its ticks never go back.

use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, UnixMillis};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MS_NS: u64 = 1_000_000;

/// The most that a step ahead adds to the ticks. No frequency limit looks back further than a second, and ticks that reached
/// their end would never pass again: 2^64 ns are 584 years.
const STEP_NS_MAX: u64 = 60_000 * MS_NS;

/// A clock that tests can set. UserSigs, kicks, frequency limits and webhooks use it; network timeouts and the delays of
/// faults use the machine's clock.
#[derive(Debug, Default)]
pub struct EmulatorClock {
    machine: SystemClock,
    state: Mutex<ClockState>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ClockState {
    /// The time of day at `since_ns`; `None` = the machine's.
    set_to: Option<UnixMillis>,
    /// The clock's ticks at `since_ns`.
    ticks_ns: u64,
    /// The machine's ticks when this state was last changed.
    since_ns: u64,
    frozen: bool,
}

/// The time on a clock, and how it was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClockReading {
    pub(crate) now: UnixMillis,
    pub(crate) machine: UnixMillis,
    pub(crate) moved: bool,
    pub(crate) frozen: bool,
}

impl ClockState {
    /// Returns the nanoseconds that have passed on this clock since the last change.
    fn passed_ns(&self, machine_ns: u64) -> u64 {
        if self.frozen { 0 } else { machine_ns.saturating_sub(self.since_ns) }
    }

    /// Adds a step ahead to the ticks.
    fn step(&mut self, ms: u64) {
        self.ticks_ns = self.ticks_ns.saturating_add(ms.saturating_mul(MS_NS).min(STEP_NS_MAX));
    }
}

impl EmulatorClock {
    /// The end of the year 9999, in milliseconds.
    pub(crate) const LAST: UnixMillis = UnixMillis(253_402_300_799_999);

    fn lock(&self) -> MutexGuard<'_, ClockState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time_of_day(&self, state: &ClockState) -> UnixMillis {
        match state.set_to {
            None => self.machine.now(),
            Some(UnixMillis(then)) => {
                let passed_ms = state.passed_ns(self.machine.ticks_ns()) / MS_NS;
                UnixMillis(then.saturating_add(passed_ms))
            }
        }
    }

    /// Changes the state after adding the time that has passed to it.
    fn change(&self, change: impl FnOnce(&mut ClockState, UnixMillis)) {
        let mut state = self.lock();
        let (now, machine_ns) = (self.time_of_day(&state), self.machine.ticks_ns());
        state.ticks_ns = state.ticks_ns.saturating_add(state.passed_ns(machine_ns));
        state.since_ns = machine_ns;
        state.set_to = state.set_to.map(|_| now);
        change(&mut state, now);
    }

    /// Sets the time of day. A time ahead also advances the ticks; a time in the past leaves them as they are.
    pub(crate) fn set(&self, to: UnixMillis) {
        let to = to.min(Self::LAST);
        self.change(|state, now| {
            let forward_ms = to.0.saturating_sub(now.0);
            state.step(forward_ms);
            state.set_to = Some(to);
        });
    }

    /// Advances the time of day and the ticks.
    pub(crate) fn advance(&self, ms: u64) {
        self.change(|state, now| {
            state.step(ms);
            state.set_to = Some(UnixMillis(now.0.saturating_add(ms)).min(Self::LAST));
        });
    }

    /// Stops the clock, or lets it run on from the time it shows.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.change(|state, now| {
            if frozen {
                state.set_to = Some(now);
            }
            state.frozen = frozen;
        });
    }

    /// Returns to the machine's time.
    pub(crate) fn release(&self) {
        self.set(self.machine.now());
        self.change(|state, _| {
            state.set_to = None;
            state.frozen = false;
        });
    }

    /// Returns the time that it shows.
    pub(crate) fn reading(&self) -> ClockReading {
        let state = *self.lock();
        ClockReading {
            now: self.time_of_day(&state),
            machine: self.machine.now(),
            moved: state.set_to.is_some(),
            frozen: state.frozen,
        }
    }
}

impl Clock for EmulatorClock {
    fn now(&self) -> UnixMillis {
        let state = *self.lock();
        self.time_of_day(&state)
    }

    fn ticks_ns(&self) -> u64 {
        let state = *self.lock();
        state.ticks_ns.saturating_add(state.passed_ns(self.machine.ticks_ns()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frozen_clock_stops_and_an_advanced_one_runs_on() {
        let clock = EmulatorClock::default();
        assert!(!clock.reading().moved);
        clock.freeze(true);
        let (day, ticks) = (clock.now(), clock.ticks_ns());
        assert_eq!((clock.now(), clock.ticks_ns()), (day, ticks));
        clock.advance(5_000);
        assert_eq!((clock.now().0, clock.ticks_ns()), (day.0 + 5_000, ticks + 5_000_000_000));
        clock.set(UnixMillis(1_000));
        assert_eq!((clock.now().0, clock.ticks_ns()), (1_000, ticks + 5_000_000_000), "ticks only grow");
        clock.freeze(false);
        assert!(clock.now().0 >= 1_000 && clock.now().0 < 1_000_000);
        clock.set(UnixMillis(u64::MAX));
        assert_eq!(clock.now().0 / 1_000, EmulatorClock::LAST.0 / 1_000);
        clock.release();
        assert!(clock.now().0.abs_diff(SystemClock.now().0) < 60_000);
        assert!(!clock.reading().moved && !clock.reading().frozen);
    }

    #[test]
    fn a_step_of_centuries_leaves_the_ticks_running() {
        let clock = EmulatorClock::default();
        for years in [600, 7_000, 7_000] {
            clock.release();
            clock.freeze(true);
            let before = clock.ticks_ns();
            clock.advance(years * 366 * 86_400_000);
            let after = clock.ticks_ns();
            assert!(after - before >= 1_000_000_000 && after < u64::MAX / 2, "{before} {after}");
        }
    }

    proptest! {
        #[test]
        fn ticks_never_go_back(steps in prop::collection::vec((0_u8..5, any::<u64>()), 0..40)) {
            let clock = EmulatorClock::default();
            let mut before = clock.ticks_ns();
            for (step, number) in steps {
                match step {
                    0 => clock.set(UnixMillis(number)),
                    1 => clock.advance(number),
                    2 => clock.freeze(number % 2 == 0),
                    3 => clock.release(),
                    _ => {}
                }
                let ticks = clock.ticks_ns();
                prop_assert!(ticks >= before);
                before = ticks;
            }
        }
    }
}
