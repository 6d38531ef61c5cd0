//! What calls share and wait for where settings change under them. In one place, because `tests/models` runs the files
//! that take it from here once more, with the primitives of a model checker.

pub(crate) use arc_swap::ArcSwap;
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use tokio::sync::Mutex as AsyncMutex;
pub(crate) use tokio::task::spawn_blocking;

/// Waits on a thread that may wait.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Handle::current().block_on(future)
}

/// Runs a unit test of such a file.
#[cfg(test)]
pub fn run(test: impl Fn()) {
    test();
}
