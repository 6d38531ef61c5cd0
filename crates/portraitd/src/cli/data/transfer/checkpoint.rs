//! How far a transfer has come, in a small file beside what is transferred, so that the same command continues.

use super::file_names::sibling;
use super::mark::Mark;
use super::refused::RefusedPart;
use super::row::RowSource;
use anyhow::Context;
use portraitd_store::StoreId;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const VERSION: u32 = 2;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    v: u32,
    /// Into which store, and which app of it.
    store: String,
    app: u32,
    /// The size of the file, in bytes.
    size: u64,
    /// Lines that are done, and what tells them from another file's.
    pub(super) lines: u64,
    hash: String,
    /// Rows among them.
    pub(super) read: u64,
    pub(super) imported: u64,
    pub(super) refused: u64,
    /// The file of refused rows, as far as it belongs to them.
    pub(super) refused_part: RefusedPart,
    /// Written with the last of them, or later.
    pub(super) mark: Option<Mark>,
}

/// What helps when a transfer can't be continued.
pub(super) fn restart(file: &Path) -> String {
    format!("delete {} to begin from the start", sibling(file, ".progress").display())
}

/// The part that every version of the file has.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Progress {
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
            mark: None,
        }
    }

    /// Reads what an earlier run left, if anything, and passes over what it did. Refuses another store, app or file.
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
            // Killed before anything was done: as good as none.
            return Ok(self);
        }
        anyhow::ensure!(
            found.store == self.store,
            "{} lines of {} are imported into the store {}, and this is the store {}: nothing was sent; run the command on that store to continue, or {restart}",
            found.lines,
            file.display(),
            found.store,
            self.store
        );
        anyhow::ensure!(
            found.app == self.app,
            "an import into app {} was not finished; {restart}",
            found.app
        );
        let other = || format!("{} is not the file of which a part was imported; {restart}", file.display());
        anyhow::ensure!(found.size == self.size, other());
        while source.fingerprint().lines < found.lines {
            if source.next_row()?.is_none() {
                break;
            }
        }
        anyhow::ensure!(
            source.fingerprint().lines == found.lines && source.fingerprint().hash() == found.hash,
            other()
        );
        Ok(found)
    }

    /// Everything that was read is done.
    pub(super) fn advance(&mut self, source: &dyn RowSource) {
        let seen = source.fingerprint();
        self.lines = seen.lines;
        self.hash = seen.hash();
    }

    /// Writes the file; a crash leaves the old one or the new one.
    pub(super) fn save(&self, file: &Path) -> anyhow::Result<()> {
        let (path, fresh) = (sibling(file, ".progress"), sibling(file, ".progress.new"));
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        let written =
            written.and_then(|text| fs::write(&fresh, text)).and_then(|()| fs::rename(&fresh, &path));
        written.with_context(|| format!("can't write {}, where progress is kept", path.display()))
    }

    /// All is done.
    pub(super) fn remove(file: &Path) -> anyhow::Result<()> {
        let path = sibling(file, ".progress");
        fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))
    }
}
