//! The machine's clock: the one place that reads it.

use portrait_model::{Clock, UnixMillis};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's time of day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> UnixMillis {
        // A clock set before 1970 reads as 1970; u64 milliseconds last for 584 million years.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }
}
