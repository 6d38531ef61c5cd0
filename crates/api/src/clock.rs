//! The system clock. Architecture invariant: no other product code reads it.

use portraitd_model::{Clock, UnixMillis};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The system's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> UnixMillis {
        // A clock set before 1970 reads as 1970; u64 milliseconds last for 584 million years.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }

    fn ticks_ns(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let since_start = START.get_or_init(Instant::now).elapsed() + Duration::from_hours(1);
        u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX)
    }
}
