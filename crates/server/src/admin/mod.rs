//! The admin API: an operator's view of apps and accounts, on its own listener. The command line uses it too, over
//! HTTP when a server runs and in-process when none does, so that there is one way.

mod accounts;
mod apps;
mod fields;
mod record;
pub(crate) mod routes;
pub(crate) mod transfer;
mod usage;
pub(crate) mod view;
mod webhook;
mod words;

use crate::registry::{App, Registry};
use crate::secret::AdminToken;
use crate::webhook::{EventIds, Webhooks};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use portrait_model::{AppSettings, Clock, Origin, SdkAppId};
use portrait_store::{Store, StoreError};
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tower::ServiceExt;

/// Who asked for an operator's change, as webhooks tell it.
const OPERATOR: &str = "operator";

/// From where an admin call comes.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What the admin API works on.
#[derive(Clone)]
pub(crate) struct State {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    event_ids: Arc<EventIds>,
    /// `None` where no server runs.
    webhooks: Option<Arc<Webhooks>>,
}

impl State {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        event_ids: Arc<EventIds>,
        webhooks: Option<Arc<Webhooks>>,
    ) -> Self {
        Self { store, registry, clock, event_ids, webhooks }
    }

    /// Where an operator's change of so many accounts comes from; `None` when the app tells nobody.
    fn origin(&self, app: &App, peer: Option<Extension<Peer>>, accounts: usize) -> Option<Origin> {
        // In-process there is no caller but this machine.
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |Extension(Peer(address))| address);
        self.event_ids.origin(app, OPERATOR, address, accounts)
    }

    fn app(&self, id: &str) -> Result<Arc<App>, AdminError> {
        let id: u32 = id
            .parse()
            .map_err(|_| AdminError::bad(format!("`{id}` is not an SDKAppID: it must be a number")))?;
        self.registry.app(SdkAppId(id)).ok_or_else(|| AdminError::not_found(format!("there is no app {id}")))
    }

    /// Changes an app's settings: validated whole, stored, and in force before this returns. When someone else
    /// changes them at the same time, the change is made again on the newer ones.
    async fn change<T>(
        &self,
        id: &str,
        change: impl Fn(&mut AppSettings) -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        const ATTEMPTS: usize = 5;
        for _ in 0..ATTEMPTS {
            let app = self.app(id)?;
            let mut settings = app.settings.clone();
            let outcome = change(&mut settings)?;
            match self.put(settings, Some(app.revision)).await {
                Err(StoreError::Conflict) => self.registry.reload().await?,
                stored => return Ok(stored.map(|()| outcome)?),
            }
        }
        Err(AdminError {
            status: StatusCode::CONFLICT,
            message: "the settings keep changing; try again".into(),
        })
    }

    /// Stores settings that pass validation.
    async fn put(&self, settings: AppSettings, expected: Option<u64>) -> Result<(), StoreError> {
        let id = settings.id;
        self.store.put_app(settings, expected).await?;
        self.registry.reload().await?;
        tracing::info!(sdkappid = id.0, "app settings changed");
        Ok(())
    }
}

/// Why an admin call failed, as `{"error": "…"}`.
#[derive(Debug)]
struct AdminError {
    status: StatusCode,
    message: String,
}

impl AdminError {
    fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::NoSuchAccount => StatusCode::NOT_FOUND,
            StoreError::Conflict | StoreError::Refused(_) => StatusCode::CONFLICT,
            StoreError::Unavailable(_) | StoreError::Corrupt(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, message: error.to_string() }
    }
}

impl From<portrait_model::AppError> for AdminError {
    fn from(error: portrait_model::AppError) -> Self {
        Self::bad(error.to_string())
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({ "error": self.message }))).into_response()
    }
}

type Answer<T> = Result<Json<T>, AdminError>;

/// Reads a JSON body; a member that does not exist is an error that names it.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| AdminError::bad(format!("the body can't be used: {error}")))
}

/// The routes. Without a token (in-process use only) everything is allowed.
pub(crate) fn router(state: State, token: Option<AdminToken>) -> Router {
    /// 100,000 words of 200 bytes.
    const BODY_BYTES_MAX: usize = 24 << 20;
    let api = routes::router(routes::CLOSED).layer(middleware::from_fn_with_state(token, authorize));
    routes::router(routes::OPEN)
        .nest(routes::PREFIX, api)
        .fallback(async || AdminError::not_found("no such resource"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(state)
}

/// Answers one request of the listener.
pub(crate) async fn answer(router: Router, mut request: Request<Incoming>, peer: IpAddr) -> Response {
    request.extensions_mut().insert(Peer(peer));
    match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The answer to a request that came without TLS to a port where TLS is spoken.
pub(crate) fn tls_only() -> hyper::Response<Full<Bytes>> {
    let body = r#"{"error":"this port speaks TLS: write https:// instead of http://"}"#;
    let mut response = hyper::Response::new(Full::from(body));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}

/// Lets in who has the token.
async fn authorize(Extract(token): Extract<Option<AdminToken>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if token.is_none_or(|token| token.matches(given)) {
        return next.run(request).await;
    }
    let message = "send `Authorization: Bearer TOKEN`; the token is in admin.token in the data directory";
    AdminError { status: StatusCode::UNAUTHORIZED, message: message.into() }.into_response()
}

/// Whether the store can be written: it really writes.
async fn ready(Extract(state): Extract<State>) -> Result<&'static str, AdminError> {
    state.store.probe().await?;
    Ok("ok\n")
}

/// The metrics, for Prometheus. They name no user and hold no secret, so they need no token.
async fn metrics(Extract(state): Extract<State>) -> Result<Response, AdminError> {
    let failed = || AdminError::conflict("metrics are of a running server");
    let webhooks = state.webhooks.as_ref().ok_or_else(failed)?;
    let page = webhooks.snapshot().await.page().map_err(|_| failed())?;
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, format)], page).into_response())
}

async fn store_stats(Extract(state): Extract<State>) -> Json<view::StoreView> {
    let stats = state.store.stats();
    Json(view::StoreView { changes: stats.changes, commits: stats.commits })
}
