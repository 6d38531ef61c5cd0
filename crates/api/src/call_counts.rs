//! What each app uses: calls by command and outcome, counted since the server started. The admin API shows them for each
//! app, the metrics are made of them. A call costs two relaxed additions and no lock.

use portraitd_model::{Command, ERROR_CODES, ErrorCode, UnixMillis};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where calls are counted whose path names no command.
pub const NO_COMMAND: &str = "unknown";

/// The outcomes: OK, then every error code.
const OUTCOMES: usize = ERROR_CODES.len() + 1;

/// The calls of one app, or of nobody's. It lives on when the app's settings change.
#[derive(Debug)]
pub struct Usage {
    /// One row of outcomes for each command, and one for calls without.
    calls: Box<[AtomicU64]>,
    last_call_ms: AtomicU64,
}

/// How many calls had one outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calls {
    /// The command's name, or [`NO_COMMAND`].
    pub command: &'static str,
    /// The protocol's number; 0 = OK.
    pub code: u32,
    /// How many there were since the server started.
    pub count: u64,
}

impl Default for Usage {
    fn default() -> Self {
        let calls = (0..(Command::COUNT + 1) * OUTCOMES).map(|_| AtomicU64::new(0)).collect();
        Self { calls, last_call_ms: AtomicU64::new(0) }
    }
}

impl Usage {
    /// Counts a call; `None` = its path named no command.
    pub(crate) fn record(&self, command: Option<Command>, failure: Option<ErrorCode>, at: UnixMillis) {
        let row = command.map_or(Command::COUNT, Command::place);
        let outcome = failure.map_or(0, |code| code.place() + 1);
        if let Some(calls) = self.calls.get(row * OUTCOMES + outcome) {
            calls.fetch_add(1, Ordering::Relaxed);
        }
        self.last_call_ms.fetch_max(at.0, Ordering::Relaxed);
    }

    /// What was counted; what never happened is absent.
    pub fn calls(&self) -> impl Iterator<Item = Calls> {
        let commands = Command::all().map(Command::name).chain([NO_COMMAND]);
        let codes = || [0].into_iter().chain(ERROR_CODES.iter().map(|row| row.number));
        let labels = commands.flat_map(move |command| codes().map(move |code| (command, code)));
        let counts = self.calls.iter().map(|calls| calls.load(Ordering::Relaxed));
        let calls = labels.zip(counts).map(|((command, code), count)| Calls { command, code, count });
        calls.filter(|calls| calls.count > 0)
    }

    /// When the last call came; `None` before the first.
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
        assert_eq!(usage.calls().count(), (Command::COUNT + 1) * OUTCOMES);
        assert!(usage.calls().all(|calls| calls.count == 1));
        usage.record(Some(Command::PortraitGet), Some(ErrorCode::BadParameter), UnixMillis(6));
        let twice: Vec<_> = usage.calls().filter(|calls| calls.count == 2).collect();
        let expected = Calls { command: "portrait_get", code: ErrorCode::BadParameter.number(), count: 2 };
        assert_eq!((twice, usage.last_call()), (vec![expected], Some(UnixMillis(7))));
    }
}
