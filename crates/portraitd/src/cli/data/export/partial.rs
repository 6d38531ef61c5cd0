//! `FILE.partial`, an export that is not complete, and beside it `FILE.partial.progress`, which names its store, app and
//! user. The latter is on the disk before the first account is written.

use crate::cli::data::transfer::file_names::sibling;
use crate::cli::language::chosen::localized;
use anyhow::Context;
use portraitd_store::StoreId;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// The store, app and user of an export.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    v: u32,
    store: String,
    app: u32,
    /// `None`: all accounts.
    user: Option<String>,
}

impl Origin {
    pub(super) fn new(store: StoreId, app: u32, user: Option<&str>) -> Self {
        Self { v: VERSION, store: store.to_string(), app, user: user.map(str::to_owned) }
    }

    /// Fails unless `FILE.partial` is an export of the same store, app and user.
    fn check(&self, partial: &Path) -> anyhow::Result<()> {
        let (file, shown) = (progress(partial), partial.display());
        let restart = localized!("delete {shown} to begin from the start", "删除 {shown} 以便从头开始");
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => anyhow::bail!(localized!(
                "{} is missing, so the store and app of {shown} are not known; {restart}",
                "缺少 {}，因此无法得知 {shown} 属于哪份数据与哪个应用；请{restart}",
                file.display()
            )),
            Err(error) => {
                return Err(error)
                    .with_context(|| localized!("can't read {}", "无法读取 {}", file.display()));
            }
        };
        let found: Self = serde_json::from_slice(&text).with_context(|| {
            localized!(
                "{} is damaged, or of another version; {restart}",
                "{} 已损坏，或来自另一版本；请{restart}",
                file.display()
            )
        })?;
        anyhow::ensure!(
            found.store == self.store,
            localized!(
                "{shown} is an export of the store {}, and this is the store {}: nothing was written; run the command on that store to continue, or {restart}",
                "{shown} 是数据 {} 的导出，而这里是数据 {}：未写入任何内容；请对前者运行此命令以继续，或{restart}",
                found.store,
                self.store
            )
        );
        anyhow::ensure!(
            found.app == self.app,
            localized!(
                "{shown} is an export of app {}; {restart}",
                "{shown} 是应用 {} 的导出；请{restart}",
                found.app
            )
        );
        anyhow::ensure!(
            found == *self,
            localized!(
                "{shown} is an export of other users; {restart}",
                "{shown} 是其他用户的导出；请{restart}"
            )
        );
        Ok(())
    }

    fn write(&self, partial: &Path) -> anyhow::Result<()> {
        let (file, text) = (progress(partial), serde_json::to_vec(self)?);
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file);
        let written = opened.and_then(|mut out| out.write_all(&text).and_then(|()| out.sync_all()));
        written.with_context(|| localized!("can't write {}", "无法写入 {}", file.display()))
    }
}

/// The file of the [`Origin`].
fn progress(partial: &Path) -> PathBuf {
    sibling(partial, ".progress")
}

/// Opens `FILE.partial` at its end, and returns the last user in it. Only with `resume` may it exist.
pub(super) fn open(partial: &Path, origin: &Origin, resume: bool) -> anyhow::Result<(File, Option<String>)> {
    let shown = partial.display();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).create_new(!resume).mode(0o600);
    let mut file = options.open(partial).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow::anyhow!(localized!(
                "{shown} exists from an earlier export; continue it with --resume, or delete it",
                "{shown} 是先前的导出留下的；请用 --resume 继续，或将其删除"
            ))
        }
        _ => anyhow::Error::new(error).context(localized!("can't create {shown}", "无法创建 {shown}")),
    })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!(localized!("another export is writing {shown}", "另一个导出正在写入 {shown}"))
        }
        // A file system without locks.
        Err(TryLockError::Error(error)) => tracing::debug!(%error, "{shown} is not locked"),
    }
    let length = file.metadata().with_context(|| localized!("can't read {shown}", "无法读取 {shown}"))?.len();
    if length == 0 {
        origin.write(partial)?;
        return Ok((file, None));
    }
    origin.check(partial)?;
    let after = last_user(&mut file)
        .with_context(|| localized!("can't continue {shown}; delete it", "无法继续 {shown}；请将其删除"))?;
    Ok((file, after))
}

/// Renames the complete file.
pub(super) fn publish(partial: &Path, file: &Path) -> anyhow::Result<()> {
    fs::rename(partial, file)
        .with_context(|| localized!("can't rename {}", "无法重命名 {}", partial.display()))?;
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .with_context(|| localized!("can't sync {}", "无法同步 {}", dir.display()))?;
    let progress = progress(partial);
    fs::remove_file(&progress)
        .with_context(|| localized!("can't remove {}", "无法删除 {}", progress.display()))
}

/// Cuts off an incomplete last line, and returns the user of the last complete one.
fn last_user(file: &mut File) -> anyhow::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "UserID")]
        user: String,
    }
    let end = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
    let (mut tail, mut start) = (Vec::new(), file.metadata()?.len());
    loop {
        // Two ends make a whole line between them; so does one when the file begins there.
        let last = end(&tail);
        let before = last.and_then(|last| end(tail.get(..last)?));
        let line = match (last, before) {
            (Some(last), Some(before)) => tail.get(before + 1..last).map(|line| (line, last)),
            (Some(last), None) if start == 0 => tail.get(..last).map(|line| (line, last)),
            (None, _) if start == 0 => {
                file.set_len(0)?;
                file.rewind()?;
                return Ok(None);
            }
            _ => None,
        };
        if let Some((line, last)) = line {
            let line: Line = serde_json::from_slice(line)?;
            let length = start + last as u64 + 1;
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            return Ok(Some(line.user));
        }
        let step = start.min(1 << 16);
        start -= step;
        let mut chunk = vec![0; usize::try_from(step)?];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk)?;
        chunk.append(&mut tail);
        tail = chunk;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_continues_after_its_last_whole_line() {
        let check = |text: &str, user: Option<&str>, kept: usize| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(last_user(&mut file).unwrap().as_deref(), user, "{text}");
            assert_eq!(
                (file.metadata().unwrap().len(), file.stream_position().unwrap()),
                (kept as u64, kept as u64)
            );
        };
        let long = format!("{{\"UserID\":\"long\",\"x\":\"{}\"}}\n", "x".repeat(100_000));
        check("", None, 0);
        check("{\"UserID\":\"a\"", None, 0);
        check("{\"UserID\":\"a\"}\n", Some("a"), 15);
        check("{\"UserID\":\"a\"}\n{\"UserID\":\"b\"}\n{\"Us", Some("b"), 30);
        check(&format!("{{\"UserID\":\"a\"}}\n{long}half"), Some("long"), 15 + long.len());
    }
}
