//! Recognises whether a file of accounts is JSON Lines or CSV, by its first line and then by its name.

use super::csv::CsvRows;
use super::json_lines::{JsonLines, open};
use super::row::{ROW_BYTES_MAX, RowSource};
use crate::cli::language::chosen::localized;
use anyhow::Context;
use portraitd_admin::csv_rows::USER_ID;
use portraitd_admin::types::AppView;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// Opens a file of accounts, or standard input for `-`. With `csv` it is read as CSV whatever it looks like.
pub(crate) fn open_accounts(file: &Path, csv: bool, app: &AppView) -> anyhow::Result<Box<dyn RowSource>> {
    let mut reader = BufReader::new(open(file)?);
    let start = first_lines(&mut reader)
        .with_context(|| localized!("can't read {}", "无法读取 {}", file.display()))?;
    let is_csv = csv || looks_like_csv(&start, file);
    let reader = Cursor::new(start).chain(reader);
    Ok(if is_csv { Box::new(CsvRows::new(reader, app)?) } else { Box::new(JsonLines::new(reader)) })
}

/// Reads up to the end of the first line that is not blank, and at most as much as a row may hold.
fn first_lines(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    loop {
        let (before, bound) = (start.len(), ROW_BYTES_MAX.saturating_sub(start.len()) as u64);
        let read = reader.take(bound).read_until(b'\n', &mut start)?;
        let line = start.get(before..).unwrap_or_default();
        if read == 0 || !without_mark(line).trim_ascii().is_empty() {
            return Ok(start);
        }
    }
}

/// A line without the byte order mark that spreadsheets write first.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
}

fn looks_like_csv(start: &[u8], file: &Path) -> bool {
    let line = without_mark(start).trim_ascii();
    // A line of JSON, whatever the name of the file: no column can have such a name.
    if line.starts_with(b"{") {
        return false;
    }
    let named = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let mut records = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
    let header = records.records().next().and_then(Result::ok);
    named || header.is_some_and(|header| header.iter().any(|name| name.trim() == USER_ID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_recognised_by_its_header_or_its_name() {
        let check = |text: &str, file: &str, expected: bool| {
            let mut reader = BufReader::new(text.as_bytes());
            let start = first_lines(&mut reader).unwrap();
            assert_eq!(looks_like_csv(&start, Path::new(file)), expected, "{text:?} in {file}");
            let mut whole = String::new();
            Cursor::new(start).chain(reader).read_to_string(&mut whole).unwrap();
            assert_eq!(whole, text, "nothing is lost");
        };
        let json = "{\"UserID\":\"a\"}\n{\"UserID\":\"b\"}\n";
        for (text, file, expected) in [
            ("UserID,Nick\na,A\n", "-", true),
            ("UserID,Nick\na,A\n", "people.txt", true),
            ("\u{feff}Nick, UserID \r\nA,a\r\n", "-", true),
            ("\n \r\n\"Nick\",\"UserID\"\nA,a\n", "-", true),
            ("UserID", "-", true),
            (json, "-", false),
            (json, "all.jsonl", false),
            (json, "all.csv", false),
            ("\u{feff}\n  {\"UserID\":\"UserID,a\"}", "-", false),
            ("Nick\nA\n", "people.csv", true),
            ("Nick\nA\n", "people.CSV", true),
            ("Nick\nA\n", "people.csv.txt", false),
            ("userid,Nick\n", "-", false),
            ("MyUserID,Nick\n", "-", false),
            ("UserID;Nick\n", "-", false),
            ("", "-", false),
            ("", "empty.csv", true),
            ("\n\n\n", "-", false),
        ] {
            check(text, file, expected);
        }
        check(&"x".repeat(3 * ROW_BYTES_MAX), "-", false);
        check(&"\n".repeat(2 * ROW_BYTES_MAX), "-", false);
        check(&format!("{}UserID\n", "\n".repeat(5000)), "-", true);
    }
}
