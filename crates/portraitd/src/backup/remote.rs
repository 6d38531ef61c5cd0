//! What the scheduler asks of a storage on other machines.

use super::directory::Standing;
use super::name::BackupName;
use futures_util::future::BoxFuture;
use portraitd_model::Bilingual;
use std::path::PathBuf;

/// A storage on other machines.
pub(crate) trait RemotePlace: Send + Sync {
    /// What names a backup there, for people and for `portraitd restore`.
    fn location(&self, name: BackupName) -> String;

    /// The backups that stand there, the oldest first; of every store.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Standing>, Bilingual>>;

    /// Copies a backup from a directory, and compares what arrived with it. It stands when the future resolves.
    fn put(&self, backup: Standing, dir: PathBuf) -> BoxFuture<'_, Result<(), Bilingual>>;

    /// Removes a backup and nothing else.
    fn remove(&self, backup: Standing) -> BoxFuture<'_, Result<(), Bilingual>>;

    /// Resolves within seconds, once what was cut off by dropping [`RemotePlace::put`] is ended there.
    fn finish(&self) -> BoxFuture<'_, ()>;
}
