//! Points in time, and the clock as a trait: nothing in this crate reads the system's clock.

/// Seconds since 1970-01-01T00:00:00Z, as in `TLS.time`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UnixSeconds(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The same time in whole seconds, rounded down.
    pub fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }
}

/// A source of time.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> UnixMillis;

    /// Monotonic nanoseconds, for frequencies: setting the time of day does not change them. They start at one hour, so
    /// that 0 is always in the past.
    fn ticks_ns(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_down() {
        let seconds = [0, 999, 1000, 1999].map(|millis| UnixMillis(millis).seconds().0);
        assert_eq!(seconds, [0, 0, 1, 1]);
    }
}
