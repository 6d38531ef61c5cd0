//! The runtime and the clock that commands use.

use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, UnixSeconds};

/// Makes the runtime of a command.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // One core is left to the store's writer thread: a worker more would compete with it, and sets would wait.
    // TOKIO_WORKER_THREADS overrides this.
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        builder.worker_threads(cores.saturating_sub(1).max(1));
    }
    Ok(builder.enable_all().build()?)
}

/// The current time.
pub(crate) fn now() -> UnixSeconds {
    SystemClock.now().seconds()
}
