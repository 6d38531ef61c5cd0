//! The files of the console, embedded in the binary: readable source, without a build step. Their addresses carry a hash of
//! all of them, so that a browser may keep them for ever and never mixes two releases.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::sync::LazyLock;

macro_rules! assets {
    ($($path:literal)*) => {
        /// Every file but the page itself: its path and its bytes. A test holds the list against the directory.
        const FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("../../console/", $path))),)*];
    };
}

assets! {
    "api.js"
    "app.js"
    "i18n/en.js"
    "i18n/language.js"
    "i18n/zh.js"
    "icon.svg"
    "pages/apps.js"
    "pages/audit.js"
    "pages/audit/words.js"
    "pages/backup.js"
    "pages/calls.js"
    "pages/calls/copies.js"
    "pages/calls/detail.js"
    "pages/connect.js"
    "pages/connect/commands.js"
    "pages/connect/snippets.js"
    "pages/connect/trust.js"
    "pages/explorer.js"
    "pages/explorer/answer.js"
    "pages/explorer/code.js"
    "pages/explorer/examples.js"
    "pages/explorer/form.js"
    "pages/explorer/form_fields.js"
    "pages/explorer/form_parts.js"
    "pages/explorer/forms.js"
    "pages/explorer/recorded.js"
    "pages/explorer/repair_buttons.js"
    "pages/explorer/repairs.js"
    "pages/explorer/request.js"
    "pages/explorer/send.js"
    "pages/explorer/snippets/all.js"
    "pages/explorer/snippets/call.js"
    "pages/explorer/snippets/curl.js"
    "pages/explorer/snippets/go.js"
    "pages/explorer/snippets/java.js"
    "pages/explorer/snippets/node.js"
    "pages/explorer/snippets/php.js"
    "pages/explorer/snippets/python.js"
    "pages/explorer/state.js"
    "pages/faults.js"
    "pages/faults/clock.js"
    "pages/faults/data.js"
    "pages/faults/form.js"
    "pages/faults/rule.js"
    "pages/faults/rules.js"
    "pages/faults/words.js"
    "pages/fields.js"
    "pages/fields/define.js"
    "pages/inbox.js"
    "pages/keys.js"
    "pages/keys/actions.js"
    "pages/keys/admins.js"
    "pages/keys/list.js"
    "pages/keys/oldest.js"
    "pages/keys/rotation.js"
    "pages/keys/uses.js"
    "pages/overview.js"
    "pages/overview/charts.js"
    "pages/overview/metrics.js"
    "pages/overview/rates.js"
    "pages/overview/samples.js"
    "pages/overview/warnings.js"
    "pages/settings.js"
    "pages/settings/cards.js"
    "pages/settings/draft.js"
    "pages/tokens.js"
    "pages/transfer.js"
    "pages/transfer/batches.js"
    "pages/transfer/csv.js"
    "pages/transfer/export.js"
    "pages/transfer/import.js"
    "pages/transfer/importer.js"
    "pages/users.js"
    "pages/users/calls.js"
    "pages/users/create.js"
    "pages/users/danger.js"
    "pages/users/drawer.js"
    "pages/users/history.js"
    "pages/users/list.js"
    "pages/users/profile.js"
    "pages/users/row.js"
    "pages/usersig.js"
    "pages/webhook.js"
    "pages/webhook/events.js"
    "pages/webhook/sample.js"
    "pages/words.js"
    "pages/words/compare.js"
    "pages/words/confirm.js"
    "pages/words/file.js"
    "pages/words/paged.js"
    "pages/words/screening.js"
    "pages/words/try.js"
    "state.js"
    "stream.js"
    "style.css"
    "ui/chart.js"
    "ui/clipboard.js"
    "ui/code.js"
    "ui/dialog.js"
    "ui/diff.js"
    "ui/dom.js"
    "ui/editor.js"
    "ui/explain.js"
    "ui/field.js"
    "ui/json.js"
    "ui/keys.js"
    "ui/last_use.js"
    "ui/load.js"
    "ui/numbers.js"
    "ui/save.js"
    "ui/stream_list.js"
    "ui/table.js"
    "ui/tabs.js"
    "ui/time.js"
    "ui/toast.js"
    "ui/visible.js"
}

/// The page; `RELEASE` in it stands for the hash.
const PAGE: &str = include_str!("../../console/index.html");

/// The hash in the addresses of the files.
static RELEASE: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (path, bytes) in FILES {
        hash.update(path);
        hash.update(bytes);
    }
    hash.finalize().iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
});

/// Every file, compressed once.
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let forever = "public, max-age=31536000, immutable";
    FILES.iter().map(|(path, bytes)| Asset::new(path, Bytes::from_static(bytes), forever)).collect()
});

/// The page with the addresses of this release.
static INDEX: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("index.html", PAGE.replace("RELEASE", released()).into(), "no-cache"));

/// Returns the hash in the addresses of the files.
pub(super) fn released() -> &'static str {
    &RELEASE
}

/// Returns the page.
pub(super) fn index() -> &'static Asset {
    &INDEX
}

/// A file as it is sent.
pub(super) struct Asset {
    path: &'static str,
    plain: Bytes,
    gzip: Bytes,
    cached: &'static str,
}

impl Asset {
    fn new(path: &'static str, plain: Bytes, cached: &'static str) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing into a Vec can't fail.
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { path, plain, gzip: gzip.into(), cached }
    }

    /// Returns the file with this path.
    pub(super) fn named(path: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.path == path)
    }

    /// Answers with the file, compressed for a browser that takes that.
    pub(super) fn respond(&self, headers: &HeaderMap) -> Response<Body> {
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let head = [
            (header::CONTENT_TYPE, media_type(self.path)),
            (header::CACHE_CONTROL, self.cached),
            (header::VARY, "accept-encoding"),
        ];
        if accepted.is_some_and(|codings| codings.contains("gzip")) {
            return (head, [(header::CONTENT_ENCODING, "gzip")], self.gzip.clone()).into_response();
        }
        (head, self.plain.clone()).into_response()
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn collect(directory: &Path, prefix: &str, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                collect(&entry.path(), &format!("{name}/"), into);
            } else {
                into.insert(name);
            }
        }
    }

    #[test]
    fn every_file_is_embedded() {
        let mut there: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        there.insert("index.html".to_owned());
        let mut found = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("console"), "", &mut found);
        assert_eq!(there, found);
    }

    /// The whole console, every page and both languages; the aim is 120 KiB.
    #[test]
    fn the_console_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(bytes <= 185 << 10, "{bytes} bytes, compressed");
    }

    #[test]
    fn the_page_names_files_of_this_release() {
        let page = String::from_utf8(index().plain.to_vec()).unwrap();
        assert!(page.contains(&format!("{}/app.js", released())) && !page.contains("RELEASE"), "{page}");
    }
}
