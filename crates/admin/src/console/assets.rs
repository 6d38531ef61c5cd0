//! The files of the console, embedded in the binary as the build script makes them (`build.rs`): readable source without its
//! comments, compressed. Their addresses carry a hash of all of them, so that a browser may keep them for ever and never
//! mixes two releases.

use crate::compress::takes_gzip;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::io::Read;

// RELEASE, the hash; PAGE, the page; FILES, every other file's path and bytes; all compressed.
include!(concat!(env!("OUT_DIR"), "/console/files.rs"));

/// Returns the hash in the addresses of the files.
pub(super) fn released() -> &'static str {
    RELEASE
}

/// Returns the page.
pub(super) fn index() -> Asset {
    Asset { path: "index.html", gzip: PAGE, cached: "no-cache" }
}

/// A file as it is sent.
pub(super) struct Asset {
    path: &'static str,
    gzip: &'static [u8],
    cached: &'static str,
}

impl Asset {
    /// Returns the file with this path.
    pub(super) fn named(path: &str) -> Option<Self> {
        let (path, gzip) = FILES.iter().find(|(known, _)| *known == path)?;
        Some(Self { path, gzip, cached: "public, max-age=31536000, immutable" })
    }

    /// Answers with the file, compressed for a browser that takes that.
    pub(super) fn respond(&self, headers: &HeaderMap) -> Response<Body> {
        let head = [
            (header::CONTENT_TYPE, media_type(self.path)),
            (header::CACHE_CONTROL, self.cached),
            (header::VARY, "accept-encoding"),
        ];
        if takes_gzip(headers) {
            return (head, [(header::CONTENT_ENCODING, "gzip")], Bytes::from_static(self.gzip))
                .into_response();
        }
        (head, self.plain()).into_response()
    }

    fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        // Can't fail: the build compressed it.
        let _ = GzDecoder::new(self.gzip).read_to_end(&mut plain);
        plain
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

    /// The whole console, every page and both languages.
    #[test]
    fn the_console_is_small() {
        let bytes: usize = FILES.iter().map(|(_, gzip)| gzip.len()).sum::<usize>() + PAGE.len();
        assert!(bytes <= 140 << 10, "{bytes} bytes, compressed");
    }

    #[test]
    fn the_page_names_files_of_this_release() {
        let page = String::from_utf8(index().plain()).unwrap();
        assert!(page.contains(&format!("{}/app.js", released())) && !page.contains("RELEASE"), "{page}");
    }

    #[test]
    fn a_browser_without_gzip_gets_the_same_file() {
        let plain = String::from_utf8(Asset::named("app.js").unwrap().plain()).unwrap();
        assert!(plain.contains("import"), "{plain}");
    }
}
