//! The budget of a connection between two yields to the runtime. Only a connection that never waits for its client yields.
//!
//! The runtime runs a task that wakes itself again at once, and while tasks are ready it seldom polls for I/O events:
//! without this budget a few clients that pipeline requests make all others wait three to four times as long.

use std::pin::pin;
use std::task::{Context, Poll};
use tokio::task::yield_now;

/// The bytes, read and written, that a connection may still transfer before it yields.
pub(super) struct FairnessBudget {
    remaining: usize,
}

impl FairnessBudget {
    /// Four small responses.
    const BYTES: usize = 16 * 1024;
    /// Added for each response, since the smallest request costs work too.
    const RESPONSE_BYTES: usize = 4 * 1024;

    /// Restores the whole budget: the connection waits for its client.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.remaining = self.remaining.saturating_sub(bytes);
    }

    pub(super) fn consume_response(&mut self) {
        self.consume(Self::RESPONSE_BYTES);
    }

    /// Returns `Pending` once when the budget is used up, and resets it. The task runs again after the runtime has polled
    /// for I/O events.
    pub(super) fn poll_proceed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.remaining > 0 {
            return Poll::Ready(());
        }
        self.reset();
        // The first poll of `yield_now` yields; a second one is not needed.
        pin!(yield_now()).poll(cx)
    }
}

impl Default for FairnessBudget {
    fn default() -> Self {
        Self { remaining: Self::BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::poll_fn;

    #[tokio::test]
    async fn only_a_connection_that_never_waits_yields() {
        let mut budget = FairnessBudget::default();
        let yields =
            |budget: &mut FairnessBudget| poll_fn(|cx| budget.poll_proceed(cx)).now_or_never().is_none();
        for _ in 0..100 {
            budget.consume(FairnessBudget::BYTES - 1);
            assert!(!yields(&mut budget));
            budget.reset();
        }
        for _ in 0..100 {
            for _ in 0..4 {
                assert!(!yields(&mut budget));
                budget.consume_response();
            }
            assert!(yields(&mut budget), "after four responses");
        }
        budget.consume(usize::MAX);
        assert!(yields(&mut budget), "after a large body");
        assert!(!yields(&mut budget), "once");
    }
}
