//! Names of the files that stand beside what is transferred.

use std::path::{Path, PathBuf};

/// A name with something behind it: `accounts.jsonl.progress`.
pub(crate) fn sibling(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
