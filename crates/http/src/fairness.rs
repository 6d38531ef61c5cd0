//! Turns: a connection that always has something for the server does so much at a time, then the others go on.
//!
//! A connection that is woken by itself stands in the runtime's queue again at once, and while there is something in that
//! queue the runtime seldom looks which sockets have news: so a few floods would keep everybody else waiting. Giving way
//! here means to be run again only after the sockets have been looked at.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// A connection's turn. One that has to wait for the other side begins a new one: who asks and then waits for the answer
/// never gives way, and never looks at the clock.
pub(super) struct Turn {
    /// Bytes, in and out, until the next look at the clock.
    left: usize,
    /// When the clock was first looked at in this turn.
    began: Option<Instant>,
    /// It gave way, so whoever is at the other side is busy: its next turn is timed from its beginning.
    gave_way: bool,
}

impl Turn {
    /// The time from the first look at the clock.
    const TIME: Duration = Duration::from_micros(20);
    /// An answer counts as so many bytes more: the smallest request costs work too.
    const ANSWER: usize = 4 * 1024;

    /// Between two looks at the clock: two answers.
    const SHARE: usize = 2 * Self::ANSWER;

    pub(super) fn renew(&mut self) {
        *self = Self::default();
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    pub(super) fn answered(&mut self) {
        self.spend(Self::ANSWER);
    }

    /// Pending once when the turn is over, after which the next one begins.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.gave_way) {
            self.began = Some(Instant::now());
        }
        if self.left > 0 {
            return Poll::Ready(());
        }
        self.left = Self::SHARE;
        let began = *self.began.get_or_insert_with(Instant::now);
        if began.elapsed() < Self::TIME {
            return Poll::Ready(());
        }
        self.gave_way = true;
        // The first poll gives way, and a second one is not needed.
        pin!(yield_now()).poll(cx)
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self { left: Self::SHARE, began: None, gave_way: false }
    }
}
