//! The admin API: an operator's view of apps and accounts, on its own listener. The command line uses it too, over
//! HTTP when a server runs and in-process when none does, so that there is one way.

mod accounts;
mod act;
pub(crate) mod apps;
mod audit;
mod diff;
mod error;
pub(crate) mod fields;
mod readiness;
pub(crate) mod record;
mod retype;
pub(crate) mod routes;
mod tokens;
pub(crate) mod transfer;
mod usage;
pub(crate) mod view;
mod webhook;
mod words;

pub(crate) use act::fingerprint;
use act::{Act, Changed};
pub(crate) use error::AdminError;
pub(crate) use tokens::{Gate, Tokens};

use crate::registry::{App, Registry};
use crate::telemetry::Telemetry;
use crate::webhook::{EventIds, Webhooks};
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use portrait_model::{AppSettings, Clock, Origin, SdkAppId};
use portrait_store::{PutApp, Store, StoreError, StoreId};
use readiness::Readiness;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
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
    gate: Gate,
    /// `None` where no server runs.
    telemetry: Option<Arc<Telemetry>>,
    readiness: Arc<Readiness>,
}

impl State {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        event_ids: Arc<EventIds>,
        webhooks: Option<Arc<Webhooks>>,
        gate: Gate,
    ) -> Self {
        let readiness = Arc::default();
        Self { store, registry, clock, event_ids, webhooks, gate, telemetry: None, readiness }
    }

    /// Of a server, whose measurements `/metrics` shows.
    pub(crate) fn measured_by(self, telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry: Some(telemetry), ..self }
    }

    /// Where an operator's change of so many accounts comes from; `None` when the app tells nobody.
    fn origin(&self, app: &App, act: &Act, accounts: usize) -> Option<Origin> {
        self.event_ids.origin(app, OPERATOR, act.address(), accounts)
    }

    fn app(&self, id: &str) -> Result<Arc<App>, AdminError> {
        let id: u32 = id
            .parse()
            .map_err(|_| AdminError::bad(format!("`{id}` is not an SDKAppID: it must be a number")))?;
        self.registry.app(SdkAppId(id)).ok_or_else(|| AdminError::not_found(format!("there is no app {id}")))
    }

    /// Refuses a call that is meant for another store: behind the same address may be another server since the call
    /// before.
    fn ensure_store(&self, meant: Option<&str>) -> Result<(), AdminError> {
        let Some(meant) = meant else { return Ok(()) };
        let here = self.store.id();
        let meant: StoreId = meant
            .parse()
            .map_err(|_| AdminError::bad(format!("`{meant}` is no store's id: write 32 hex digits")))?;
        if meant == here {
            return Ok(());
        }
        Err(AdminError::conflict(format!(
            "the call is for the store {meant}, and this server's store is {here}: nothing was done"
        )))
    }

    /// Changes an app's settings: validated whole, stored with who did it, and in force before this returns. When
    /// someone else changes them at the same time, the change is made again on the newer ones.
    async fn change<T: Send + 'static>(
        &self,
        id: &str,
        act: &Act,
        edit: impl Fn(&mut AppSettings) -> Result<T, AdminError> + Send + Sync + 'static,
    ) -> Result<T, AdminError> {
        const ATTEMPTS: usize = 5;
        let edit = Arc::new(edit);
        for _ in 0..ATTEMPTS {
            let (app, edit) = (self.app(id)?, Arc::clone(&edit));
            let (id, expected) = (app.settings.id, Some(app.revision));
            // With 100,000 words even a comparison takes its time: not on a thread that answers calls.
            let (settings, outcome, changed) = blocking(move || {
                let mut settings = app.settings.clone();
                let outcome = edit(&mut settings)?;
                settings.validate()?;
                let changed = diff::settings(Some(&app.settings), &settings);
                Ok((Box::new(settings), outcome, changed))
            })
            .await?;
            match self.operate(act, Some(id), PutApp { settings, expected }, changed).await {
                Err(StoreError::Conflict) => self.registry.reload().await?,
                stored => {
                    stored?;
                    self.in_force(id).await?;
                    return Ok(outcome);
                }
            }
        }
        Err(AdminError::conflict("the settings keep changing; try again"))
    }

    /// Stores the settings of a new app.
    async fn create(&self, settings: AppSettings, act: &Act) -> Result<(), StoreError> {
        let (id, changed) = (settings.id, diff::settings(None, &settings));
        let write = PutApp { settings: Box::new(settings), expected: None };
        self.operate(act, Some(id), write, changed).await?;
        self.in_force(id).await
    }

    async fn in_force(&self, id: SdkAppId) -> Result<(), StoreError> {
        self.registry.reload().await?;
        tracing::info!(sdkappid = id.0, "app settings changed");
        Ok(())
    }
}

