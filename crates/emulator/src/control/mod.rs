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
pub mod types;

use crate::control::routes::ROUTES;
use crate::emulator::Emulator;
use crate::sandbox::Refused;
use crate::sandbox::Sandbox;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use portraitd_admin::auth::Authenticator;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::{Answer, Peer};
use portraitd_api::envelope::ApiError;
use portraitd_api::registry::Registry;
use portraitd_model::{Language, SdkAppId};
use std::sync::Arc;

/// Where it is.
pub const PREFIX: &str = "/_portraitd";

/// What the control API works on.
#[derive(Clone)]
pub struct State {
    pub emulator: Arc<Emulator>,
    pub registry: Arc<Registry>,
    /// The public listener's address, as this machine reaches it.
    pub url: Arc<str>,
}

impl State {
    /// The sandbox, where there is one.
    fn sandbox(&self) -> Result<&Sandbox, AdminError> {
        self.emulator.sandbox.as_ref().ok_or_else(|| {
            AdminError::conflict(
                "this emulator keeps its data on the disk (--data), and this would overwrite it; \
                 start portraitd dev without --data",
            )
        })
    }

    fn app(&self, app: u32) -> Result<SdkAppId, AdminError> {
        let app = SdkAppId(app);
        let known = self.registry.app(app).is_some();
        known.then_some(app).ok_or_else(|| AdminError::not_found(format!("there is no app {app}")))
    }

    /// Forgets what was called and told of an app, or of all.
    fn forget(&self, app: Option<SdkAppId>) {
        let fits = |of: Option<u32>| app.is_none_or(|app| of == Some(app.0));
        self.emulator.calls.remove(|call| fits(call.app));
        self.emulator.inbox.remove(|told| fits(told.app));
    }
}

impl From<Refused> for AdminError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound(why) => Self::not_found(why),
            Refused::Conflict(why) => Self::conflict(why),
            Refused::Store(error) => error.into(),
        }
    }
}

/// Who may call.
#[derive(Clone)]
pub struct Access {
    pub gate: Authenticator,
    /// Callers on this machine may.
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

/// The answer where there is nothing.
pub async fn nothing() -> Response {
    AdminError::not_found(format!("no such resource; GET {PREFIX}/ lists all")).into_response()
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
    if (access.local_is_free && local) || access.gate.who(given).is_some() {
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
