//! The file of `--report`: at the end it has the whole report, and until then what it had before.

use crate::cli::data::transfer::file_names::sibling;
use crate::cli::language::chosen::localized;
use anyhow::Context;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the report is written.
pub(super) enum ReportFile {
    /// To a file beside it, which takes its name when it is complete.
    Renamed {
        file: PathBuf,
        new: PathBuf,
        /// Whether the new file is to be removed: no report is in it.
        is_empty: bool,
    },
    /// A pipe or a terminal, which can't be replaced.
    Direct(PathBuf),
}

impl ReportFile {
    /// Creates the new file, so that a place that can't be written shows before calls are forwarded.
    pub(super) fn prepare(file: &Path) -> anyhow::Result<Self> {
        if fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Ok(Self::Direct(file.to_owned()));
        }
        // Of a link, the file that it leads to is replaced.
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let shown = file.display();
        anyhow::ensure!(
            !file.is_dir(),
            localized!(
                "--report {shown} is a directory; name a file in it",
                "--report {shown} 是目录；请指明其中的文件"
            )
        );
        let new = sibling(&file, ".new");
        File::create(&new).with_context(|| cant_write(&new))?;
        Ok(Self::Renamed { file, new, is_empty: true })
    }

    /// Writes the whole report.
    pub(super) fn write(mut self, text: &str) -> anyhow::Result<()> {
        match &mut self {
            Self::Direct(file) => fs::write(&*file, text).with_context(|| cant_write(file)),
            Self::Renamed { file, new, is_empty } => {
                let mut out = File::create(&*new).with_context(|| cant_write(new))?;
                out.write_all(text.as_bytes())
                    .and_then(|()| out.sync_all())
                    .with_context(|| cant_write(new))?;
                *is_empty = false;
                fs::rename(&*new, &*file).with_context(|| {
                    let (file, new) = (file.display(), new.display());
                    localized!(
                        "can't rename {new} to {file}; the report is in {new}",
                        "无法将 {new} 重命名为 {file}；报告在 {new} 中"
                    )
                })
            }
        }
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        if let Self::Renamed { new, is_empty: true, .. } = self {
            // Nothing depends on it.
            let _ = fs::remove_file(new);
        }
    }
}

fn cant_write(file: &Path) -> String {
    localized!("can't write {}", "无法写入 {}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_there_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("report.json");
        let names = || fs::read_dir(dir.path()).unwrap().count();
        drop(ReportFile::prepare(&file).unwrap());
        assert_eq!(names(), 0);
        fs::write(&file, "the last one").unwrap();
        let prepared = ReportFile::prepare(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "the last one");
        prepared.write("{}").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), names()), ("{}", 1));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        ReportFile::prepare(&link).unwrap().write("[]").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "[]");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(ReportFile::prepare(dir.path()).is_err());
        assert!(ReportFile::prepare(&dir.path().join("none/report.json")).is_err());
        ReportFile::prepare(Path::new("/dev/null")).unwrap().write("{}").unwrap();
    }
}
