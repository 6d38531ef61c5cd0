//! The bucket where backups stand: the objects `PREFIX/NAME/portraitd.db` and, once that was read back, `PREFIX/NAME/backup.json`.

use super::super::directory::Standing;
use super::super::manifest::{DATABASE, MANIFEST, Manifest};
use super::super::name::BackupName;
use super::super::remote::RemotePlace;
use super::connector::Connector;
use super::credentials::Credentials;
use super::problem::explain;
use super::transfer;
use super::upload::{Aborts, Upload, if_there_is};
use crate::config::backup::S3Section;
use futures_util::future::{BoxFuture, FutureExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStore, ObjectStoreExt, RetryConfig};
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::HttpClient;
use portraitd_http::trust::Trust;
use portraitd_model::{Bilingual, bilingual};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A list, a manifest or a deletion is answered within this time.
const SMALL_TIMEOUT: Duration = Duration::from_mins(2);

/// A bucket, and the beginning of the names in it.
pub(crate) struct Bucket {
    settings: S3Section,
    name: String,
    aborts: Aborts,
}

impl Bucket {
    /// The bucket of the settings; `None` if they name none.
    pub(crate) fn of(settings: &S3Section) -> Option<Self> {
        let name = settings.bucket.clone()?;
        Some(Self { settings: settings.clone(), name, aborts: Aborts::default() })
    }

    /// Copies a backup into a new directory, and compares it with its manifest.
    pub(crate) async fn fetch(&self, name: BackupName, dir: &Path) -> Result<Manifest, Bilingual> {
        let (store, place) = (self.store()?, self.named(&self.location(name)));
        let manifest = self.manifest(&store, name).await?.ok_or_else(|| {
            bilingual!(
                "{place} is no backup, or one that was not finished: it has no {MANIFEST}. `portraitd backup list` shows what there is",
                "{place} 不是备份，或尚未完成：其中没有 {MANIFEST}。`portraitd backup list` 可列出现有备份"
            )
        })?;
        ensure_room(dir, manifest.bytes)?;
        let file = dir.join(DATABASE);
        let arrived = transfer::receive(&store, &self.object(name, DATABASE), Some(&file), &place).await?;
        ensure_same(&place, &manifest, &arrived)?;
        Ok(manifest)
    }

