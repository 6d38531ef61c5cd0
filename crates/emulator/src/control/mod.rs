//! The control API, `/_portraitd/`, with which tests set up and inspect an emulator. On the admin listener every caller
//! needs the admin token; on the public one, callers on this machine need none. `/health` needs none on either.

mod apps;
mod calls;
mod clock;
mod data;
pub mod display;
pub mod environment;
mod extract;
mod faults;
pub mod health;
mod inbox;
pub(crate) mod live;
pub mod routes;
pub mod state;
pub mod types;

use crate::control::routes::ROUTES;
use crate::control::state::{ControlState, PREFIX};
use crate::emulator::Emulator;
use crate::refused::RefusedRequest;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use portraitd_admin::auth::Access;
use portraitd_admin::error::AdminError;
use portraitd_admin::route::with_role;
use portraitd_api::envelope::ApiError;
use portraitd_model::{Clock, Language};
use std::future::{Ready, ready};
use std::sync::Arc;

/// Returns the routes, with authentication and a limit of bodies.
pub fn router(state: ControlState, access: Access) -> Router {
    /// Larger than any request of the API.
    const BODY_BYTES_MAX: usize = 1 << 20;
    let router = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(&format!("{PREFIX}{}", route.path), with_role((route.build)(), route.role()))
    });
    router
        .method_not_allowed_fallback(async || {
            let message = format!("this resource has no such method; GET {PREFIX}/ lists all resources");
            AdminError { status: StatusCode::METHOD_NOT_ALLOWED, message }
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&state.emulator), notice))
        .layer(middleware::from_fn_with_state((access, Arc::clone(&state.emulator)), authorize))
        .with_state(state)
}

/// Answers a path without a resource.
pub fn not_found() -> Ready<Response> {
    ready(
        AdminError::not_found(format!("there is no such resource; GET {PREFIX}/ lists all resources"))
            .into_response(),
    )
}

/// Returns whether a path belongs to the control API.
pub(crate) fn is_control_path(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Tells the live streams that faults, the clock or the data were changed.
async fn notice(Extract(emulator): Extract<Arc<Emulator>>, request: Request, next: Next) -> Response {
    let is_change = request.method() != Method::GET && !request.uri().path().contains("/webhooks");
    let response = next.run(request).await;
    if is_change && response.status().is_success() {
        emulator.changes.send_modify(|count| *count += 1);
    }
    response
}

/// Authenticates a request by its address or its token.
async fn authorize(
    Extract((access, emulator)): Extract<(Access, Arc<Emulator>)>,
    mut request: Request,
    next: Next,
) -> Response {
    // An emulator's store is not shared, so that sessions are always at hand.
    match access.identify(request.headers(), request.extensions()).await.unwrap_or_default() {
        Some(actor) => drop(request.extensions_mut().insert(actor)),
        None if request.uri().path() == health::PATH => {}
        None => return token_wanted(&emulator, request.uri().path()),
    }
    next.run(request).await
}

/// Answers a request without the token that it needs, and shows it on the terminal.
fn token_wanted(emulator: &Emulator, path: &str) -> Response {
    let message = |language: Language| {
        language
            .pick(
                "send `Authorization: Bearer TOKEN` with the admin token that portraitd dev printed; \
                 only callers on the emulator's own machine need none, at its public address",
                "请携带 `Authorization: Bearer TOKEN`，TOKEN 为 portraitd dev 显示的管理令牌；仅从本机访问模拟器的公共地址时无需令牌",
            )
            .to_owned()
    };
    let (at, status) = (emulator.clock.now(), StatusCode::UNAUTHORIZED);
    emulator.refused.add(RefusedRequest::of_status(at, path, status.as_u16(), message));
    AdminError { status, message: message(Language::English) }.into_response()
}

/// Answers a request whose `Host` or `Origin` is not allowed.
pub(crate) fn forbidden(error: &ApiError) -> Response {
    let message = error.explain(Language::English);
    AdminError { status: StatusCode::FORBIDDEN, message }.into_response()
}
