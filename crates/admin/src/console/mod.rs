//! The console: the files of a web page that calls the admin API and, in `dev`, the control API. It has no back end of its
//! own, sets no cookie, and loads nothing from another host.

#[cfg(feature = "console")]
mod assets;
#[cfg(feature = "console")]
mod headers;
mod paths;
#[cfg(feature = "console")]
mod routes;
#[cfg(test)]
mod slim;

use crate::state::State;
use axum::Router;
pub(crate) use paths::is_console_path;

/// Returns the routes of the console; none in a build without its files.
pub(crate) fn router() -> Router<State> {
    #[cfg(feature = "console")]
    let routes = routes::router();
    #[cfg(not(feature = "console"))]
    let routes = Router::new();
    routes
}
