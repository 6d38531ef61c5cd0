//! Routes of the admin listener: the type of a row, and the macro that builds their tables.

use crate::auth::Actor;
use crate::state::State;
use axum::extract::{Request, State as Extract};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use portraitd_api::openapi::operation::Describe;
use portraitd_store::TokenRole;

/// One route of the admin listener.
pub struct Route {
    /// The HTTP method, in lower case.
    pub method: &'static str,
    /// The path; `{…}` stands for one segment.
    pub path: &'static str,
    /// The least role that may call it; `None`: it needs no token.
    pub role: Option<TokenRole>,
    pub(super) build: fn() -> MethodRouter<State>,
    /// Describes the operation for the OpenAPI document.
    pub(crate) describe: Describe,
}

macro_rules! routes {
    (@ open) => { None };
    (@ $role:ident) => { Some(portraitd_store::TokenRole::$role) };
    ($($method:ident $path:literal $role:ident => $handler:expr, $describe:expr;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            role: crate::route::routes!(@ $role),
            build: || axum::routing::$method($handler),
            describe: $describe,
        },)*]
    };
}
pub(super) use routes;

/// Returns a router of a table's routes.
pub(super) fn router(table: &[Route]) -> Router<State> {
    table
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, with_role((route.build)(), route.role)))
}

/// Refuses callers of these routes that have a lesser role. The [`Actor`] is in the request's extensions.
pub fn with_role<S: Clone + Send + Sync + 'static>(
    routes: MethodRouter<S>,
    role: Option<TokenRole>,
) -> MethodRouter<S> {
    match role {
        None => routes,
        Some(role) => routes.route_layer(middleware::from_fn_with_state(role, require_role)),
    }
}

async fn require_role(
    Extract(wanted): Extract<TokenRole>,
    Extension(actor): Extension<Actor>,
    request: Request,
    next: Next,
) -> Response {
    match actor.require(wanted) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}
