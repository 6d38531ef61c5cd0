//! The usage counters of each app: calls by command and error code since the server started, for the admin API and the
//! metrics. Counting a call takes two relaxed atomic operations and no lock.

use portraitd_model::{Command, ERROR_CODES, ErrorCode, UnixMillis};
use std::sync::atomic::{AtomicU64, Ordering};

/// The label of calls whose path names no command.
pub const NO_COMMAND: &str = "unknown";

/// The codes of a call: OK, then every error code.
const CODES: usize = ERROR_CODES.len() + 1;

/// The calls of one app, or those without an app. Kept when the app's settings change.
#[derive(Debug)]
pub struct Usage {
    /// One row of codes for each command, and one for calls without a command.
    calls: Box<[AtomicU64]>,
    last_call_ms: AtomicU64,
}

/// The number of calls of one command with one code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallCount {
    /// The command's name, or [`NO_COMMAND`].
    pub command: &'static str,
    /// The protocol's code; 0 = OK.
    pub code: u32,
    /// The number of calls since the server started.
    pub count: u64,
}

impl Default for Usage {
    fn default() -> Self {
        let calls = (0..(Command::COUNT + 1) * CODES).map(|_| AtomicU64::new(0)).collect();
        Self { calls, last_call_ms: AtomicU64::new(0) }
    }
}

impl Usage {
    /// Counts a call; `None` = its path named no command.
    pub(crate) fn record(&self, command: Option<Command>, failure: Option<ErrorCode>, at: UnixMillis) {
        let row = command.map_or(Command::COUNT, Command::place);
        let code = failure.map_or(0, |code| code.place() + 1);
        if let Some(calls) = self.calls.get(row * CODES + code) {
            calls.fetch_add(1, Ordering::Relaxed);
        }
        self.last_call_ms.fetch_max(at.0, Ordering::Relaxed);
    }

    /// Returns the counters that are not zero.
    pub fn calls(&self) -> impl Iterator<Item = CallCount> {
        let commands = Command::all().map(Command::name).chain([NO_COMMAND]);
        let codes = || [0].into_iter().chain(ERROR_CODES.iter().map(|row| row.number));
        let labels = commands.flat_map(move |command| codes().map(move |code| (command, code)));
        let counts = self.calls.iter().map(|calls| calls.load(Ordering::Relaxed));
        let calls = labels.zip(counts).map(|((command, code), count)| CallCount { command, code, count });
        calls.filter(|calls| calls.count > 0)
    }

    /// Returns when the last call came; `None` before the first.
    pub fn last_call(&self) -> Option<UnixMillis> {
        Some(self.last_call_ms.load(Ordering::Relaxed)).filter(|at| *at > 0).map(UnixMillis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_counted_under_its_command_and_code() {
        let usage = Usage::default();
        assert_eq!((usage.calls().count(), usage.last_call()), (0, None));
        for command in Command::all().map(Some).chain([None]) {
            usage.record(command, None, UnixMillis(7));
            for row in ERROR_CODES {
                usage.record(command, Some(row.code), UnixMillis(5));
            }
        }
        assert_eq!(usage.calls().count(), (Command::COUNT + 1) * CODES);
        assert!(usage.calls().all(|calls| calls.count == 1));
        usage.record(Some(Command::PortraitGet), Some(ErrorCode::BadParameter), UnixMillis(6));
        let twice: Vec<_> = usage.calls().filter(|calls| calls.count == 2).collect();
        let expected =
            CallCount { command: "portrait_get", code: ErrorCode::BadParameter.number(), count: 2 };
        assert_eq!((twice, usage.last_call()), (vec![expected], Some(UnixMillis(7))));
    }
}
