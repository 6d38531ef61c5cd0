//! A new file with everything that a connection reads, and nothing else.

use portraitd_model::bilingual;
use portraitd_store::StoreError;
use rusqlite::Connection;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes everything that a connection reads into a new file. On the disk when it returns.
pub(crate) fn copy(connection: &Connection, staging: &Path) -> Result<(), StoreError> {
    fill(connection, staging, &create(staging).map_err(failed(staging))?)
}

/// Creates the file with permissions for the owner only: SQLite uses an empty file as it is.
pub(super) fn create(staging: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(staging)
}

pub(super) fn fill(connection: &Connection, staging: &Path, file: &File) -> Result<(), StoreError> {
    let text = staging.to_str();
    let text = text.ok_or_else(|| {
        StoreError::Refused(bilingual!("the directory's name is not UTF-8", "目录名不是 UTF-8 编码"))
    })?;
    connection.execute("VACUUM INTO ?1", [text]).map_err(engine)?;
    file.sync_all().map_err(failed(staging))
}

pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    |error| {
        StoreError::Unavailable(bilingual!("can't use {}: {error}", "无法使用 {}：{error}", path.display()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn engine(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(bilingual!("the copy failed: {error}", "复制失败：{error}"))
}
