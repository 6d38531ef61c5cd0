//! Turns: a connection that always has something for the server does so much at a time, then the others go on.
//!
//! A connection that is woken by itself stands in the runtime's queue again at once, and while there is something in that
//! queue the runtime seldom looks which sockets have news: so a few floods would keep everybody else waiting. Giving way
//! here means to be run again only after the sockets have been looked at.

use std::pin::pin;
use std::task::{Context, Poll};
use tokio::task::yield_now;

/// What is left of a connection's turn. A connection that has to wait for the other side begins a new one: who asks and
/// then waits for the answer never gives way.
pub(super) struct Turn {
    left: usize,
}

impl Turn {
    /// Bytes in and out in one turn.
    const BYTES: usize = 16 * 1024;
    /// An answer counts as so many bytes more: the smallest request costs work too.
    const ANSWER: usize = 4 * 1024;

    pub(super) fn new() -> Self {
        Self { left: Self::BYTES }
    }

    pub(super) fn renew(&mut self) {
        *self = Self::new();
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    pub(super) fn answered(&mut self) {
        self.spend(Self::ANSWER);
    }

    /// Pending once when the turn is over, after which the next one begins.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.left > 0 {
            return Poll::Ready(());
        }
        self.renew();
        // The first poll gives way, and a second one is not needed.
        pin!(yield_now()).poll(cx)
    }
}
