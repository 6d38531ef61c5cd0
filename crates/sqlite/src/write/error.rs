//! Why a write failed.

use portraitd_store::StoreError;

/// Why a write failed.
pub(crate) enum WriteError {
    /// This write was refused, before it wrote anything.
    Refused(StoreError),
    /// The engine failed; nothing of the batch is written.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}
