//! How much a connection may do before the others go on. Only one that never has to wait for its client gives way.
//!
//! A task that wakes itself is run again at once, and while tasks are ready the runtime seldom asks which sockets have
//! news: without this a few clients that pipeline requests make everyone else wait three to four times as long.

use std::pin::pin;
use std::task::{Context, Poll};
use tokio::task::yield_now;

/// What a connection may still do before it gives way, in bytes in and out.
pub(super) struct FairnessBudget {
    left: usize,
}

impl FairnessBudget {
    /// Four small answers.
    const BYTES: usize = 16 * 1024;
    /// An answer counts as so many bytes more: the smallest request costs work too.
    const ANSWER: usize = 4 * 1024;

    /// A whole budget, for a connection that waits for its client.
    pub(super) fn renew(&mut self) {
        *self = Self::default();
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    pub(super) fn answered(&mut self) {
        self.spend(Self::ANSWER);
    }

    /// Pending once when the budget is spent, which renews it. The task runs again after the sockets were looked at.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.left > 0 {
            return Poll::Ready(());
        }
        self.renew();
        // The first poll gives way, and a second one is not needed.
        pin!(yield_now()).poll(cx)
    }
}

impl Default for FairnessBudget {
    fn default() -> Self {
        Self { left: Self::BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::poll_fn;

    #[tokio::test]
    async fn only_a_connection_that_never_waits_gives_way() {
        let mut budget = FairnessBudget::default();
        let gives_way = |budget: &mut FairnessBudget| poll_fn(|cx| budget.poll(cx)).now_or_never().is_none();
        for _ in 0..100 {
            budget.spend(FairnessBudget::BYTES - 1);
            assert!(!gives_way(&mut budget));
            budget.renew();
        }
        for _ in 0..100 {
            for _ in 0..4 {
                assert!(!gives_way(&mut budget));
                budget.answered();
            }
            assert!(gives_way(&mut budget), "after four answers");
        }
        budget.spend(usize::MAX);
        assert!(gives_way(&mut budget), "after a large body");
        assert!(!gives_way(&mut budget), "once");
    }
}
