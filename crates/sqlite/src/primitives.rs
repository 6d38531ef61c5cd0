//! Locks, channels, threads and the clock of the engine, in one place so that `models` can replace them by those of a model
//! checker.

#[cfg(not(all(test, feature = "shuttle")))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread::{self, JoinHandle};
    pub(crate) use std::time::Instant;
    pub(crate) use tokio::sync::{mpsc, oneshot};
    pub(crate) use tokio::task::spawn_blocking;
    pub(crate) use tokio::time::timeout;

    /// Between the writer and the applier. There are two files and a few requests: nothing waits for space.
    pub(crate) mod work {
        pub(crate) use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender as Sender};

        pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
            std::sync::mpsc::sync_channel(8)
        }
    }
}

#[cfg(not(all(test, feature = "shuttle")))]
pub(crate) use real::*;

#[cfg(all(test, feature = "shuttle"))]
pub(crate) use crate::models::primitives::{
    AtomicBool, AtomicU64, Instant, JoinHandle, Mutex, MutexGuard, mpsc, oneshot, spawn_blocking, thread,
    timeout, work,
};
