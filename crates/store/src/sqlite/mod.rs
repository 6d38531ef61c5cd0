//! The embedded engine: SQLite, one writer that shares each sync among many changes, and readers beside it.
//!
//! Two things make it fast and must stay: an update touches one leaf of a rowid table (the index on (app, user)
//! does not change), and the write-ahead log may grow, so that a checkpoint writes each page once, in page order.

mod checkpoint;
mod connection;
mod operation;
mod reader;
mod writer;

use crate::open::{DirectoryLock, OpenError};
use crate::{CatalogStore, Change, Found, ProfileStore, Store, StoreError, StoreFuture, StoreStats};
use checkpoint::Checkpointer;
use futures_util::future::BoxFuture;
use operation::{Operation, Outcome};
use portrait_model::{
    AccountSeed, AccountState, AppRecord, AppSettings, SdkAppId, UnixMillis, UnixSeconds, UserId,
};
use reader::Readers;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use writer::Writer;

/// A store in one directory of this machine, used by one process at a time.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    /// What ends at [`Store::close`]: the checkpointer, then the right to the directory.
    running: Mutex<Option<(Checkpointer, DirectoryLock)>>,
}

impl SqliteStore {
    /// Opens or creates the store. Refuses, before anything is changed, a directory that another process has
    /// open, and data of another format.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let lock = DirectoryLock::take(dir)?;
        let path = dir.join("portraitd.db");
        connection::prepare(&path)?;
        let engine =
            |error: rusqlite::Error| OpenError::Engine { path: path.clone(), reason: error.to_string() };
        let gate = Arc::new(Mutex::new(()));
        let writer = Writer::start(&path, Arc::clone(&gate)).map_err(engine)?;
        let checkpointer = Checkpointer::start(&path, gate).map_err(engine)?;
        Ok(Self { writer, readers: Readers::new(&path), running: Mutex::new(Some((checkpointer, lock))) })
    }

    /// Reads at once, on the calling thread: a read of cached pages takes a few microseconds, less than handing it
    /// to another thread would.
    fn read<'a, T: Send + 'a>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError>,
    ) -> StoreFuture<'a, T> {
        Box::pin(std::future::ready(self.readers.with(read)))
    }
}

impl ProfileStore for SqliteStore {
    fn apply(&self, change: Change) -> StoreFuture<'_, ()> {
        Box::pin(async { self.writer.write(Operation::Apply(change)).await.map(|_| ()) })
    }

    fn profiles(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Found>> {
        self.read(|connection| reader::profiles(connection, app, &users))
    }

    fn import(&self, app: SdkAppId, seeds: Vec<AccountSeed>, at: UnixMillis) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.writer.write(Operation::Import { app, seeds, at }).await.map(|_| ()) })
    }

    fn states(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<Option<AccountState>>> {
        self.read(|connection| reader::states(connection, app, &users))
    }

    fn delete(&self, app: SdkAppId, users: Vec<UserId>) -> StoreFuture<'_, Vec<bool>> {
        Box::pin(async move {
            match self.writer.write(Operation::Delete { app, users }).await? {
                Outcome::Deleted(existed) => Ok(existed),
                Outcome::Done | Outcome::Revision(_) => {
                    Err(StoreError::Corrupt("a delete answered otherwise".into()))
                }
            }
        })
    }

    fn kick(&self, app: SdkAppId, user: UserId, at: UnixSeconds) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.writer.write(Operation::Kick { app, user, at }).await.map(|_| ()) })
    }

    fn accounts_page(
        &self,
        app: SdkAppId,
        prefix: String,
        after: Option<UserId>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<UserId>> {
        self.read(|connection| reader::accounts_page(connection, app, &prefix, after, limit))
    }
}

impl CatalogStore for SqliteStore {
    fn catalog(&self) -> StoreFuture<'_, Vec<AppRecord>> {
        self.read(reader::catalog)
    }

    fn put_app(&self, settings: AppSettings, expected: Option<u64>) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            match self.writer.write(Operation::PutApp { settings: Box::new(settings), expected }).await? {
                Outcome::Revision(revision) => Ok(revision),
                Outcome::Done | Outcome::Deleted(_) => {
                    Err(StoreError::Corrupt("a put answered otherwise".into()))
                }
            }
        })
    }
}

impl Store for SqliteStore {
    fn probe(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { self.writer.write(Operation::Probe).await.map(|_| ()) })
    }

    fn stats(&self) -> StoreStats {
        self.writer.stats()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.writer.close().await;
            self.readers.close();
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((checkpointer, lock)) = running {
                // The last checkpoint writes to the disk: not on a thread that serves others.
                let finished = tokio::task::spawn_blocking(move || {
                    checkpointer.finish();
                    drop(lock);
                });
                if let Err(error) = finished.await {
                    tracing::error!(%error, "the last checkpoint ended badly");
                }
            }
        })
    }
}
