//! The runtime and the clock that commands use.

use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, UnixSeconds};

/// Every second task that a worker runs is taken from the queue that all workers share. A worker's own queue has 256
/// places, and what more connections wake goes to the shared one, of which tokio takes as little as every 127th: at 1,000
/// busy connections those there waited 160 ms, while the others were answered in 4.
const SHARED_QUEUE_INTERVAL: u32 = 2;

/// Makes the runtime of a command.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // One core is left to the store's writer thread: a worker more would compete with it, and sets would wait.
    // TOKIO_WORKER_THREADS overrides this.
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        builder.worker_threads(cores.saturating_sub(1).max(1));
    }
    Ok(builder.enable_all().global_queue_interval(SHARED_QUEUE_INTERVAL).build()?)
}

/// The current time.
pub(crate) fn now() -> UnixSeconds {
    SystemClock.now().seconds()
}
