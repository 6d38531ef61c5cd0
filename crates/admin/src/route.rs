//! A route of the admin listener, and tables of them.

use crate::state::State;
use axum::Router;
use axum::routing::MethodRouter;
use portraitd_api::openapi::operation::Describe;

/// One route of the admin listener.
pub struct Route {
    /// Its method, in lower case.
    pub method: &'static str,
    /// Its path; `{…}` stands for one part of it.
    pub path: &'static str,
    pub(super) build: fn() -> MethodRouter<State>,
    /// What the OpenAPI document tells of it.
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

/// A router of a table's routes.
pub(super) fn router(table: &[Route]) -> Router<State> {
    table.iter().fold(Router::new(), |router, route| router.route(route.path, (route.build)()))
}
