//! Files of accounts, as `portraitd import` reads them.

use portraitd::parsers::{self, Row};
use portraitd_admin::types::AppView;

/// A file of one account as JSON on each line.
pub(crate) fn json_lines(bytes: &[u8]) -> bool {
    has_rows(parsers::json_lines(bytes))
}

/// A CSV file with a header of the app's fields.
pub(crate) fn csv(bytes: &[u8], app: &AppView) -> bool {
    parsers::csv(bytes, app).is_ok_and(has_rows)
}

/// Asserts that line numbers never go back. Returns whether there was a row at all.
fn has_rows<E>(rows: impl Iterator<Item = Result<Row, E>>) -> bool {
    let mut line = 0;
    for row in rows.map_while(Result::ok) {
        assert!(row.number >= line, "the number of a row's line went back");
        line = row.number;
    }
    line > 0
}
