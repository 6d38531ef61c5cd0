//! Errors of a store: one variant for each way a caller can react.

/// Why an operation of a store failed. Callers react to each variant differently.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The account does not exist. Nothing was written.
    #[error("no such account")]
    NoSuchAccount,
    /// The app's settings were changed since they were read. Read them again and repeat.
    #[error("the settings were changed meanwhile")]
    Conflict,
    /// The engine is full, broken, overloaded or shutting down. Not acknowledged: after an I/O error the change
    /// may or may not be found after a restart, but never a part of it. Repeating it is harmless.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Stored data does not read back.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The operation is not possible as requested; the message says what to do instead. Nothing was changed.
    #[error("{0}")]
    Refused(String),
}
