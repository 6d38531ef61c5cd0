//! The control API, `/_portraitd/`: what a test sets up and looks at. On the admin listener it wants the admin token;
//! on the public one callers on this machine need none.

mod apps;
mod calls;
mod clock;
mod data;
pub mod display;
pub mod environment;
mod extract;
mod faults;
mod inbox;
pub mod routes;
pub mod state;
pub mod types;

use crate::control::routes::ROUTES;
use crate::control::state::{PREFIX, State};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use portraitd_admin::auth::Authenticator;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::Peer;
use portraitd_api::envelope::ApiError;
use portraitd_model::Language;
use std::future::{Ready, ready};

/// What a caller needs to be let in.
#[derive(Clone)]
pub struct Access {
    /// The tokens that let in a caller from elsewhere.
    pub gate: Authenticator,
    /// Whether callers on this machine need no token.
    pub local_is_free: bool,
}

/// The routes.
pub fn router(state: State, access: Access) -> Router {
    /// A thousand fault rules fit.
    const BODY_BYTES_MAX: usize = 1 << 20;
    let router = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(&format!("{PREFIX}{}", route.path), (route.build)())
    });
    router
        .method_not_allowed_fallback(async || {
            let message = format!("the method does not fit this resource; GET {PREFIX}/ lists all");
            AdminError { status: StatusCode::METHOD_NOT_ALLOWED, message }
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(access, authorize))
        .with_state(state)
}

/// The answer where there is nothing. Not an `async fn`: it has nothing to wait for.
pub fn nothing() -> Ready<Response> {
    ready(AdminError::not_found(format!("no such resource; GET {PREFIX}/ lists all")).into_response())
}

/// Whether a path belongs to the control API.
pub(crate) fn has(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Lets in who is on this machine, or has the token.
async fn authorize(Extract(access): Extract<Access>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<Peer>().is_some_and(|peer| peer.0.to_canonical().is_loopback());
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if (access.local_is_free && local) || access.gate.identify(given).is_some() {
        return next.run(request).await;
    }
    let message = "send `Authorization: Bearer TOKEN` with the admin token that portraitd dev printed; \
                   only callers on the emulator's own machine, at its public address, need none";
    AdminError { status: StatusCode::UNAUTHORIZED, message: message.into() }.into_response()
}

/// The answer to a `Host` or `Origin` that is not let in.
pub(crate) fn refused(why: &ApiError) -> Response {
    let message = why.explain(Language::English);
    AdminError { status: StatusCode::FORBIDDEN, message }.into_response()
}
