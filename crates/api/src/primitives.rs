//! The synchronization primitives of the files that calls share while settings change. `crate::models` runs these files
//! with the primitives of a model checker, therefore they import from here.

#[cfg(not(all(test, feature = "shuttle")))]
mod real {
    pub(crate) use arc_swap::ArcSwap;
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use tokio::sync::Mutex as AsyncMutex;
    pub(crate) use tokio::task::spawn_blocking;

    /// Runs a future on a thread that may block.
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Handle::current().block_on(future)
    }

    /// Runs a unit test of a file that imports from here.
    #[cfg(test)]
    pub(crate) fn run(test: impl Fn()) {
        test();
    }
}

#[cfg(not(all(test, feature = "shuttle")))]
pub(crate) use real::*;

#[cfg(all(test, feature = "shuttle"))]
pub(crate) use crate::models::primitives::{
    ArcSwap, AsyncMutex, Mutex, MutexGuard, block_on, run, spawn_blocking,
};