    /// The storage, with the credentials as they are now.
    fn store(&self) -> Result<AmazonS3, Bilingual> {
        let S3Section { endpoint, region, virtual_hosted, credentials_file, ca_file, .. } = &self.settings;
        let unusable =
            |error: String| bilingual!("backup.s3 can't be used: {error}", "无法使用 backup.s3：{error}");
        let trust = Trust::Roots(ca_file.as_deref());
        let client =
            HttpClient::new(AddressPolicy::any(), trust).map_err(|error| unusable(format!("{error:#}")))?;
        let Credentials { key_id, secret, token } = Credentials::read(credentials_file.as_deref())?;
        let retry =
            RetryConfig { max_retries: 3, retry_timeout: Duration::from_mins(1), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(Connector(client))
            .with_bucket_name(&self.name)
            .with_region(region)
            .with_access_key_id(key_id)
            .with_secret_access_key(secret)
            .with_virtual_hosted_style_request(*virtual_hosted)
            .with_disable_bulk_delete(true)
            .with_retry(retry);
        if let Some(token) = token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = endpoint {
            let endpoint = endpoint.trim_end_matches('/');
            builder = builder.with_endpoint(match endpoint.split_once("://") {
                Some((scheme, host)) if *virtual_hosted => format!("{scheme}://{}.{host}", self.name),
                _ => endpoint.to_owned(),
            });
        }
        builder.build().map_err(|error| unusable(error.to_string()))
    }

    pub(super) fn object(&self, name: BackupName, file: &str) -> ObjectPath {
        ObjectPath::from(format!("{}/{name}/{file}", self.settings.prefix))
    }

    fn shown(&self) -> String {
        format!("s3://{}/{}", self.name, self.settings.prefix)
    }

    /// What names a place in errors: with the address, which may be what is wrong.
    fn named(&self, location: &str) -> String {
        let endpoint = self.settings.endpoint.as_ref();
        endpoint.map_or_else(|| location.to_owned(), |endpoint| format!("{location} ({endpoint})"))
    }

    /// Explains an error with the whole place.
    fn explain(&self, error: &Error) -> Bilingual {
        explain(&self.named(&self.shown()), error)
    }

    /// The names that there is something of, the oldest first.
    pub(super) async fn names(&self, store: &AmazonS3) -> Result<Vec<BackupName>, Bilingual> {
        let prefix = ObjectPath::from(self.settings.prefix.as_str());
        let listed = self.small(store.list_with_delimiter(Some(&prefix))).await?;
        let names = listed.common_prefixes.iter().filter_map(|path| BackupName::parse(path.filename()?));
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The manifest of a backup; `None` without one.
    pub(super) async fn manifest(
        &self,
        store: &AmazonS3,
        name: BackupName,
    ) -> Result<Option<Manifest>, Bilingual> {
        self.read_small(store, &self.object(name, MANIFEST)).await
    }

    /// Reads an object that we have written as JSON; `None` if there is none or it is something else.
    pub(super) async fn read_small<T: DeserializeOwned>(
        &self,
        store: &AmazonS3,
        path: &ObjectPath,
    ) -> Result<Option<T>, Bilingual> {
        /// A manifest has some hundred bytes.
        const BYTES_MAX: u64 = 64 << 10;
        let text = async {
            let got = store.get(path).await?;
            if got.meta.size > BYTES_MAX { Ok(None) } else { got.bytes().await.map(Some) }
        };
        let text = self.small(text.map(if_there_is)).await?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Writes an object as JSON.
    pub(super) async fn put_small(
        &self,
        store: &AmazonS3,
        path: &ObjectPath,
        content: &impl Serialize,
    ) -> Result<(), Bilingual> {
        let unwritable =
            |error: serde_json::Error| bilingual!("no manifest: {error}", "无法生成清单：{error}");
        let mut text = serde_json::to_vec_pretty(content).map_err(unwritable)?;
        text.push(b'\n');
        self.small(store.put(path, text.into())).await.map(drop)
    }

    pub(super) async fn delete(&self, store: &AmazonS3, path: &ObjectPath) -> Result<(), Bilingual> {
        self.small(store.delete(path).map(if_there_is)).await
    }

    /// Does something that takes little time.
    pub(super) async fn small<T>(
        &self,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Bilingual> {
        let done = tokio::time::timeout(SMALL_TIMEOUT, work).await.map_err(|_| self.late())?;
        done.map_err(|error| self.explain(&error))
    }

    fn late(&self) -> Bilingual {
        let place = self.named(&self.shown());
        bilingual!(
            "{place}: no answer within 120 s; check the network and backup.s3.endpoint",
            "{place}：120 秒内没有应答；请检查网络与 backup.s3.endpoint"
        )
    }

    async fn send(&self, backup: Standing, dir: PathBuf) -> Result<(), Bilingual> {
        let Standing { name, ref manifest } = backup;
        let (store, object) = (self.store()?, self.object(name, DATABASE));
        let place = self.named(&self.location(name));
        let explained = |error: Error| explain(&place, &error);
        self.clear_unfinished(&store, &manifest.store).await?;
        if let Some(standing) = self.manifest(&store, name).await? {
            // The answer to an earlier attempt may not have arrived.
            return if standing == *manifest { Ok(()) } else { Err(self.taken(name)) };
        }
        self.ensure_free(&store, &backup).await?;
        let mut upload = Upload::begin(&store, object.clone(), &self.aborts).await.map_err(explained)?;
        let unfinished = self.mark_unfinished(&store, &backup, Some(upload.id())).await?;
        transfer::send(&mut upload, (&dir.join(DATABASE), manifest.bytes), &place).await?;
        self.ensure_marked(&store, name, &unfinished).await?;
        upload.complete().await.map_err(explained)?;
        let arrived = transfer::receive(&store, &object, None, &place).await?;
        ensure_same(&place, manifest, &arrived)?;
        self.ensure_marked(&store, name, &unfinished).await?;
        self.put_small(&store, &self.object(name, MANIFEST), manifest).await?;
        self.unmark(&store, name).await;
        Ok(())
    }

    async fn erase(&self, backup: Standing) -> Result<(), Bilingual> {
        let Standing { name, ref manifest } = backup;
        let (store, place) = (self.store()?, self.location(name));
        let object = self.object(name, DATABASE);
        let found = self.small(store.head(&object)).await?;
        if found.size != manifest.bytes || self.manifest(&store, name).await?.as_ref() != Some(manifest) {
            return Err(bilingual!(
                "{place} is not what was backed up, so it is not removed",
                "{place} 与备份时不一致，未予删除"
            ));
        }
        // Without its manifest it counts no more, and what is left of it then is removed by the next backup.
        self.mark_unfinished(&store, &backup, None).await?;
        self.delete(&store, &self.object(name, MANIFEST)).await?;
        self.delete(&store, &object).await?;
        self.unmark(&store, name).await;
        Ok(())
    }
}

impl RemotePlace for Bucket {
    fn location(&self, name: BackupName) -> String {
        format!("{}/{name}", self.shown())
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Standing>, Bilingual>> {
        async move {
            let (store, mut standing) = (self.store()?, Vec::new());
            for name in self.names(&store).await? {
                if let Some(manifest) = self.manifest(&store, name).await? {
                    standing.push(Standing { name, manifest });
                }
            }
            Ok(standing)
        }
        .boxed()
    }

    fn put(&self, backup: Standing, dir: PathBuf) -> BoxFuture<'_, Result<(), Bilingual>> {
        self.send(backup, dir).boxed()
    }

    fn remove(&self, backup: Standing) -> BoxFuture<'_, Result<(), Bilingual>> {
        self.erase(backup).boxed()
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        self.aborts.finish().boxed()
    }
}

/// Refuses a disk that has no room for a backup and for the data directory that is made of it.
fn ensure_room(dir: &Path, bytes: u64) -> Result<(), Bilingual> {
    let Ok(disk) = rustix::fs::statvfs(dir) else { return Ok(()) };
    let (free, needed) = (disk.f_bavail.saturating_mul(disk.f_frsize), bytes.saturating_mul(2));
    if free >= needed {
        return Ok(());
    }
    let dir = dir.display();
    Err(bilingual!(
        "the backup has {bytes} bytes, and to restore it takes twice as many for a moment: {needed} on the disk of {dir}, where {free} are \
         free. Free space there, or restore to another disk",
        "备份有 {bytes} 字节，恢复期间需要两倍空间：{dir} 所在磁盘须有 {needed} 字节可用，现有 {free} 字节。请释放空间，或恢复到另一磁盘"
    ))
}

/// Whether what arrived is what the manifest says.
fn ensure_same(place: &str, manifest: &Manifest, arrived: &(u64, String)) -> Result<(), Bilingual> {
    if (arrived.0, &arrived.1) == (manifest.bytes, &manifest.sha256) {
        return Ok(());
    }
    let ((bytes, sha256), wanted, wanted_sha256) = (arrived, manifest.bytes, &manifest.sha256);
    Err(bilingual!(
        "{place} is not what was backed up: read back, it has {bytes} bytes with the SHA-256 {sha256} instead of {wanted} with {wanted_sha256}",
        "{place} 与备份不一致：读回为 {bytes} 字节、SHA-256 {sha256}，应为 {wanted} 字节、{wanted_sha256}"
    ))
}
