//! The clock of this machine, for places and for the comparison with the database's. Not the server's clock, which an emulator
//! sets: what several processes share must not depend on one of them.

use crate::connection::Connection;
use crate::fault::Fault;
use crate::statements;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Our clock may differ from the database's by this much.
pub(crate) const CLOCK_MAX: Duration = Duration::from_secs(2);

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "see above")]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// By how many milliseconds our clock is ahead of the database's.
pub(crate) async fn clock_ahead_ms(connection: &mut Connection) -> Result<i64, Fault> {
    let before = now_ms();
    let time: Option<(i64,)> = connection.one(statements::TIME, &[]).await?;
    let middle = i64::try_from(before.midpoint(now_ms())).unwrap_or(i64::MAX);
    Ok(time.map_or(0, |(time,)| middle - time))
}
