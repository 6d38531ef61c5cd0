//! `unfinished.json`, which stands beside a database that is on its way, or is being removed: its manifest, and its upload. By it a
//! later attempt, also of another process, aborts the upload and removes the rest, and two servers that send to one place find out.

use super::super::directory::Standing;
use super::super::manifest::{DATABASE, Manifest};
use super::super::name::BackupName;
use super::super::remote::RemotePlace;
use super::bucket::Bucket;
use super::upload::abort;
use object_store::aws::AmazonS3;
use portraitd_model::{Bilingual, bilingual};
use serde::{Deserialize, Serialize};

/// What is on its way or being removed. A stored format.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Unfinished {
    #[serde(flatten)]
    manifest: Manifest,
    /// What the storage calls the upload; `None` for one that is being removed. Earlier versions did not write it.
    upload: Option<String>,
}

const UNFINISHED: &str = "unfinished.json";

impl Bucket {
    /// Says what is on its way before anything of it is sent, or what is about to be removed.
    pub(super) async fn mark_unfinished(
        &self,
        store: &AmazonS3,
        Standing { name, manifest }: &Standing,
        upload: Option<&str>,
    ) -> Result<Unfinished, Bilingual> {
        let unfinished = Unfinished { manifest: manifest.clone(), upload: upload.map(str::to_owned) };
        self.put_small(store, &self.object(*name, UNFINISHED), &unfinished).await?;
        Ok(unfinished)
    }

    /// Refuses a backup that the server of another store is sending.
    pub(super) async fn ensure_free(
        &self,
        store: &AmazonS3,
        Standing { name, manifest }: &Standing,
    ) -> Result<(), Bilingual> {
        let found: Option<Unfinished> = self.read_small(store, &self.object(*name, UNFINISHED)).await?;
        let is_taken = found.is_some_and(|found| found.manifest.store != manifest.store);
        if is_taken { Err(self.taken(*name)) } else { Ok(()) }
    }

    /// Refuses to go on when another server has begun to send the same backup.
    pub(super) async fn ensure_marked(
        &self,
        store: &AmazonS3,
        name: BackupName,
        expected: &Unfinished,
    ) -> Result<(), Bilingual> {
        let found: Option<Unfinished> = self.read_small(store, &self.object(name, UNFINISHED)).await?;
        if found.as_ref() == Some(expected) { Ok(()) } else { Err(self.taken(name)) }
    }

    /// Says that a backup stands, or is gone. When this fails, the next backup does it.
    pub(super) async fn unmark(&self, store: &AmazonS3, name: BackupName) {
        if let Err(reason) = self.delete(store, &self.object(name, UNFINISHED)).await {
            let (backup, reason) = (self.location(name), reason.english());
            tracing::warn!(backup, reason, "{UNFINISHED} is not removed; the next backup removes it");
        }
    }

    /// Removes what this store began to send or to remove, and did not finish.
    pub(super) async fn clear_unfinished(&self, store: &AmazonS3, id: &str) -> Result<(), Bilingual> {
        for name in self.names(store).await? {
            let (marker, object) = (self.object(name, UNFINISHED), self.object(name, DATABASE));
            let found: Option<Unfinished> = self.read_small(store, &marker).await?;
            let Some(Unfinished { manifest, upload }) = found else { continue };
            if manifest.store != id {
                continue;
            }
            let aborted = match &upload {
                Some(upload) => self.small(abort(store, &object, upload)).await,
                None => Ok(()),
            };
            if self.manifest(store, name).await?.is_none() {
                self.delete(store, &object).await?;
            }
            match aborted {
                Ok(()) => self.delete(store, &marker).await?,
                // A new backup is worth more than what an old one has left.
                Err(reason) => {
                    let (backup, reason) = (self.location(name), reason.english());
                    tracing::warn!(
                        backup,
                        reason,
                        "an upload that was cut off is not aborted, and the storage keeps what was sent: the credentials need the right to \
                         abort uploads (s3:AbortMultipartUpload)"
                    );
                }
            }
        }
        Ok(())
    }

    /// Says that two servers share a place.
    pub(super) fn taken(&self, name: BackupName) -> Bilingual {
        let place = self.location(name);
        bilingual!(
            "{place} exists already: another server uses this prefix; give each one its own (backup.s3.prefix)",
            "{place} 已存在：另一服务也在使用此前缀；请为每个服务设置各自的前缀（backup.s3.prefix）"
        )
    }
}
