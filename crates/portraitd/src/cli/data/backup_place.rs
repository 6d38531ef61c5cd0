//! Where backups are, as the command line names it: a directory, or `s3://BUCKET/PREFIX` and `s3://BUCKET/PREFIX/NAME`.

use crate::backup::directory::Standing;
use crate::backup::name::BackupName;
use crate::cli::language::chosen::localized;
use crate::config::Config;
use anyhow::Context;
use portraitd_sqlite::ensure_empty;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A place in an S3-compatible storage.
pub(super) struct BackupPlace {
    bucket: String,
    prefix: String,
    /// The backup, when one is named.
    name: Option<BackupName>,
}

impl BackupPlace {
    /// Reads `s3://BUCKET/PREFIX` or `s3://BUCKET/PREFIX/NAME`; `None` for the path of a directory.
    pub(super) fn of_url(text: &Path) -> anyhow::Result<Option<Self>> {
        let Some(rest) = text.to_str().and_then(|text| text.strip_prefix("s3://")) else { return Ok(None) };
        let (bucket, path) = rest.split_once('/').with_context(|| {
            localized!(
                "{} names no prefix; write s3://BUCKET/PREFIX",
                "{} 缺少前缀；请写为 s3://存储桶/前缀",
                text.display()
            )
        })?;
        let path = path.trim_end_matches('/');
        let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
        let (prefix, name) = match BackupName::parse(last) {
            Some(name) => (above, Some(name)),
            None => (path, None),
        };
        Ok(Some(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), name }))
    }

    /// The backups that stand there, the oldest first, each with what names it.
    pub(super) fn list(&self, config: &Config) -> anyhow::Result<Vec<(String, Standing)>> {
        storage::list(self, config)
    }
}

/// A backup that was copied from a storage; it is removed when this is dropped.
pub(super) struct FetchedBackup(PathBuf);

impl FetchedBackup {
    /// Copies a backup to a directory beside the data directory, and compares it with what was backed up.
    pub(super) fn fetch(place: &BackupPlace, config: &Config, data: &Path) -> anyhow::Result<Self> {
        let name = place.name.with_context(|| {
            localized!(
                "s3://{}/{} names no backup; write s3://BUCKET/PREFIX/NAME; `portraitd backup list` shows the names",
                "s3://{}/{} 未指明备份；请写为 s3://存储桶/前缀/名称；`portraitd backup list` 可列出名称",
                place.bucket,
                place.prefix
            )
        })?;
        // Before anything is copied: it may take hours.
        ensure_empty(data)?;
        let data = std::path::absolute(data)?;
        let dir = data.with_file_name(format!(".{name}.fetched"));
        // What an attempt left that was killed.
        let _ = fs::remove_dir_all(&dir);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.with_context(|| localized!("can't make {}", "无法创建 {}", dir.display()))?;
        let fetched = Self(dir);
        storage::fetch(place, name, config, fetched.dir())?;
        Ok(fetched)
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.0
    }
}

impl Drop for FetchedBackup {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(feature = "s3")]
mod storage {
    use super::{BackupName, BackupPlace, Config, Standing};
    use crate::backup::remote::RemotePlace;
    use crate::backup::s3::bucket::Bucket;
    use crate::cli::language::chosen::language;
    use crate::cli::runtime::runtime;
    use anyhow::Context;
    use portraitd_model::Bilingual;
    use std::path::Path;

    fn bucket(place: &BackupPlace, config: &Config) -> anyhow::Result<Bucket> {
        let settings = config.s3.clone().at(&place.bucket, &place.prefix).map_err(anyhow::Error::msg)?;
        Bucket::of(&settings).context("no bucket")
    }

    fn said(error: &Bilingual) -> anyhow::Error {
        anyhow::anyhow!("{}", error.pick(language()))
    }

    pub(super) fn list(place: &BackupPlace, config: &Config) -> anyhow::Result<Vec<(String, Standing)>> {
        let bucket = bucket(place, config)?;
        let standing = runtime()?.block_on(bucket.list()).map_err(|error| said(&error))?;
        Ok(standing.into_iter().map(|backup| (bucket.location(backup.name), backup)).collect())
    }

    pub(super) fn fetch(
        place: &BackupPlace,
        name: BackupName,
        config: &Config,
        dir: &Path,
    ) -> anyhow::Result<()> {
        let bucket = bucket(place, config)?;
        let manifest = runtime()?.block_on(bucket.fetch(name, dir)).map_err(|error| said(&error))?;
        manifest.write(dir)
    }
}

#[cfg(not(feature = "s3"))]
mod storage {
    use super::{BackupName, BackupPlace, Config, Standing};
    use crate::cli::language::chosen::localized;
    use std::path::Path;

    fn refused() -> anyhow::Error {
        anyhow::anyhow!(localized!(
            "this portraitd was built without S3: use a released program, or build with `cargo build --features s3`",
            "此 portraitd 构建时未包含 S3：请使用发布版，或以 `cargo build --features s3` 构建"
        ))
    }

    pub(super) fn list(_: &BackupPlace, _: &Config) -> anyhow::Result<Vec<(String, Standing)>> {
        Err(refused())
    }

    pub(super) fn fetch(_: &BackupPlace, _: BackupName, _: &Config, _: &Path) -> anyhow::Result<()> {
        Err(refused())
    }
}
