//! The router of the admin API. The command line calls it too: over HTTP when a server runs on the data, in-process when
//! none does, so every change is validated and audited by the same code.

use crate::audit_log::AuditContext;
use crate::auth::{Access, Peer};
use crate::console;
use crate::error::AdminError;
use crate::origin::{self, AdminHosts};
use crate::routes::PREFIX;
use crate::state::State;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use std::net::IpAddr;
use std::sync::Arc;
use tower::ServiceExt;

/// Room for the longest list of sensitive words, 100,000 of 200 bytes.
const BODY_BYTES_MAX: usize = 24 << 20;

/// Returns the routes of the admin API, with authentication, the limit of bodies and JSON errors. `local_without_token`:
/// whether callers on this machine need no token; `hosts`: under which names it answers.
pub fn router(state: State, local_without_token: bool, hosts: AdminHosts) -> Router {
    let access = Access { authenticator: state.authenticator.clone(), local_without_token };
    let guard = Guard { state: state.clone(), access, hosts };
    let api = crate::route::router(crate::routes::TOKEN_ROUTES)
        .layer(middleware::from_fn_with_state(guard, authorize));
    crate::route::router(crate::routes::OPEN_ROUTES)
        .nest(PREFIX, api)
        .merge(console::router())
        .fallback(async || AdminError::not_found("no such resource"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::map_response(crate::error::as_json))
        .with_state(state)
}

/// Whether an emulator's public listener has this for the admin API and the console rather than for `/v4`.
pub fn is_for_browsers(path: &str, headers: &HeaderMap) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || console::is_console_path(path, headers)
}

/// Answers one request of the listener. The work runs in its own task: a client that disconnects does not stop a change
/// between its commit and the reload of the settings.
pub async fn answer(router: Router, mut request: Request<Incoming>, peer: IpAddr) -> Response {
    request.extensions_mut().insert(Peer(peer));
    let joined = tokio::spawn(router.oneshot(request.map(Body::new))).await;
    match joined {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let message = "internal error (a bug in portraitd): the server's log says where".to_owned();
            AdminError { status: StatusCode::INTERNAL_SERVER_ERROR, message }.into_response()
        }
    }
}

/// Returns the 400 that answers a plain HTTP request on a TLS port.
pub fn tls_only() -> hyper::Response<Full<Bytes>> {
    let body = r#"{"error":"this port speaks TLS: write https:// instead of http://"}"#;
    let mut response = hyper::Response::new(Full::from(body));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}

/// What [`authorize`] needs.
#[derive(Clone)]
struct Guard {
    state: State,
    access: Access,
    hosts: AdminHosts,
}

/// Authenticates a request, and records a refusal in the audit log.
async fn authorize(Extract(guard): Extract<Guard>, mut request: Request, next: Next) -> Response {
    let Guard { state, access, hosts } = guard;
    if let Err(refused) = origin::check(request.headers(), &hosts) {
        tracing::warn!(
            path = request.uri().path(),
            "an admin call of another origin or for another name was refused"
        );
        return refused.into_response();
    }
    let identified = access.identify(request.headers(), request.extensions()).await;
    let actor = match identified {
        Ok(actor) => actor,
        Err(error) => return AdminError::from(error).into_response(),
    };
    let Some(actor) = actor else {
        tracing::info!(path = request.uri().path(), "an admin call without a valid token was refused");
        let message = "send `Authorization: Bearer TOKEN`; the token is in the file admin.token in the data directory; `portraitd token create` makes others";
        let refused = AdminError { status: StatusCode::UNAUTHORIZED, message: message.into() };
        return ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response();
    };
    // A body whose announced length is too large is refused before it is read.
    if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
        let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
        return AdminError { status: StatusCode::PAYLOAD_TOO_LARGE, message }.into_response();
    }
    let address = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let name = Arc::clone(&actor.name);
    let context = AuditContext::new(name, address, request.method().clone(), request.uri());
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(actor);
    let response = next.run(request).await;
    state.audit_refusal(&context, response.status()).await;
    response
}
