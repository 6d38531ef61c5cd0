//! The budget of a connection between two yields to the runtime. Only a connection that never waits for its client yields.
//!
//! The runtime runs a task that wakes itself again at once, and while tasks are ready it seldom polls for I/O events:
//! without this budget a few clients that pipeline requests make all others wait a hundred times as long.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::task::yield_now;

/// The bytes, read and written, that a connection may still transfer before it yields. Shared by the stream, which uses it up, and the
/// connection, which yields. hyper is between them: after a body it polls the stream again at once, whatever that returned.
pub(super) struct FairnessBudget {
    remaining: AtomicUsize,
}

impl FairnessBudget {
    /// The whole budget.
    const BYTES: usize = 16 * 1024;

    /// Restores the whole budget: the connection waits for its client.
    pub(super) fn reset(&self) {
        self.remaining.store(Self::BYTES, Ordering::Relaxed);
    }

    /// One task at a time uses it.
    pub(super) fn consume(&self, bytes: usize) {
        self.remaining.store(self.remaining().saturating_sub(bytes), Ordering::Relaxed);
    }

    /// The smallest request costs the work of many bytes: a connection yields once the next one is there as well. What is left is enough
    /// to find out.
    pub(super) fn consume_response(&self) {
        self.remaining.store(self.remaining().min(1), Ordering::Relaxed);
    }

    /// For the stream: returns `Pending` until the connection has yielded, if the budget is used up. The connection is polled again.
    pub(super) fn poll_proceed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.remaining() > 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// For the connection, before all else that it does when it is polled: returns `Pending` once when the budget is used up, and resets
    /// it. The task runs again after the runtime has polled for I/O events.
    pub(super) fn poll_yield(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.remaining() > 0 {
            return Poll::Ready(());
        }
        self.reset();
        // The first poll of `yield_now` yields; a second one is not needed.
        pin!(yield_now()).poll(cx)
    }

    fn remaining(&self) -> usize {
        self.remaining.load(Ordering::Relaxed)
    }
}

impl Default for FairnessBudget {
    fn default() -> Self {
        Self { remaining: Self::BYTES.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::poll_fn;

    #[tokio::test]
    async fn only_a_connection_that_never_waits_yields() {
        let budget = FairnessBudget::default();
        let yields = || poll_fn(|cx| budget.poll_yield(cx)).now_or_never().is_none();
        for _ in 0..100 {
            budget.consume(FairnessBudget::BYTES - 1);
            assert!(!yields());
            budget.reset();
        }
        for _ in 0..100 {
            budget.consume_response();
            assert!(!yields(), "nothing more is there");
            budget.consume(1);
            assert!(yields(), "after a response");
            assert!(!yields(), "once");
        }
        budget.consume(usize::MAX);
        assert!(yields(), "after a large body");
    }

    /// However often the stream is polled meanwhile.
    #[tokio::test]
    async fn a_stream_stands_still_until_its_connection_has_yielded() {
        let budget = FairnessBudget::default();
        let proceeds = || poll_fn(|cx| budget.poll_proceed(cx)).now_or_never().is_some();
        assert!(proceeds());
        budget.consume(usize::MAX);
        assert!(!proceeds() && !proceeds());
        assert!(poll_fn(|cx| budget.poll_yield(cx)).now_or_never().is_none());
        assert!(proceeds());
    }
}