/// Works where it keeps no call waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| StoreError::Unavailable(format!("the work ended badly: {error}")))?
}

pub(crate) type Answer<T> = Result<Json<T>, AdminError>;

/// Reads a JSON body; a member that does not exist is an error that names it.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| AdminError::bad(format!("the body can't be used: {error}")))
}

/// 100,000 words of 200 bytes.
const BODY_BYTES_MAX: usize = 24 << 20;

/// The routes.
pub(crate) fn router(state: State) -> Router {
    let api = routes::router(routes::CLOSED).layer(middleware::from_fn_with_state(state.clone(), authorize));
    routes::router(routes::OPEN)
        .nest(routes::PREFIX, api)
        .fallback(async || AdminError::not_found("no such resource"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::map_response(error::as_json))
        .with_state(state)
}

/// Answers one request of the listener. A caller who goes away does not stop a change halfway between the disk and the
/// snapshot in force: the work is a task of its own.
pub(crate) async fn answer(router: Router, mut request: Request<Incoming>, peer: IpAddr) -> Response {
    request.extensions_mut().insert(Peer(peer));
    let answered = tokio::spawn(router.oneshot(request.map(Body::new))).await;
    match answered {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let message = "this is a bug; the log says where".to_owned();
            AdminError { status: StatusCode::INTERNAL_SERVER_ERROR, message }.into_response()
        }
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

/// Lets in who has a token, and writes down what they were refused.
async fn authorize(Extract(state): Extract<State>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(who) = state.gate.who(given) else {
        tracing::info!(path = request.uri().path(), "an admin call without a token that is known");
        let message = "send `Authorization: Bearer TOKEN`; the token is in admin.token in the data directory, or made by portraitd token create";
        let refused = AdminError { status: StatusCode::UNAUTHORIZED, message: message.into() };
        return ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response();
    };
    // Who says so beforehand need not send it.
    if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
        let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
        return AdminError { status: StatusCode::PAYLOAD_TOO_LARGE, message }.into_response();
    }
    let act = Act::of(&request, who);
    request.extensions_mut().insert(act.clone());
    let response = next.run(request).await;
    state.write_down_refusal(&act, response.status()).await;
    response
}

/// Whether the store can be written: it really writes, once a second at most.
async fn ready(Extract(state): Extract<State>) -> Result<&'static str, AdminError> {
    state.readiness.of(&*state.store, Readiness::FRESH).await?;
    Ok("ok\n")
}

/// The metrics, for Prometheus. They name no user and hold no secret, so they need no token.
async fn metrics(Extract(state): Extract<State>) -> Result<Response, AdminError> {
    let failed = || AdminError::conflict("metrics are of a running server");
    let webhooks = state.webhooks.as_ref().ok_or_else(failed)?;
    let snapshot = webhooks.snapshot().await.of_server(&state.registry, state.telemetry.clone());
    let page = snapshot.page().map_err(|_| failed())?;
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, format)], page).into_response())
}

async fn store_stats(Extract(state): Extract<State>) -> Json<view::StoreView> {
    let stats = state.store.stats();
    Json(view::StoreView { id: state.store.id().to_string(), changes: stats.changes, commits: stats.commits })
}
