//! Pauses of work on a whole store while others write, so that their commits find the disk and the processor free.

use std::thread;
use std::time::{Duration, Instant};

/// How long the work goes on between two pauses.
pub(crate) const WORK: Duration = Duration::from_millis(6);

/// How many times longer a pause is than the work before it. With 3, sets are 0.75 of what they are without a backup, on two cores.
pub(crate) const PAUSE_FACTOR: u32 = 4;

/// The longest pause, however long the work took.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Called by the work about every millisecond. There is no pause while nothing is committed.
pub struct Pauses<C> {
    /// Returns the number of commits since the start.
    commits: C,
    seen: u64,
    since: Instant,
}

impl<C: Fn() -> u64> Pauses<C> {
    /// The pauses of work that begins now; `commits` returns a number that grows with each commit of others.
    pub fn new(commits: C) -> Self {
        let seen = commits();
        Self { commits, seen, since: Instant::now() }
    }

    /// Sleeps if it is time for a pause and others write.
    pub fn rest(&mut self) {
        if self.is_due() {
            self.take(true);
        }
    }

    /// Whether the work went on for long enough.
    pub(crate) fn is_due(&self) -> bool {
        self.since.elapsed() >= WORK
    }

    /// Sleeps if others write and the work may wait; then counts from the beginning.
    pub(crate) fn take(&mut self, may_wait: bool) {
        let commits = (self.commits)();
        if may_wait {
            thread::sleep(self.length(commits));
        }
        (self.seen, self.since) = (commits, Instant::now());
    }

    fn length(&self, commits: u64) -> Duration {
        if commits == self.seen {
            return Duration::ZERO;
        }
        (self.since.elapsed() * PAUSE_FACTOR).min(PAUSE_MAX)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn it_pauses_while_others_write_and_not_otherwise() {
        let commits = Cell::new(7);
        let mut pauses = Pauses::new(|| commits.get());
        pauses.rest();
        assert!(!pauses.is_due(), "it has not worked yet");
        let rest = |pauses: &mut Pauses<_>| {
            thread::sleep(WORK);
            let started = Instant::now();
            pauses.rest();
            started.elapsed()
        };
        commits.set(8);
        assert!(rest(&mut pauses) >= WORK * PAUSE_FACTOR);
        assert_eq!(pauses.length(8), Duration::ZERO, "nothing was committed since");
        thread::sleep(WORK);
        assert!(pauses.length(9) >= WORK * PAUSE_FACTOR);
        thread::sleep(PAUSE_MAX / PAUSE_FACTOR);
        assert_eq!(pauses.length(9), PAUSE_MAX);
    }
}
