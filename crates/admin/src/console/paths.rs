//! The addresses of the console, which are known in a build without it as well.

use axum::http::{HeaderMap, header};

/// Where the page is.
pub(super) const PAGE: &str = "/console/";
/// The cloud's address of its debugging tool; the call that it names stands behind the `#`, which a redirect keeps.
pub(super) const CLOUD_PAGE: &str = "/api-test.html";

/// Whether a request is for the console. `/` is only when a browser asks: to a program it is an unknown path of `/v4`.
pub(crate) fn is_console_path(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html = || {
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accepted.is_some_and(|kinds| kinds.contains("text/html"))
    };
    path == "/console" || path.starts_with(PAGE) || path == CLOUD_PAGE || (path == "/" && accepts_html())
}
