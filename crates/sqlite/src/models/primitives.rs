//! The model checker's primitives under the names of the crate's `primitives.rs`: shuttle's locks and threads, tokio's channels with a
//! scheduling point before each operation, and a clock that only the test moves.

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use shuttle::thread::{self, JoinHandle};

use shuttle::rand::{Rng, thread_rng};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::ops::Add;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A fault that is injected on purpose, to show that the models detect it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    None,
    /// `close` of a channel does nothing.
    ChannelNeverCloses,
    /// Answers are dropped.
    AnswersAreLost,
}

thread_local! {
    static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
}

/// Injects a fault from now on, on this thread.
pub(crate) fn fault(fault: Fault) {
    FAULT.set(fault);
}

thread_local! {
    /// How many operations of the disk may still fail in this execution.
    static DISK_FAILURES: Cell<u32> = const { Cell::new(0) };
}

/// From now on, as many operations of the disk fail, at random.
pub(crate) fn fail_disk(times: u32) {
    DISK_FAILURES.set(times);
}

/// Whether the next operation of the disk fails.
pub(crate) fn disk_fails() -> bool {
    let left = DISK_FAILURES.get();
    let fails = left > 0 && thread_rng().gen_ratio(1, 4);
    DISK_FAILURES.set(left - u32::from(fails));
    fails
}

/// Runs a function that blocks.
pub(crate) async fn spawn_blocking<T>(blocks: impl FnOnce() -> T) -> Result<T, tokio::task::JoinError> {
    std::future::ready(Ok(blocks())).await
}

/// A point where the checker may switch threads.
pub(crate) fn scheduling_point() {
    AtomicBool::new(false).load(Ordering::SeqCst);
}

/// The clock of one execution, which runs on one thread of the machine.
#[derive(Default)]
struct Clock {
    now: Duration,
    waiting: Vec<Waker>,
}

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

/// Resets the clock and the disk before an execution.
pub(crate) fn reset() {
    fail_disk(0);
    CLOCK.with_borrow_mut(|clock| *clock = Clock::default());
}

/// Advances the clock, and wakes the waiting timeouts.
pub(crate) fn advance(by: Duration) {
    scheduling_point();
    let waiting = CLOCK.with_borrow_mut(|clock| {
        clock.now += by;
        std::mem::take(&mut clock.waiting)
    });
    waiting.into_iter().for_each(Waker::wake);
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(CLOCK.with_borrow(|clock| clock.now))
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().saturating_duration_since(self)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0 + by)
    }
}

/// A timeout has passed.
#[derive(Debug)]
pub(crate) struct Elapsed;

pub(crate) async fn timeout<T>(time: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    let (until, mut future) = (Instant::now() + time, pin!(future));
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Ok(value)),
        Poll::Pending if Instant::now() >= until => Poll::Ready(Err(Elapsed)),
        Poll::Pending => {
            CLOCK.with_borrow_mut(|clock| clock.waiting.push(context.waker().clone()));
            Poll::Pending
        }
    })
    .await
}

pub(crate) mod mpsc {
    use super::{FAULT, Fault, scheduling_point};
    use tokio::sync::mpsc;
    use tokio::sync::mpsc::error::{SendError, TryRecvError, TrySendError};

    /// So short that callers find the queue full.
    const CAPACITY: usize = 2;

    pub(crate) struct Sender<T>(mpsc::Sender<T>);
    pub(crate) struct WeakSender<T>(mpsc::WeakSender<T>);
    pub(crate) struct Receiver<T>(mpsc::Receiver<T>);
    pub(crate) struct Permit<'a, T>(mpsc::Permit<'a, T>);

    pub(crate) fn channel<T>(_capacity: usize) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Sender(sender), Receiver(receiver))
    }

    impl<T> Sender<T> {
        pub(crate) fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
            scheduling_point();
            self.0.try_reserve().map(Permit)
        }

        pub(crate) async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
            scheduling_point();
            self.0.reserve().await.map(Permit)
        }

        pub(crate) async fn send(&self, value: T) -> Result<(), SendError<T>> {
            scheduling_point();
            self.0.send(value).await
        }

        pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
            scheduling_point();
            self.0.try_send(value)
        }

        pub(crate) fn downgrade(&self) -> WeakSender<T> {
            WeakSender(self.0.downgrade())
        }

        pub(crate) fn capacity(&self) -> usize {
            self.0.capacity()
        }

        pub(crate) fn max_capacity(&self) -> usize {
            self.0.max_capacity()
        }
    }

    impl<T> WeakSender<T> {
        pub(crate) fn upgrade(&self) -> Option<Sender<T>> {
            scheduling_point();
            self.0.upgrade().map(Sender)
        }
    }

    impl<T> Permit<'_, T> {
        pub(crate) fn send(self, value: T) {
            scheduling_point();
            self.0.send(value);
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn blocking_recv(&mut self) -> Option<T> {
            scheduling_point();
            shuttle::future::block_on(self.0.recv())
        }

        pub(crate) fn try_recv(&mut self) -> Result<T, TryRecvError> {
            scheduling_point();
            self.0.try_recv()
        }

        pub(crate) fn close(&mut self) {
            scheduling_point();
            if FAULT.get() != Fault::ChannelNeverCloses {
                self.0.close();
            }
        }
    }
}

pub(crate) mod oneshot {
    use super::{Context, FAULT, Fault, Future, Pin, Poll, scheduling_point};
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::RecvError;

    pub(crate) struct Sender<T>(oneshot::Sender<T>);
    pub(crate) struct Receiver<T>(oneshot::Receiver<T>);

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Sender(sender), Receiver(receiver))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(self, value: T) -> Result<(), T> {
            scheduling_point();
            if FAULT.get() == Fault::AnswersAreLost { Ok(()) } else { self.0.send(value) }
        }
    }

    impl<T> Future for Receiver<T> {
        type Output = Result<T, RecvError>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            Pin::new(&mut self.0).poll(context)
        }
    }
}

/// Between the writer and the applier.
pub(crate) mod work {
    use super::{Duration, RefCell, scheduling_point, timeout};
    use shuttle::future::block_on;
    pub(crate) use std::sync::mpsc::RecvTimeoutError;
    use tokio::sync::mpsc;
    use tokio::sync::mpsc::error::{SendError, TryRecvError};

    pub(crate) struct Sender<T>(mpsc::Sender<T>);
    pub(crate) struct Receiver<T>(RefCell<mpsc::Receiver<T>>);

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = mpsc::channel(8);
        (Sender(sender), Receiver(RefCell::new(receiver)))
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, value: T) -> Result<(), SendError<T>> {
            scheduling_point();
            self.0.try_send(value).map_err(|error| SendError(error.into_inner()))
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
            scheduling_point();
            self.0.borrow_mut().try_recv()
        }

        pub(crate) fn recv_timeout(&self, time: Duration) -> Result<T, RecvTimeoutError> {
            scheduling_point();
            // There is one receiver, so nothing else borrows it meanwhile.
            let mut receiver = self.0.borrow_mut();
            let received = block_on(timeout(time, receiver.recv()));
            received.map_err(|_| RecvTimeoutError::Timeout)?.ok_or(RecvTimeoutError::Disconnected)
        }
    }
}
