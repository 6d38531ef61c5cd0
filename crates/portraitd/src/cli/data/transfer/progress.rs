//! `FILE.progress`: how far a transfer has come, so that the same command continues there.

use super::audit_position::AuditPosition;
use super::file_names::sibling;
use super::refused_rows::RefusedPart;
use super::row::RowSource;
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
    format!("delete {} to begin from the start", sibling(file, ".progress").display())
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
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
        };
        let restart = restart(file);
        let damaged = || format!("it is damaged; {restart}");
        let Version { v } = serde_json::from_slice(&text).with_context(damaged)?;
        anyhow::ensure!(v == VERSION, "it was written by another version of portraitd; {restart}");
        let found: Self = serde_json::from_slice(&text).with_context(damaged)?;
        if found.read == 0 {
            // Killed before the first row was imported.
            return Ok(self);
        }
        anyhow::ensure!(
            found.store == self.store,
            "{} lines of {} were imported into the store {}, and this is the store {}: nothing was sent; run the command on that store to continue, or {restart}",
            found.lines,
            file.display(),
            found.store,
            self.store
        );
        anyhow::ensure!(
            found.app == self.app,
            "it belongs to an unfinished import into app {}; {restart}",
            found.app
        );
        let changed = || format!("{} has changed since a part of it was imported; {restart}", file.display());
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
        written.with_context(|| format!("can't write the progress to {}", path.display()))
    }

    /// Removes the file at the end of a transfer.
    pub(super) fn remove(file: &Path) -> anyhow::Result<()> {
        let path = sibling(file, ".progress");
        fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))
    }
}
