//! Time as an argument: nothing in this room reads a clock.

/// Seconds since 1970-01-01T00:00:00Z, as in `TLS.time`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UnixSeconds(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The whole seconds.
    pub fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }
}

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> UnixMillis;

    /// Nanoseconds that only grow, whatever is done to the time of day: for frequencies. They start an hour in, so
    /// that 0 is always past.
    fn ticks_ns(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_whole_or_does_not_count() {
        let seconds = [0, 999, 1000, 1999].map(|millis| UnixMillis(millis).seconds().0);
        assert_eq!(seconds, [0, 0, 1, 1]);
    }
}
