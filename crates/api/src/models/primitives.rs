//! The model checker's primitives, with the names of the crate's `primitives.rs`.

pub(crate) use shuttle::sync::{Mutex, MutexGuard};

use arc_swap::Guard;
use shuttle::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Another thread may run here.
pub(crate) fn scheduling_point() {
    AtomicBool::new(false).load(Ordering::SeqCst);
}

/// arc-swap's, with scheduling points around its operations, which are atomic.
#[derive(Default)]
pub(crate) struct ArcSwap<T>(arc_swap::ArcSwap<T>);

impl<T> ArcSwap<T> {
    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        scheduling_point();
        let loaded = self.0.load();
        scheduling_point();
        loaded
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        Guard::into_inner(self.load())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        scheduling_point();
        self.0.store(value);
        scheduling_point();
    }
}

/// tokio's, with a scheduling point before locking.
#[derive(Default)]
pub(crate) struct AsyncMutex<T>(tokio::sync::Mutex<T>);

impl<T> AsyncMutex<T> {
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, T> {
        scheduling_point();
        self.0.lock().await
    }
}

/// Runs a function on a thread of the checker.
pub(crate) async fn spawn_blocking<T: 'static>(
    work: impl FnOnce() -> T + 'static,
) -> Result<T, shuttle::future::JoinError> {
    shuttle::future::spawn_local(async move {
        scheduling_point();
        work()
    })
    .await
}

/// Runs a future of the store in memory, which never waits; adds a scheduling point after it.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let output = shuttle::future::block_on(future);
    scheduling_point();
    output
}

/// Runs a unit test of a file that imports from the crate's `primitives.rs`.
pub(crate) fn run(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, 1);
}
