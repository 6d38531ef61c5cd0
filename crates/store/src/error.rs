//! What can keep a store from doing what it was asked to.

/// Why a store did not do what it was asked to. Callers do a different thing for each.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The account does not exist. Nothing was written.
    #[error("no such account")]
    NoSuchAccount,
    /// The app's settings were changed by someone else since they were read. Read again and repeat.
    #[error("the settings were changed meanwhile")]
    Conflict,
    /// The engine is full, broken, overloaded or shutting down. Not acknowledged: after an I/O error the change
    /// may or may not be found after a restart, but never a part of it. Repeating it is harmless.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Stored data does not read back.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// It can't be done as it was asked for; the sentence says what to do instead. Nothing was changed.
    #[error("{0}")]
    Refused(String),
}
