//! One extra thread for large reads. The runtime leaves a core to the store's writer; while the writer is idle, a read of a
//! hundred profiles can use that core instead of delaying other calls. `spawn_blocking` for every large read was measured:
//! the same throughput for an eighth more CPU, and as many threads as there are calls.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The permit to use the extra thread.
#[derive(Debug)]
pub struct LargeReads(Arc<Semaphore>);

impl Default for LargeReads {
    fn default() -> Self {
        Self::new()
    }
}

impl LargeReads {
    /// Returns the permit, not in use.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Runs `work` on the extra thread if it is free, otherwise on the current one. The handover takes about 10 µs, so it is
    /// for longer work.
    pub async fn run<W>(&self, work: W) -> W::Output
    where
        W: Future + Send + 'static,
        W::Output: Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return work.await };
        let runtime = Handle::current();
        let done = spawn_blocking(move || {
            let _permit = permit;
            runtime.block_on(work)
        });
        match done.await {
            Ok(done) => done,
            // Panics as the work would have done on this thread.
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shutting down and drops this future.
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
    async fn one_read_uses_the_extra_thread_and_others_run_in_place_meanwhile() {
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
        assert_ne!(thread_of(&large_reads).await, here, "the permit was returned");
    }

    #[tokio::test]
    async fn a_panic_reaches_the_call_and_returns_the_permit() {
        let (large_reads, here) = (LargeReads::new(), thread::current().id());
        let failed = AssertUnwindSafe(large_reads.run(async { panic!("on purpose") })).catch_unwind().await;
        let failed: Result<(), _> = failed;
        assert!(failed.is_err());
        assert_ne!(thread_of(&large_reads).await, here);
    }
}
