//! The threads and the clock that commands run with.

use portraitd_api::clock::SystemClock;
use portraitd_model::{Clock, UnixSeconds};

/// The runtime that a command's work runs on.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // One core is the store's writer's: a thread more only takes turns with it, and sets wait. TOKIO_WORKER_THREADS
    // says otherwise.
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        builder.worker_threads(cores.saturating_sub(1).max(1));
    }
    Ok(builder.enable_all().build()?)
}

/// The time, for what is made now.
pub(crate) fn now() -> UnixSeconds {
    SystemClock.now().seconds()
}
