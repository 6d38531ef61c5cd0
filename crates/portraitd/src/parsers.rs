//! The parsers of files that operators write, as functions of their contents. Public for the fuzz targets (`crates/fuzz`).

pub use crate::cli::data::transfer::row::Row;

use crate::cli::data::transfer::csv::CsvRows;
use crate::cli::data::transfer::json_lines::JsonLines;
use crate::cli::data::transfer::row::RowSource;
use crate::config::flags::Flags;
use crate::config::load::Loaded;
use portraitd_admin::types::AppView;
use std::path::Path;

/// Parses a configuration file. The error holds a line for each thing that is wrong.
pub fn configuration(text: &str) -> Result<(), String> {
    let file = Some((Path::new("portraitd.toml"), text));
    let loaded = Loaded::from_layers(file, std::iter::empty(), &[], &Flags::default());
    loaded.map(drop).map_err(|errors| errors.to_string())
}

/// The rows of a file with an account as JSON on each line.
pub fn json_lines(bytes: &[u8]) -> impl Iterator<Item = anyhow::Result<Row>> {
    rows(JsonLines::new(bytes))
}

/// The rows of a CSV file, or why its header does not fit the app.
pub fn csv(bytes: &[u8], app: &AppView) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Row>>> {
    Ok(rows(CsvRows::new(bytes, app)?))
}

fn rows(mut source: impl RowSource) -> impl Iterator<Item = anyhow::Result<Row>> {
    std::iter::from_fn(move || source.next_row().transpose())
}
