//! The time limit of a step of a call. A step that is ready when it is first polled, as a read of cached profiles is, costs
//! no timer: tokio's own limit reads the clock and makes its timer before.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A step took longer than its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimedOut;

/// Runs a step until it ends, or until `limit` has passed since it was first polled.
pub(crate) async fn within<F: Future>(limit: Duration, step: F) -> Result<F::Output, TimedOut> {
    let (mut step, mut timer) = (pin!(step), pin!(None::<Sleep>));
    poll_fn(|cx| {
        if let Poll::Ready(output) = step.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if timer.is_none() {
            timer.set(Some(sleep(limit)));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| Err(TimedOut)),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::{pending, ready};

    #[test]
    fn what_is_ready_needs_no_timer() {
        // There is no runtime here, so that a timer would panic.
        assert_eq!(within(Duration::ZERO, ready(7)).now_or_never(), Some(Ok(7)));
    }

    #[tokio::test]
    async fn a_step_is_ended_at_its_limit() {
        let (short, long) = (Duration::from_millis(1), Duration::from_hours(1));
        assert_eq!(within(long, sleep(short)).await, Ok(()));
        assert_eq!(within(short, pending::<()>()).await, Err(TimedOut));
    }
}
