//! Routes of the admin listener: the type of a row, and the macro that builds their tables.

use crate::state::State;
use axum::Router;
use axum::routing::MethodRouter;
use portraitd_api::openapi::operation::Describe;

/// One route of the admin listener.
pub struct Route {
    /// The HTTP method, in lower case.
    pub method: &'static str,
    /// The path; `{…}` stands for one segment.
    pub path: &'static str,
    pub(super) build: fn() -> MethodRouter<State>,
    /// Describes the operation for the OpenAPI document.
    pub(crate) describe: Describe,
}

macro_rules! routes {
    ($($method:ident $path:literal $handler:expr, $describe:expr;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            build: || axum::routing::$method($handler),
            describe: $describe,
        },)*]
    };
}
pub(super) use routes;

/// Returns a router of a table's routes.
pub(super) fn router(table: &[Route]) -> Router<State> {
    table.iter().fold(Router::new(), |router, route| router.route(route.path, (route.build)()))
}
