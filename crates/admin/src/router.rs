//! The admin API: an operator's view of apps and accounts, on its own listener. The command line uses it too, over
//! HTTP when a server runs and in-process when none does, so that there is one way.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::state::{Peer, State};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use std::net::IpAddr;
use tower::ServiceExt;

/// 100,000 words of 200 bytes.
const BODY_BYTES_MAX: usize = 24 << 20;

/// The routes.
pub fn router(state: State) -> Router {
    let api = crate::route::router(crate::routes::CLOSED)
        .layer(middleware::from_fn_with_state(state.clone(), authorize));
    crate::route::router(crate::routes::OPEN)
        .nest(crate::routes::PREFIX, api)
        .fallback(async || AdminError::not_found("no such resource"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::map_response(crate::error::as_json))
        .with_state(state)
}

/// Answers one request of the listener. A caller who goes away does not stop a change halfway between the disk and the
/// snapshot in force: the work is a task of its own.
pub async fn answer(router: Router, mut request: Request<Incoming>, peer: IpAddr) -> Response {
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
pub fn tls_only() -> hyper::Response<Full<Bytes>> {
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
    let Some(who) = state.authenticator.who(given) else {
        tracing::info!(path = request.uri().path(), "an admin call without a token that is known");
        let message = "send `Authorization: Bearer TOKEN`; the token is in admin.token in the data directory, or made by portraitd token create";
        let refused = AdminError { status: StatusCode::UNAUTHORIZED, message: message.into() };
        return ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response();
    };
    // A caller that says so beforehand need not send it.
    if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
        let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
        return AdminError { status: StatusCode::PAYLOAD_TOO_LARGE, message }.into_response();
    }
    let from = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let context = AuditContext::of(who, from, request.method().clone(), request.uri());
    request.extensions_mut().insert(context.clone());
    let response = next.run(request).await;
    state.audit_refusal(&context, response.status()).await;
    response
}
