//! CSV files of accounts: the header names the columns, and each record becomes the JSON line of an account. The command line
//! and the admin API read CSV by these rules.

use crate::types::AppView;
use csv::{ByteRecord, Position, StringRecord};
use portraitd_model::{Bilingual, STANDARD_FIELDS, SdkAppId, Tag, TagValue, ValueType, bilingual, whole_tag};
use serde::Serialize;
use serde_json::value::RawValue;

/// The name of the column that every header must have.
pub const USER_ID: &str = "UserID";

/// The columns of a file, in its order.
pub struct CsvColumns {
    /// `None` is the UserID.
    columns: Vec<Option<Column>>,
}

struct Column {
    tag: String,
    number: bool,
}

/// A row of a file.
pub(super) struct CsvRow {
    /// The number of the line that it begins on.
    pub(super) number: usize,
    /// The JSON line of its account, or why it has none.
    pub(super) line: Result<String, Bilingual>,
}

/// An account's line, as it is written.
#[derive(Serialize)]
struct Account<'a> {
    #[serde(rename = "UserID")]
    user: &'a str,
    #[serde(rename = "ProfileItem")]
    items: Vec<TagValue<&'a str, Box<RawValue>>>,
}

impl CsvColumns {
    /// Reads a header. Every column must be one that the app knows, each once, and one must be the UserID.
    pub fn read(header: &StringRecord, app: &AppView) -> Result<Self, Bilingual> {
        let names = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim());
        let columns = names.map(|name| column(name, app)).collect::<Result<Vec<_>, _>>()?;
        let ids = columns.iter().filter(|column| column.is_none()).count();
        if ids != 1 {
            return Err(bilingual!(
                "the header must have one column UserID; it has {ids}. Nothing was imported",
                "表头必须有一列 UserID，现有 {ids} 列。没有导入任何内容"
            ));
        }
        for (index, column) in columns.iter().enumerate() {
            let tag = column.as_ref().map(|column| &column.tag);
            let mut earlier = columns.iter().take(index);
            if earlier.any(|other| other.as_ref().map(|other| &other.tag) == tag) {
                let tag = tag.map_or(USER_ID, |tag| tag);
                return Err(bilingual!(
                    "two columns of the header are {tag}. Nothing was imported",
                    "表头中有两列为 {tag}。没有导入任何内容"
                ));
            }
        }
        Ok(Self { columns })
    }

    /// Returns a record as the JSON line of an account, or the sentence that says why it is none.
    pub fn line(&self, record: ByteRecord) -> Result<String, Bilingual> {
        let (cells, columns) = (record.len(), self.columns.len());
        if cells != columns {
            return Err(bilingual!(
                "the row has {cells} cells, and the header {columns}",
                "该行有 {cells} 个单元格，表头有 {columns} 个"
            ));
        }
        let record = StringRecord::from_byte_record(record)
            .map_err(|_| bilingual!("the row is not UTF-8", "该行不是 UTF-8"))?;
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
        serde_json::to_string(&account).map_err(Bilingual::quoted)
    }
}

/// Returns the number of the line on which a record begins. `end` is where its reader stands; `cr_lf`: whether the file's
/// lines end with CR LF, of which the reader has not read the LF then. The position that the record itself holds counts blank
/// lines before it as part of it; the position of its end does not.
pub fn first_line(record: &ByteRecord, end: &Position, cr_lf: bool) -> u64 {
    let start = record.position().map_or(0, Position::line);
    let lines = record.as_slice().split(|byte| *byte == b'\n').count() as u64;
    start.max((end.line() + u64::from(cr_lf)).saturating_sub(lines))
}

/// Reads a whole CSV file.
pub(super) fn read_all(body: &[u8], app: &AppView, rows_max: usize) -> Result<Vec<CsvRow>, Bilingual> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body);
    let unreadable =
        |error: csv::Error| bilingual!("the CSV can't be read: {error}", "无法读取 CSV：{error}");
    let columns = CsvColumns::read(reader.headers().map_err(unreadable)?, app)?;
    let cr_lf =
        body.split_inclusive(|byte| *byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r\n"));
    let (mut rows, mut record) = (Vec::new(), ByteRecord::new());
    while reader.read_byte_record(&mut record).map_err(unreadable)? {
        if rows.len() == rows_max {
            return Err(bilingual!(
                "the body has more than {rows_max} rows, the most that are allowed in one call",
                "包体超过 {rows_max} 行，即每次调用的上限"
            ));
        }
        let number = usize::try_from(first_line(&record, reader.position(), cr_lf)).unwrap_or(usize::MAX);
        rows.push(CsvRow { number, line: columns.line(std::mem::take(&mut record)) });
    }
    Ok(rows)
}

fn value(cell: &str, column: &Column) -> Result<Box<RawValue>, Bilingual> {
    if !column.number {
        return serde_json::value::to_raw_value(cell).map_err(Bilingual::quoted);
    }
    let number = RawValue::from_string(cell.trim().to_owned()).ok();
    let number =
        number.filter(|value| value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()));
    number.ok_or_else(|| bilingual!("`{cell}` is not a number", "`{cell}` 不是数字").of_member(&column.tag))
}

fn column(name: &str, app: &AppView) -> Result<Option<Column>, Bilingual> {
    if name == USER_ID {
        return Ok(None);
    }
    let id = app.sdkappid;
    let known = match Tag::parse(&whole_tag(name), SdkAppId(id)) {
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
    let Some((tag, number)) = known else {
        return Err(bilingual!(
            "column `{name}`: app {id} has no such field; define it with portraitd field define, or take the column out (a comma stands between two columns). Nothing was imported",
            "列 `{name}`：应用 {id} 没有此资料字段；请用 portraitd field define 定义，或去掉该列（两列之间用逗号分隔）。没有导入任何内容"
        ));
    };
    Ok(Some(Column { tag, number }))
}
