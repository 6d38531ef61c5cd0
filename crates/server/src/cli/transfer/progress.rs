//! How far a transfer has come, in a small file beside what is transferred, so that the same command continues.

use super::source::Source;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    v: u32,
    /// Into which app.
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
    /// How much of the file of refused rows belongs to them.
    pub(super) refused_bytes: u64,
}

/// A name with something behind it: `accounts.jsonl.progress`.
pub(crate) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl Progress {
    /// A transfer that has not begun.
    pub(super) fn new(app: u32, size: u64) -> Self {
        Self { v: VERSION, app, size, ..Self::default() }
    }

    /// Reads what an earlier run left, if anything, and passes over what it did. Refuses another file or app.
    pub(super) fn resume(self, file: &Path, source: &mut dyn Source) -> anyhow::Result<Self> {
        let path = beside(file, ".progress");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
        };
        let anew = format!("delete {} to begin anew", path.display());
        let found: Self = serde_json::from_slice(&text).with_context(|| format!("it is damaged; {anew}"))?;
        anyhow::ensure!(found.v == VERSION, "it was written by another version of portraitd; {anew}");
        if found.read == 0 {
            // Killed before anything was done: as good as none.
            return Ok(self);
        }
        anyhow::ensure!(found.app == self.app, "an import into app {} was not finished; {anew}", found.app);
        let other = || format!("{} is not the file of which a part was imported; {anew}", file.display());
        anyhow::ensure!(found.size == self.size, other());
        while source.seen().lines < found.lines {
            if source.row()?.is_none() {
                break;
            }
        }
        anyhow::ensure!(source.seen().lines == found.lines && source.seen().hash() == found.hash, other());
        Ok(found)
    }

    /// Everything that was read is done.
    pub(super) fn advance(&mut self, source: &dyn Source) {
        let seen = source.seen();
        self.lines = seen.lines;
        self.hash = seen.hash();
    }

    /// Writes the file anew; a crash leaves the old one or the new one.
    pub(super) fn save(&self, file: &Path) -> anyhow::Result<()> {
        let (path, fresh) = (beside(file, ".progress"), beside(file, ".progress.new"));
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        let written =
            written.and_then(|text| fs::write(&fresh, text)).and_then(|()| fs::rename(&fresh, &path));
        written.with_context(|| format!("can't write {}, where progress is kept", path.display()))
    }

    /// All is done.
    pub(super) fn remove(file: &Path) -> anyhow::Result<()> {
        let path = beside(file, ".progress");
        fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))
    }
}
