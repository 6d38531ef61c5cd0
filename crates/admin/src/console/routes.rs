//! The routes of the console: the page, its files, and the addresses that lead to it.

use super::assets::{Asset, index, released};
use super::headers;
use super::paths::{CLOUD_PAGE, PAGE};
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::state::State;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use portraitd_model::bilingual;

/// Returns the routes.
pub(super) fn router() -> Router<State> {
    Router::new()
        .route("/", get(to_page))
        .route("/console", get(to_page))
        .route(CLOUD_PAGE, get(to_page))
        .route(PAGE, get(async |headers: HeaderMap| index().respond(&headers)))
        .route("/console/{release}/{*path}", get(asset))
        .layer(middleware::map_response(headers::secure))
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
    let asset = known.ok_or_else(|| {
        AdminError::new(
            AdminCode::NoSuchResource,
            bilingual!(
                "the console has no such file; load the page again",
                "控制台没有此文件，请重新加载页面"
            ),
        )
    })?;
    Ok(asset.respond(&headers))
}
