//! The console: the files of a web page that calls the admin API and, in `dev`, the control API. It has no back end of its
//! own, sets no cookie, and loads nothing from another host.

mod assets;
mod headers;
#[cfg(test)]
mod slim;

use crate::error::AdminError;
use crate::state::State;
use assets::{Asset, index, released};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Where the page is.
const PAGE: &str = "/console/";
/// The cloud's address of its debugging tool; the call that it names stands behind the `#`, which a redirect keeps.
const CLOUD_PAGE: &str = "/api-test.html";

/// Returns the routes of the console.
pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/", get(to_page))
        .route("/console", get(to_page))
        .route(CLOUD_PAGE, get(to_page))
        .route(PAGE, get(async |headers: HeaderMap| index().respond(&headers)))
        .route("/console/{release}/{*path}", get(asset))
        .layer(middleware::map_response(headers::secure))
}

/// Whether a request is for the console. `/` is only when a browser asks: to a program it is an unknown path of `/v4`.
pub(crate) fn is_console_path(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html = || {
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accepted.is_some_and(|kinds| kinds.contains("text/html"))
    };
    path == "/console" || path.starts_with(PAGE) || path == CLOUD_PAGE || (path == "/" && accepts_html())
}

/// Leads a browser to the page. The target is relative, so that a proxy may serve the console below a path of its own.
async fn to_page() -> impl IntoResponse {
    (StatusCode::FOUND, [(header::LOCATION, "console/")])
}

/// Answers a file of this release. A file of another release is gone: the page that asks for it is old.
async fn asset(
    Path((release, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response<Body>, AdminError> {
    let known = (release == released()).then(|| Asset::named(&path)).flatten();
    let asset =
        known.ok_or_else(|| AdminError::not_found("the console has no such file; load the page again"))?;
    Ok(asset.respond(&headers))
}
