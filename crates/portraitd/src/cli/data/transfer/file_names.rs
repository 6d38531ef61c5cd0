//! Names of files beside the file that is transferred.

use std::path::{Path, PathBuf};

/// Appends an ending to a name: `accounts.jsonl.progress`.
pub(crate) fn sibling(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
