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
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use portraitd_admin::auth::{Access, Caller, NotLetIn};
use portraitd_admin::error::{AdminError, in_accepted_language};
use portraitd_admin::error_code::AdminCode;
use portraitd_admin::origin;
use portraitd_admin::route::with_role;
use portraitd_api::envelope::ApiError;
use portraitd_model::{Bilingual, Clock, bilingual};
use std::future::{Ready, ready};
use std::sync::Arc;

/// Returns the routes, with authentication and a limit of bodies.
pub fn router(state: ControlState, access: Access) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(&format!("{PREFIX}{}", route.path), with_role((route.build)(), route.role()))
    });
    router
        .method_not_allowed_fallback(async || {
            let sentence = bilingual!(
                "this resource has no such method; GET {PREFIX}/ lists all resources",
                "该资源不支持此方法；GET {PREFIX}/ 可列出全部资源"
            );
            AdminError::new(AdminCode::MethodNotAllowed, sentence)
        })
        .layer(DefaultBodyLimit::max(extract::BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&state.emulator), notice))
        .layer(middleware::from_fn_with_state((access, Arc::clone(&state.emulator)), authorize))
        .layer(middleware::from_fn(in_accepted_language))
        .with_state(state)
}

/// Answers a path without a resource.
#[expect(clippy::needless_pass_by_value, reason = "an extractor is a value")]
pub fn not_found(headers: HeaderMap) -> Ready<Response> {
    let sentence = bilingual!(
        "there is no such resource; GET {PREFIX}/ lists all resources",
        "资源不存在；GET {PREFIX}/ 可列出全部资源"
    );
    ready(AdminError::new(AdminCode::NoSuchResource, sentence).answer_to(&headers))
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
    if let Err(refused) = origin::check_site(request.headers()) {
        return other_site(&emulator, request.uri().path(), &refused);
    }
    if request.uri().path() == health::PATH {
        return next.run(request).await;
    }
    match access.identify(request.headers(), request.extensions()).await {
        Ok(Caller { actor, validity }) => {
            request.extensions_mut().insert(actor);
            request.extensions_mut().insert(validity);
        }
        Err(not_let_in) => return token_wanted(&emulator, request.uri().path(), not_let_in),
    }
    next.run(request).await
}

/// Answers a request without the token that it needs, and shows it on the terminal.
fn token_wanted(emulator: &Emulator, path: &str, not_let_in: NotLetIn) -> Response {
    let sentence = bilingual!(
        "send `Authorization: Bearer TOKEN` with the admin token that portraitd dev printed; \
         only callers on the emulator's own machine need none, at its public address",
        "请携带 `Authorization: Bearer TOKEN`，TOKEN 为 portraitd dev 显示的管理令牌；仅从本机访问模拟器的公共地址时无需令牌"
    );
    let response = not_let_in.respond(sentence.clone());
    let (at, status) = (emulator.clock.now(), response.status().as_u16());
    let shown = |language| sentence.pick(language).to_owned();
    emulator.refused.add(RefusedRequest::of_status(at, path, status, shown));
    response
}

/// Answers what a page of another origin made a browser send, and shows it on the terminal.
fn other_site(emulator: &Emulator, path: &str, refused: &AdminError) -> Response {
    let (at, shown) = (emulator.clock.now(), |language| refused.sentence.pick(language).to_owned());
    emulator.refused.add(RefusedRequest::of_status(at, path, StatusCode::FORBIDDEN.as_u16(), shown));
    refused.clone().into_response()
}

/// Answers a request whose `Host` or `Origin` is not allowed.
pub(crate) fn forbidden(error: &ApiError, headers: &HeaderMap) -> Response {
    let sentence = Bilingual::of(|language| error.explain(language));
    origin::unusable_elsewhere(AdminError::new(AdminCode::OtherOrigin, sentence).answer_to(headers))
}
