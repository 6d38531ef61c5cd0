//! Files of accounts, as `portraitd import` reads them, and files of apps, as `portraitd app apply` and `portraitd dev` do.

use portraitd::parsers::{self, Row};
use portraitd_admin::types::AppView;
use portraitd_emulator::seed::{self, SeedFormat};
use portraitd_model::{AppSettings, SdkAppId};

/// A file of apps: what is read of each is what a store accepts.
pub(crate) fn apps(text: &str) -> bool {
    let Ok(apps) = seed::parse(text, SeedFormat::Document, &AppSettings::new(SdkAppId(1))) else {
        return false;
    };
    for app in &apps {
        assert!(app.settings.validate().is_ok(), "{:?}", app.settings.validate());
    }
    true
}

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
