//! CSV files of accounts: a record for each account, a column for each field.

use super::json_lines::cut_short;
use super::row::{Fingerprint, ROW_BYTES_MAX, Row, RowSource};
use crate::cli::call::profile::tag;
use crate::cli::language::localized;
use anyhow::Context;
use portraitd_admin::types::AppView;
use portraitd_model::{STANDARD_FIELDS, SdkAppId, Tag, TagValue, ValueType};
use serde::Serialize;
use serde_json::value::RawValue;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The name of the column that every header must have.
pub(super) const USER_ID: &str = "UserID";

/// A column of the header.
struct Column {
    tag: String,
    number: bool,
}

/// The rows of a CSV file.
pub(crate) struct CsvRows<R> {
    records: csv::Reader<Bounded<R>>,
    budget: Rc<Cell<usize>>,
    /// The columns in the order of the file; `None` is the `UserID`.
    columns: Vec<Option<Column>>,
    fingerprint: Fingerprint,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header. Every column must be one that the app knows, and one must be the `UserID`.
    pub(crate) fn new(reader: R, app: &AppView) -> anyhow::Result<Self> {
        let budget = Rc::new(Cell::new(BUDGET));
        let bounded = Bounded { inner: reader, budget: Rc::clone(&budget) };
        let mut builder = csv::ReaderBuilder::new();
        let mut records = builder.flexible(true).from_reader(bounded);
        let header =
            records.headers().with_context(|| localized!("the header can't be read", "无法读取表头"))?;
        let names = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim());
        let columns = names.map(|name| column(name, app)).collect::<anyhow::Result<Vec<_>>>()?;
        let ids = columns.iter().filter(|column| column.is_none()).count();
        anyhow::ensure!(
            ids == 1,
            localized!(
                "the header must have one column UserID; it has {ids}. Nothing was imported",
                "表头必须有一列 UserID，现有 {ids} 列。没有导入任何内容"
            )
        );
        for (index, column) in columns.iter().enumerate() {
            let tag = column.as_ref().map(|column| &column.tag);
            let earlier =
                columns.iter().take(index).any(|other| other.as_ref().map(|other| &other.tag) == tag);
            anyhow::ensure!(
                !earlier,
                localized!(
                    "two columns of the header are {}. Nothing was imported",
                    "表头中有两列为 {}。没有导入任何内容",
                    tag.map_or("UserID", |tag| tag)
                )
            );
        }
        let mut fingerprint = Fingerprint::default();
        fingerprint.lines = 1;
        fingerprint.record(header.as_byte_record());
        Ok(Self { records, budget, columns, fingerprint })
    }

    /// The number of the line on which a record begins. The position that the record itself holds counts blank lines before
    /// it as part of it; the position of its end does not.
    fn line_of(&self, record: &csv::ByteRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::line);
        let lines = record.as_slice().split(|byte| *byte == b'\n').count() as u64;
        start.max(self.records.position().line().saturating_sub(lines))
    }

    /// The record as the JSON line of an account.
    fn line(&self, record: csv::ByteRecord) -> Result<String, String> {
        let (cells, columns) = (record.len(), self.columns.len());
        if cells != columns {
            return Err(localized!(
                "the row has {cells} cells, and the header {columns}",
                "该行有 {cells} 个单元格，表头有 {columns} 个"
            ));
        }
        let record = csv::StringRecord::from_byte_record(record)
            .map_err(|_| localized!("the row is not UTF-8", "该行不是 UTF-8"))?;
        let mut account = Account { user: "", items: Vec::new() };
        for (cell, column) in record.iter().zip(&self.columns) {
            match column {
                None => account.user = cell,
                // An empty cell sets nothing.
                Some(_) if cell.is_empty() => {}
                Some(column) => {
                    account.items.push(TagValue { tag: &column.tag, value: value(cell, column)? });
                }
            }
        }
        serde_json::to_string(&account).map_err(|error| error.to_string())
    }
}

#[derive(Serialize)]
struct Account<'a> {
    #[serde(rename = "UserID")]
    user: &'a str,
    #[serde(rename = "ProfileItem")]
    items: Vec<TagValue<&'a str, Box<RawValue>>>,
}

fn value(cell: &str, column: &Column) -> Result<Box<RawValue>, String> {
    if !column.number {
        return serde_json::value::to_raw_value(cell).map_err(|error| error.to_string());
    }
    let number = RawValue::from_string(cell.trim().to_owned()).ok();
    let number =
        number.filter(|value| value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()));
    number.ok_or_else(|| format!("{}: `{cell}` is not a number", column.tag))
}

fn column(name: &str, app: &AppView) -> anyhow::Result<Option<Column>> {
    if name == USER_ID {
        return Ok(None);
    }
    let id = app.sdkappid;
    let known = match Tag::parse(&tag(name), SdkAppId(id)) {
        Some(Tag::Standard(tag)) => {
            let field = STANDARD_FIELDS.iter().find(|field| field.tag == tag);
            field.map(|field| (field.name.to_owned(), field.value_type == ValueType::Uint32))
        }
        Some(Tag::Custom(keyword)) => {
            let field = app.fields.iter().find(|field| field.keyword == keyword.as_str());
            field.map(|field| (Tag::Custom(keyword).to_string(), field.value_type == "uint64"))
        }
        None => None,
    };
    let (tag, number) = known.with_context(|| {
        localized!(
            "column `{name}`: app {id} has no such field; define it with portraitd field define, or take the column out (a comma stands between two columns). Nothing was imported",
            "列 `{name}`：应用 {id} 没有此资料字段；请用 portraitd field define 定义，或去掉该列（两列之间用逗号分隔）。没有导入任何内容"
        )
    })?;
    Ok(Some(Column { tag, number }))
}

/// The most bytes that are read for one record.
const BUDGET: usize = 2 * ROW_BYTES_MAX;

/// A reader with a limit of bytes for each record: a quote that is never closed must not take a whole file into memory.
struct Bounded<R> {
    inner: R,
    budget: Rc<Cell<usize>>,
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
        let number = self.line_of(&record);
        self.fingerprint.lines = number;
        self.fingerprint.record(&record);
        self.fingerprint.bytes = self.records.position().byte();
        let mut text = csv::Writer::from_writer(Vec::new());
        text.write_byte_record(&record)?;
        let text = String::from_utf8_lossy(&text.into_inner()?).trim_end().to_owned();
        Ok(Some(Row { number, text, line: self.line(record) }))
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}
