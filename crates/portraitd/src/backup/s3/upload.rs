//! An object that is sent in parts. What was sent is kept by the storage, and paid for, until the upload is completed or aborted: one
//! that is dropped before is aborted.

use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as ObjectPath;
use object_store::{Error, PutPayload, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// A server that stops waits so long for the storage to abort an upload.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The uploads that are being aborted.
#[derive(Clone, Default)]
pub(super) struct Aborts(Arc<Mutex<JoinSet<()>>>);

/// An object that is sent in parts.
pub(super) struct Upload {
    store: AmazonS3,
    object: ObjectPath,
    /// What the storage calls it.
    id: String,
    parts: Vec<PartId>,
    is_complete: bool,
    aborts: Aborts,
}

impl Upload {
    /// Begins to send an object.
    pub(super) async fn begin(store: &AmazonS3, object: ObjectPath, aborts: &Aborts) -> Result<Self> {
        let id = store.create_multipart(&object).await?;
        let (store, aborts) = (store.clone(), aborts.clone());
        Ok(Self { store, object, id, parts: Vec::new(), is_complete: false, aborts })
    }

    /// What the storage calls it. It is no secret: without credentials nothing can be done with it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Sends the next part.
    pub(super) async fn put(&mut self, part: PutPayload) -> Result<()> {
        let index = self.parts.len();
        self.parts.push(self.store.put_part(&self.object, &self.id, index, part).await?);
        Ok(())
    }

    /// Makes an object of the parts.
    pub(super) async fn complete(mut self) -> Result<()> {
        let parts = std::mem::take(&mut self.parts);
        self.store.complete_multipart(&self.object, &self.id, parts).await?;
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.is_complete || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (store, object, id) = (self.store.clone(), self.object.clone(), std::mem::take(&mut self.id));
        let aborting = async move {
            let aborted = tokio::time::timeout(ABORT_TIMEOUT, abort(&store, &object, &id)).await;
            if !matches!(aborted, Ok(Ok(()))) {
                tracing::warn!(
                    %object,
                    "an upload was cut off, and could not be aborted: the next backup aborts it; until then the storage keeps what was sent"
                );
            }
        };
        self.aborts.lock(|aborts| drop(aborts.spawn(aborting)));
    }
}

impl Aborts {
    /// Returns once every upload that was dropped is aborted, or its time is over.
    pub(super) async fn finish(&self) {
        let mut running = self.lock(std::mem::take);
        while running.join_next().await.is_some() {}
    }

    fn lock<T>(&self, work: impl FnOnce(&mut JoinSet<()>) -> T) -> T {
        let mut aborts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended.
        while aborts.try_join_next().is_some() {}
        work(&mut aborts)
    }
}

/// Aborts an upload, if there still is one.
pub(super) async fn abort(store: &AmazonS3, object: &ObjectPath, id: &str) -> Result<()> {
    if_there_is(store.abort_multipart(object, &id.to_owned()).await)
}

/// What was done to something, or nothing if that is not there.
pub(super) fn if_there_is<T: Default>(done: Result<T>) -> Result<T> {
    match done {
        Err(Error::NotFound { .. }) => Ok(T::default()),
        done => done,
    }
}
