//! `FILE.progress`: how far a transfer has come, so that the same command continues there.

use super::audit_position::AuditPosition;
use super::file_names::sibling;
use super::refused_rows::RefusedPart;
use super::row::RowSource;
use crate::cli::language::chosen::localized;
use anyhow::Context;
use portraitd_store::StoreId;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const VERSION: u32 = 2;

/// The contents of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferProgress {
    v: u32,
    /// The store and the app that rows are imported into.
    store: String,
    app: u32,
    /// The size of the file, in bytes.
    size: u64,
    /// Lines that are imported or refused, and their hash, which another file does not have.
    pub(super) lines: u64,
    hash: String,
    /// Rows in these lines.
    pub(super) read: u64,
    pub(super) imported: u64,
    pub(super) refused: u64,
    /// The part of the file of refused rows that belongs to these lines.
    pub(super) refused_part: RefusedPart,
    /// An entry of the audit log that was written with the last of these lines, or later.
    #[serde(rename = "mark")]
    pub(super) audit_position: Option<AuditPosition>,
}

/// The remedy when a transfer can't be continued.
pub(super) fn restart(file: &Path) -> String {
    localized!(
        "delete {} to begin from the start",
        "删除 {} 以便从头开始",
        sibling(file, ".progress").display()
    )
}

/// The part that every version of the file has.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl TransferProgress {
    /// A transfer that has not begun.
    pub(super) fn new(store: StoreId, app: u32, size: u64) -> Self {
        Self {
            v: VERSION,
            store: store.to_string(),
            app,
            size,
            lines: 0,
            hash: String::new(),
            read: 0,
            imported: 0,
            refused: 0,
            refused_part: RefusedPart::default(),
            audit_position: None,
        }
    }

    /// Reads the file of an earlier run, if there is one, and skips the lines that it lists as done. Fails if the store, the
    /// app or the file is another one.
    pub(super) fn resume(self, file: &Path, source: &mut dyn RowSource) -> anyhow::Result<Self> {
        let path = sibling(file, ".progress");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self),
            Err(error) => {
                return Err(error)
                    .with_context(|| localized!("can't read {}", "无法读取 {}", path.display()));
            }
        };
        let restart = restart(file);
        let damaged = || localized!("it is damaged; {restart}", "它已损坏；请{restart}");
        let Version { v } = serde_json::from_slice(&text).with_context(damaged)?;
        anyhow::ensure!(
            v == VERSION,
            localized!(
                "it was written by another version of portraitd; {restart}",
                "它由另一版本的 portraitd 写入；请{restart}"
            )
        );
        let found: Self = serde_json::from_slice(&text).with_context(damaged)?;
        if found.read == 0 {
            // Killed before the first row was imported.
            return Ok(self);
        }
        anyhow::ensure!(
            found.store == self.store,
            localized!(
                "{lines} lines of {file} were imported into the store {store}, and this is the store {this}: nothing was sent; run the command on that store to continue, or {restart}",
                "{file} 的 {lines} 行已导入数据 {store}，而这里是数据 {this}：未发送任何内容；请对前者运行此命令以继续，或{restart}",
                lines = found.lines,
                file = file.display(),
                store = found.store,
                this = self.store
            )
        );
        anyhow::ensure!(
            found.app == self.app,
            localized!(
                "it belongs to an unfinished import into app {}; {restart}",
                "它属于对应用 {} 的未完成的导入；请{restart}",
                found.app
            )
        );
        let changed = || {
            localized!(
                "{} has changed since a part of it was imported; {restart}",
                "{} 在导入一部分之后发生了变化；请{restart}",
                file.display()
            )
        };
        anyhow::ensure!(found.size == self.size, changed());
        while source.fingerprint().lines < found.lines {
            if source.next_row()?.is_none() {
                break;
            }
        }
        anyhow::ensure!(
            source.fingerprint().lines == found.lines && source.fingerprint().hash() == found.hash,
            changed()
        );
        Ok(found)
    }

    /// Counts everything that was read as done.
    pub(super) fn advance(&mut self, source: &dyn RowSource) {
        let seen = source.fingerprint();
        self.lines = seen.lines;
        self.hash = seen.hash();
    }

    /// Writes the file; a crash leaves the old one or the new one.
    pub(super) fn save(&self, file: &Path) -> anyhow::Result<()> {
        let (path, new) = (sibling(file, ".progress"), sibling(file, ".progress.new"));
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        let written = written.and_then(|text| fs::write(&new, text)).and_then(|()| fs::rename(&new, &path));
        written.with_context(|| {
            localized!("can't write the progress to {}", "无法将进度写入 {}", path.display())
        })
    }

    /// Removes the file at the end of a transfer.
    pub(super) fn remove(file: &Path) -> anyhow::Result<()> {
        let path = sibling(file, ".progress");
        fs::remove_file(&path).with_context(|| localized!("can't remove {}", "无法删除 {}", path.display()))
    }
}
