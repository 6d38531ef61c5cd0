//! The checker's primitives under the names of the product's file.

pub(crate) use shuttle::sync::{Mutex, MutexGuard};

use arc_swap::Guard;
use shuttle::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Another thread may run here.
pub(crate) fn scheduling_point() {
    AtomicBool::new(false).load(Ordering::SeqCst);
}

/// arc-swap's, whose operations are whole; what lies between them is not.
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

/// tokio's.
#[derive(Default)]
pub(crate) struct AsyncMutex<T>(tokio::sync::Mutex<T>);

impl<T> AsyncMutex<T> {
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, T> {
        scheduling_point();
        self.0.lock().await
    }
}

/// A thread of the checker's.
pub(crate) async fn spawn_blocking<T: 'static>(
    work: impl FnOnce() -> T + 'static,
) -> Result<T, shuttle::future::JoinError> {
    shuttle::future::spawn_local(async move {
        scheduling_point();
        work()
    })
    .await
}

/// The store in memory never waits; what it was asked for is looked at in between.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let output = shuttle::future::block_on(future);
    scheduling_point();
    output
}

/// Runs a unit test that came along with a file of the product.
pub(crate) fn run(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, 1);
}
