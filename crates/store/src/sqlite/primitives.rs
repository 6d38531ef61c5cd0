//! What the store's threads share and wait for. In one place, because `tests/models` runs the files that take it from
//! here once more, with the primitives of a model checker.

pub(super) use std::sync::atomic::AtomicBool;
pub(super) use std::sync::{Mutex, MutexGuard};
pub(super) use std::thread::{self, JoinHandle};
pub(super) use std::time::Instant;
pub(super) use tokio::sync::{mpsc, oneshot};
pub(super) use tokio::time::timeout;

/// Runs a unit test of such a file.
#[cfg(test)]
pub(super) fn run(test: impl Fn()) {
    test();
}
