//! CSV files of accounts: a record for each account, a column for each field.

use super::json_lines::cut_short;
use super::row::{Fingerprint, ROW_BYTES_MAX, Row, RowSource};
use crate::cli::language::chosen::{language, localized};
use anyhow::Context;
use portraitd_admin::csv_rows::{CsvColumns, first_line};
use portraitd_admin::types::AppView;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The rows of a CSV file.
pub(crate) struct CsvRows<R> {
    records: csv::Reader<Bounded<R>>,
    budget: Rc<Cell<usize>>,
    cr_lf: Rc<Cell<Option<bool>>>,
    columns: CsvColumns,
    fingerprint: Fingerprint,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header. Every column must be one that the app knows, and one must be the `UserID`.
    pub(crate) fn new(reader: R, app: &AppView) -> anyhow::Result<Self> {
        let (budget, cr_lf) = (Rc::new(Cell::new(BUDGET)), Rc::default());
        let bounded = Bounded { inner: reader, budget: Rc::clone(&budget), cr_lf: Rc::clone(&cr_lf) };
        let mut builder = csv::ReaderBuilder::new();
        let mut records = builder.flexible(true).from_reader(bounded);
        let header =
            records.headers().with_context(|| localized!("the header can't be read", "无法读取表头"))?;
        let columns = CsvColumns::read(header, app)
            .map_err(|reason| anyhow::Error::msg(reason.pick(language()).to_owned()))?;
        let mut fingerprint = Fingerprint::default();
        fingerprint.lines = 1;
        fingerprint.record(header.as_byte_record());
        Ok(Self { records, budget, cr_lf, columns, fingerprint })
    }
}

/// The most bytes that are read for one record.
const BUDGET: usize = 2 * ROW_BYTES_MAX;

/// A reader with a limit of bytes for each record: a quote that is never closed must not take a whole file into memory.
struct Bounded<R> {
    inner: R,
    budget: Rc<Cell<usize>>,
    /// Whether the first line ends with CR LF; `None` before it was read.
    cr_lf: Rc<Cell<Option<bool>>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.budget.get() == 0 {
            return Err(io::Error::other(localized!(
                "a row is longer than 2 MiB; is a quote not closed?",
                "有一行超过 2 MiB；是否有引号没有闭合？"
            )));
        }
        let read = self.inner.read(bytes)?;
        self.budget.set(self.budget.get().saturating_sub(read));
        let mut lines = bytes.get(..read).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
        if let (None, Some(line)) = (self.cr_lf.get(), lines.next().filter(|line| line.ends_with(b"\n"))) {
            self.cr_lf.set(Some(line.ends_with(b"\r\n")));
        }
        Ok(read)
    }
}

impl<R: Read> RowSource for CsvRows<R> {
    fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        self.budget.set(BUDGET);
        let mut record = csv::ByteRecord::new();
        if !self.records.read_byte_record(&mut record).with_context(cut_short)? {
            return Ok(None);
        }
        let number = first_line(&record, self.records.position(), self.cr_lf.get() == Some(true));
        self.fingerprint.lines = number;
        self.fingerprint.record(&record);
        self.fingerprint.bytes = self.records.position().byte();
        let mut text = csv::Writer::from_writer(Vec::new());
        text.write_byte_record(&record)?;
        let text = String::from_utf8_lossy(&text.into_inner()?).trim_end().to_owned();
        let line = self.columns.line(record).map_err(|reason| reason.pick(language()).to_owned());
        Ok(Some(Row { number, text, line }))
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}
