//! What calls share and wait for where settings change under them. In one place, because `crate::models` runs the files
//! that take it from here with the primitives of a model checker.

#[cfg(not(all(test, feature = "shuttle")))]
mod primitives {
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
    pub(crate) fn run(test: impl Fn()) {
        test();
    }
}

#[cfg(not(all(test, feature = "shuttle")))]
pub(crate) use primitives::*;

#[cfg(all(test, feature = "shuttle"))]
pub(crate) use crate::models::sync::{ArcSwap, AsyncMutex, Mutex, MutexGuard, block_on, run, spawn_blocking};
