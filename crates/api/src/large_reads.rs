//! One thread beside the runtime's, for large answers. The runtime leaves a core to the store's writer; while that has
//! little to do, reading a hundred profiles need not keep everybody else waiting. `spawn_blocking` for every one of them
//! was measured: as many calls a second, for an eighth more CPU and with as many threads as there are calls.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The thread, or rather the right to use it.
#[derive(Debug)]
pub struct LargeReads(Arc<Semaphore>);

impl Default for LargeReads {
    fn default() -> Self {
        Self::new()
    }
}

impl LargeReads {
    /// Returns the right to use the thread, which is free.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Does the work there when nobody else does, and here otherwise. Handing it over takes some 10 µs: for work that
    /// takes longer.
    pub async fn run<W>(&self, work: W) -> W::Output
    where
        W: Future + Send + 'static,
        W::Output: Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else { return work.await };
        let runtime = Handle::current();
        let done = spawn_blocking(move || {
            let _place = place;
            runtime.block_on(work)
        });
        match done.await {
            Ok(done) => done,
            // As if it had been here.
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is ending, and this future with it.
                Err(_) => pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::panic::AssertUnwindSafe;
    use std::thread;
    use tokio::sync::oneshot;

    async fn thread_of(large_reads: &LargeReads) -> thread::ThreadId {
        large_reads.run(async { thread::current().id() }).await
    }

    #[tokio::test]
    async fn one_is_beside_and_who_comes_meanwhile_is_not() {
        let (large_reads, here) = (LargeReads::new(), thread::current().id());
        let (started, starts) = oneshot::channel();
        let (end, ends) = oneshot::channel::<()>();
        let mut first = Box::pin(large_reads.run(async {
            let _ = started.send(());
            let _ = ends.await;
            thread::current().id()
        }));
        assert!(first.as_mut().now_or_never().is_none());
        starts.await.unwrap();
        assert_eq!(thread_of(&large_reads).await, here);
        end.send(()).unwrap();
        assert_ne!(first.await, here);
        assert_ne!(thread_of(&large_reads).await, here, "the place was given back");
    }

    #[tokio::test]
    async fn a_panic_there_is_one_here_and_gives_the_place_back() {
        let (large_reads, here) = (LargeReads::new(), thread::current().id());
        let failed = AssertUnwindSafe(large_reads.run(async { panic!("on purpose") })).catch_unwind().await;
        let failed: Result<(), _> = failed;
        assert!(failed.is_err());
        assert_ne!(thread_of(&large_reads).await, here);
    }
}
