//! What a backup tells about itself: `backup.json` beside its database, written once the copy has been checked.

use crate::cli::language::chosen::localized;
use anyhow::{Context, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The database in a backup.
pub(crate) const DATABASE: &str = "portraitd.db";
/// The manifest in a backup.
pub(crate) const MANIFEST: &str = "backup.json";

/// What a backup tells about itself. A stored format.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The id of the store that it was taken of; the copy has another.
    pub(crate) store: String,
    /// The portraitd that took it.
    pub(crate) version: String,
    /// The length of the database.
    pub(crate) bytes: u64,
    /// The SHA-256 of the database, in hexadecimal digits.
    pub(crate) sha256: String,
    /// How many apps it has.
    pub(crate) apps: u64,
    /// How many accounts it has.
    pub(crate) accounts: u64,
}

impl Manifest {
    /// Reads the manifest in a directory.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(MANIFEST);
        let text = fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no manifest of a backup", path.display()))
    }

    /// Reads a manifest's text.
    pub(crate) fn parse(text: &[u8]) -> anyhow::Result<Self> {
        Ok(serde_json::from_slice(text)?)
    }

    /// Its text.
    pub(crate) fn text(&self) -> anyhow::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Writes it into a directory. On the disk when it returns.
    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let path = dir.join(MANIFEST);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&self.text()?)?;
            file.sync_all()?;
            File::open(dir)?.sync_all()?;
            anyhow::Ok(())
        })();
        written.with_context(|| format!("can't write {}", path.display()))
    }

    /// Whether a database is the one that this describes.
    pub(crate) fn ensure_is_of(&self, database: &Path) -> anyhow::Result<()> {
        let (bytes, sha256) = digest(database, &|| true)?;
        let (shown, wanted, wanted_sha256) = (database.display(), self.bytes, &self.sha256);
        ensure!(
            (bytes, &sha256) == (self.bytes, &self.sha256),
            localized!(
                "{shown} is not what was backed up: it has {bytes} bytes with the SHA-256 {sha256}, and {wanted} bytes with \
                 {wanted_sha256} were written; use another backup. If a server ran on it since, that changed it: remove {MANIFEST} to \
                 restore it all the same",
                "{shown} 与备份时不一致：现为 {bytes} 字节、SHA-256 {sha256}，备份时写入 {wanted} 字节、{wanted_sha256}；请使用其他备份。\
                 若此后有服务在其上运行过，则是服务改动了它：删除 {MANIFEST} 后仍可恢复"
            )
        );
        Ok(())
    }
}

/// The length of a file and its SHA-256, in hexadecimal digits. `proceed` is called between two pieces, and may end the reading.
pub(crate) fn digest(path: &Path, proceed: &dyn Fn() -> bool) -> anyhow::Result<(u64, String)> {
    const BUFFER: usize = 256 << 10;
    let read = || {
        let (mut file, mut hash, mut bytes) = (File::open(path)?, Sha256::new(), 0_u64);
        let mut buffer = vec![0; BUFFER];
        loop {
            if !proceed() {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let length = file.read(&mut buffer)?;
            let Some(part) = buffer.get(..length).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            bytes += part.len() as u64;
        }
        std::io::Result::Ok((bytes, hexadecimal(hash)))
    };
    read().with_context(|| format!("can't read {}", path.display()))
}

/// A finished hash in hexadecimal digits.
pub(super) fn hexadecimal(hash: Sha256) -> String {
    format!("{:x}", Bytes::copy_from_slice(&hash.finalize()))
}
