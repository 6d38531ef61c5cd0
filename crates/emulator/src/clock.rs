//! The emulator's clock: the machine's until it is set, advanced or frozen.

use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, UnixMillis};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MS_NS: u64 = 1_000_000;

/// A clock that tests can move. UserSigs, kicks, frequency limits and webhooks go by it; timeouts on the network and
/// the delays of faults do not.
#[derive(Debug, Default)]
pub struct EmulatorClock {
    machine: SystemClock,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// The time of day at `since_ns`; `None` = the machine's.
    moved: Option<UnixMillis>,
    /// The ticks at `since_ns`.
    ticks_ns: u64,
    /// The machine's ticks when this was last written.
    since_ns: u64,
    frozen: bool,
}

/// What a clock shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shown {
    pub(crate) now: UnixMillis,
    pub(crate) machine: UnixMillis,
    pub(crate) moved: bool,
    pub(crate) frozen: bool,
}

impl State {
    /// Nanoseconds that have passed on this clock.
    fn passed_ns(&self, machine_ns: u64) -> u64 {
        if self.frozen { 0 } else { machine_ns.saturating_sub(self.since_ns) }
    }
}

impl EmulatorClock {
    /// The end of the year 9999, in milliseconds.
    pub(crate) const LAST: UnixMillis = UnixMillis(253_402_300_799_999);

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn day(&self, state: &State) -> UnixMillis {
        match state.moved {
            None => self.machine.now(),
            Some(UnixMillis(then)) => {
                let passed_ms = state.passed_ns(self.machine.ticks_ns()) / MS_NS;
                UnixMillis(then.saturating_add(passed_ms))
            }
        }
    }

    /// Changes the state as of now: what has passed is added up first.
    fn change(&self, change: impl FnOnce(&mut State, UnixMillis)) {
        let mut state = self.lock();
        let (now, machine_ns) = (self.day(&state), self.machine.ticks_ns());
        state.ticks_ns = state.ticks_ns.saturating_add(state.passed_ns(machine_ns));
        state.since_ns = machine_ns;
        state.moved = state.moved.map(|_| now);
        change(&mut state, now);
    }

    /// Sets the time of day; forward also lets the ticks pass, backward never takes them back.
    pub(crate) fn set(&self, to: UnixMillis) {
        let to = to.min(Self::LAST);
        self.change(|state, now| {
            let forward_ms = to.0.saturating_sub(now.0);
            state.ticks_ns = state.ticks_ns.saturating_add(forward_ms.saturating_mul(MS_NS));
            state.moved = Some(to);
        });
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, ms: u64) {
        self.change(|state, now| {
            state.ticks_ns = state.ticks_ns.saturating_add(ms.saturating_mul(MS_NS));
            state.moved = Some(UnixMillis(now.0.saturating_add(ms)).min(Self::LAST));
        });
    }

    /// Stops the clock, or lets it go on from where it stands.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.change(|state, now| {
            if frozen {
                state.moved = Some(now);
            }
            state.frozen = frozen;
        });
    }

    /// Goes by the machine's time again.
    pub(crate) fn release(&self) {
        self.set(self.machine.now());
        self.change(|state, _| {
            state.moved = None;
            state.frozen = false;
        });
    }

    /// What it shows.
    pub(crate) fn shown(&self) -> Shown {
        let state = *self.lock();
        Shown {
            now: self.day(&state),
            machine: self.machine.now(),
            moved: state.moved.is_some(),
            frozen: state.frozen,
        }
    }
}

impl Clock for EmulatorClock {
    fn now(&self) -> UnixMillis {
        let state = *self.lock();
        self.day(&state)
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
    fn a_frozen_clock_stands_and_an_advanced_one_goes_on_from_there() {
        let clock = EmulatorClock::default();
        assert!(!clock.shown().moved);
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
        assert!(!clock.shown().moved && !clock.shown().frozen);
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
