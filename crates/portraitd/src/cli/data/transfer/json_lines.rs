//! Files with one row a line, read in bounded memory.

use super::row::{Fingerprint, ROW_BYTES_MAX, Row, RowSource};
use crate::cli::language::chosen::localized;
use anyhow::Context;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Opens a file, or standard input for `-`.
pub(crate) fn open(file: &Path) -> anyhow::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened =
        File::open(file).with_context(|| localized!("can't read {}", "无法读取 {}", file.display()))?;
    Ok(Box::new(opened))
}

/// Says that reading a file failed after its start.
pub(super) fn cut_short() -> String {
    localized!("the file can't be read further", "无法继续读取文件")
}

/// The lines of a file. Blank ones are skipped.
pub(crate) struct JsonLines<R> {
    reader: BufReader<R>,
    fingerprint: Fingerprint,
}

impl<R: Read> JsonLines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader), fingerprint: Fingerprint::default() }
    }

    /// The next line, and whether it is complete or was cut off at the limit of a row; `None` at the end.
    fn line(&mut self) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        let bound = ROW_BYTES_MAX as u64 + 1;
        if self.reader.by_ref().take(bound).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.fingerprint.lines += 1;
        self.fingerprint.bytes(&line);
        let whole = line.ends_with(b"\n") || line.len() <= ROW_BYTES_MAX;
        let mut rest = Vec::new();
        while !whole && !rest.ends_with(b"\n") {
            rest.clear();
            if self.reader.by_ref().take(bound).read_until(b'\n', &mut rest)? == 0 {
                break;
            }
            self.fingerprint.bytes(&rest);
        }
        Ok(Some((line, whole)))
    }
}

impl<R: Read> RowSource for JsonLines<R> {
    fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        loop {
            let Some((line, whole)) = self.line().with_context(cut_short)? else {
                return Ok(None);
            };
            let number = self.fingerprint.lines;
            let line =
                if number == 1 { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line) } else { &line };
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            if !whole {
                /// The characters of the line that are kept, to find it by.
                const SHOWN: usize = 200;
                let text = String::from_utf8_lossy(line.get(..SHOWN).unwrap_or_default()).into_owned();
                let line = Err(localized!(
                    "the line is longer than {ROW_BYTES_MAX} bytes",
                    "该行超过 {ROW_BYTES_MAX} 字节"
                ));
                return Ok(Some(Row { number, text, line }));
            }
            let text = String::from_utf8_lossy(line).into_owned();
            let line = std::str::from_utf8(line)
                .map(str::to_owned)
                .map_err(|_| localized!("the line is not UTF-8", "该行不是 UTF-8"));
            return Ok(Some(Row { number, text, line }));
        }
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_counted_and_hashed() {
        let long = "x".repeat(ROW_BYTES_MAX * 2);
        let text = format!("\u{feff}one\r\n\n  \n{long}\nfour\nhalf");
        let mut lines = JsonLines::new(text.as_bytes());
        let rows: Vec<Row> = std::iter::from_fn(|| lines.next_row().unwrap()).collect();
        let found: Vec<_> = rows.iter().map(|row| (row.number, row.line.as_deref().ok())).collect();
        assert_eq!(found, [(1, Some("one")), (4, None), (5, Some("four")), (6, Some("half"))]);
        assert_eq!(lines.fingerprint().bytes, text.len() as u64);
        assert_ne!(lines.fingerprint().hash(), Fingerprint::default().hash());
    }
}
