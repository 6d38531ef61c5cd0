//! `FILE.refused`: the rows that were refused, each with its reason. The file of an earlier run is never overwritten;
//! another run uses the next free name.

use super::file_names::sibling;
use super::row::{Fingerprint, Row};
use crate::cli::language::chosen::localized;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of a transfer's refused rows, and how much of it belongs to the rows that are done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusedPart {
    /// 0: none yet; 1: `FILE.refused`; 2: `FILE.refused.2`; and so on.
    number: u32,
    bytes: u64,
    /// The hash of these bytes.
    hash: String,
}

/// The file, which is created with the first row that is refused.
pub(super) struct RefusedRows {
    /// The file that is transferred.
    file: PathBuf,
    number: u32,
    written: Fingerprint,
    out: Option<BufWriter<File>>,
}

impl RefusedRows {
    /// Continues after `part` if its file is unchanged; otherwise the next row goes to another file.
    pub(super) fn resume(file: &Path, part: &RefusedPart) -> anyhow::Result<Self> {
        let mut rows = Self { file: file.to_owned(), number: 0, written: Fingerprint::default(), out: None };
        if part.number > 0 {
            let path = rows.path_of(part.number);
            rows.reopen(&path, part)
                .with_context(|| localized!("can't continue {}", "无法继续写入 {}", path.display()))?;
        }
        Ok(rows)
    }

    /// Cuts off the rows that an interrupted run refused and that are about to be read again.
    fn reopen(&mut self, path: &Path, part: &RefusedPart) -> std::io::Result<()> {
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut found = Fingerprint::default();
        let (mut reader, mut chunk) = (BufReader::new(&file).take(part.bytes), vec![0; 1 << 16]);
        loop {
            let read = reader.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            found.bytes(chunk.get(..read).unwrap_or_default());
        }
        if found.bytes == part.bytes && found.hash() == part.hash {
            file.set_len(part.bytes)?;
            file.seek(SeekFrom::End(0))?;
            (self.number, self.written) = (part.number, found);
            self.out = Some(BufWriter::new(file));
        }
        Ok(())
    }

    /// Writes one row as a line of JSON, with its number and the reason. If the file of an earlier run was found, returns a
    /// sentence about it, once.
    pub(super) fn write(&mut self, row: &Row, reason: &str) -> anyhow::Result<Option<String>> {
        #[derive(Serialize)]
        struct Refused<'a> {
            line: u64,
            reason: &'a str,
            text: &'a str,
        }
        let mut line = serde_json::to_vec(&Refused { line: row.number, reason, text: &row.text })?;
        line.push(b'\n');
        let notice = if self.out.is_none() { self.create()? } else { None };
        let path = self.path();
        if let Some(out) = self.out.as_mut() {
            out.write_all(&line)
                .with_context(|| localized!("can't write {}", "无法写入 {}", path.display()))?;
        }
        self.written.bytes(&line);
        Ok(notice)
    }

    /// Creates the file under the first name that is free.
    fn create(&mut self) -> anyhow::Result<Option<String>> {
        self.written = Fingerprint::default();
        for number in 1.. {
            self.number = number;
            let path = self.path();
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    self.out = Some(BufWriter::new(file));
                    let earlier = self.path_of(number - 1);
                    return Ok((number > 1).then(|| {
                        localized!(
                            "{} holds rows that an earlier run refused, and is kept; rows that are refused now are in {}",
                            "{} 中是先前运行时被拒绝的行，予以保留；此次被拒绝的行在 {}",
                            earlier.display(),
                            path.display()
                        )
                    }));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| localized!("can't write {}", "无法写入 {}", path.display()));
                }
            }
        }
        anyhow::bail!(localized!(
            "{} has too many files of refused rows beside it",
            "{} 旁边的 .refused 文件过多",
            self.file.display()
        ))
    }

    /// Whether a file is open.
    pub(super) fn is_open(&self) -> bool {
        self.out.is_some()
    }

    /// The part of the file that is written.
    pub(super) fn part(&self) -> RefusedPart {
        RefusedPart { number: self.number, bytes: self.written.bytes, hash: self.written.hash() }
    }

    /// Flushes what was written to the operating system.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let path = self.path();
        let flushed = self.out.as_mut().map_or(Ok(()), Write::flush);
        flushed.with_context(|| localized!("can't write {}", "无法写入 {}", path.display()))
    }

    /// The path of the file.
    pub(super) fn path(&self) -> PathBuf {
        self.path_of(self.number)
    }

    fn path_of(&self, number: u32) -> PathBuf {
        match number {
            0 | 1 => sibling(&self.file, ".refused"),
            _ => sibling(&self.file, &format!(".refused.{number}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn row(number: u64) -> Row {
        Row { number, text: format!("row {number}"), line: Err(String::new()) }
    }

    /// Writes rows as a run does that continues after `part`.
    fn write(file: &Path, part: &RefusedPart, numbers: &[u64]) -> (RefusedPart, PathBuf, Option<String>) {
        let mut rows = RefusedRows::resume(file, part).unwrap();
        let notice = numbers.iter().filter_map(|number| rows.write(&row(*number), "no").unwrap());
        let notice = notice.collect::<Vec<_>>().pop();
        rows.flush().unwrap();
        (rows.part(), rows.path(), notice)
    }

    fn numbers(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap();
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["line"].as_u64();
        text.lines().map(|text| line(text).unwrap()).collect()
    }

    #[test]
    fn a_run_that_continues_goes_on_where_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        let (saved, path, notice) = write(&file, &RefusedPart::default(), &[1, 2]);
        assert_eq!((path.clone(), notice), (dir.path().join("f.refused"), None));
        // Refused, but not saved as done: read again.
        write(&file, &saved, &[3, 4]);
        let (_, again, notice) = write(&file, &saved, &[4, 5]);
        assert_eq!((numbers(&path), again, notice), (vec![1, 2, 4, 5], path.clone(), None));
        // Also when nothing is refused any more.
        write(&file, &saved, &[]);
        assert_eq!(numbers(&path), [1, 2]);
    }

    #[test]
    fn what_is_there_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        let at = |name: &str| dir.path().join(name);
        let (saved, ..) = write(&file, &RefusedPart::default(), &[1, 2]);
        let (_, path, notice) = write(&file, &RefusedPart::default(), &[3]);
        assert_eq!(path, at("f.refused.2"));
        let told = format!("{} holds rows that an earlier run refused", at("f.refused").display());
        assert!(notice.unwrap().starts_with(&told));
        // Changed by hand, shorter, or another file: left alone.
        for changed in ["by hand, and longer than what was there, so that the length does not tell", "x", ""]
        {
            fs::write(at("f.refused"), changed).unwrap();
            let (_, path, _) = write(&file, &saved, &[9]);
            assert_eq!(fs::read_to_string(at("f.refused")).unwrap(), changed);
            assert_eq!(numbers(&path), [9]);
        }
        assert_eq!(numbers(&at("f.refused.2")), [3]);
        assert!(at("f.refused.5").exists() && !at("f.refused.6").exists());
        // Taken away: its name is free, and no bytes are made up for what was in it.
        fs::remove_file(at("f.refused")).unwrap();
        let (_, path, _) = write(&file, &saved, &[7]);
        assert_eq!((path.clone(), numbers(&path)), (at("f.refused"), vec![7]));
    }
}
