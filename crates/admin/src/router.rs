//! The router of the admin API. The command line calls it too: over HTTP when a server runs on the data, in-process when
//! none does, so every change is validated and audited by the same code.

use crate::audit_log::AuditContext;
use crate::auth::{Access, NotLetIn, Peer};
use crate::compress;
use crate::console;
use crate::error::{AdminError, in_accepted_language};
use crate::error_code::AdminCode;
use crate::handlers::download;
use crate::language::AcceptLanguage;
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
use portraitd_http::log_throttle::LogThrottle;
use portraitd_http::network::client_network;
use portraitd_http::request_body::RequestBody;
use portraitd_model::bilingual;
use portraitd_model::terminal::shown_in_log;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tower::ServiceExt;

/// Room for the longest list of sensitive words, 100,000 of 200 bytes.
const BODY_BYTES_MAX: usize = 24 << 20;

/// How a listener offers the admin API.
pub struct AdminListener {
    /// Whether callers on this machine need no token.
    pub local_without_token: bool,
    /// Under which names it answers.
    pub hosts: AdminHosts,
    /// Whether it has the console too. In a build without the feature `console` there is none.
    pub console: bool,
}

/// Returns the routes of the admin API, with authentication, the limit of bodies and JSON errors.
pub fn router(state: State, listener: AdminListener) -> Router {
    let AdminListener { local_without_token, hosts, console } = listener;
    let access = Access { authenticator: state.authenticator.clone(), local_without_token };
    let guard = Guard { state: state.clone(), access, hosts, refusals: Arc::default() };
    let api = crate::route::router(crate::routes::TOKEN_ROUTES)
        .layer(middleware::from_fn(compress::answers))
        .layer(middleware::from_fn_with_state(guard, authorize));
    let console = if console { console::router() } else { Router::new() };
    crate::route::router(crate::routes::OPEN_ROUTES)
        .merge(crate::route::router(crate::routes::PROBE_ROUTES))
        .nest(PREFIX, api)
        .merge(console)
        .fallback(no_such_resource)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_accepted_language))
        .with_state(state)
}

/// Returns the routes of a listener for probes and metrics alone.
pub fn probe_router(state: State) -> Router {
    crate::route::router(crate::routes::PROBE_ROUTES)
        .fallback(no_such_resource)
        .layer(middleware::from_fn(in_accepted_language))
        .with_state(state)
}

async fn no_such_resource() -> AdminError {
    AdminError::new(AdminCode::NoSuchResource, bilingual!("no such resource", "资源不存在"))
}

/// Whether an emulator's public listener has this for the admin API, or for the console if it has that, rather than for
/// `/v4`.
pub fn is_for_browsers(path: &str, headers: &HeaderMap, console: bool) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (console && console::is_console_path(path, headers))
}

/// Answers one request of the listener. The work runs in its own task: a client that disconnects does not stop a change
/// between its commit and the reload of the settings.
pub async fn answer(router: Router, mut request: Request<RequestBody>, peer: IpAddr) -> Response {
    request.extensions_mut().insert(Peer(peer));
    let language = AcceptLanguage::of(request.headers());
    let joined = tokio::spawn(router.oneshot(request.map(Body::new))).await;
    origin::unusable_elsewhere(match joined {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => AdminError::internal().in_language(language),
    })
}

/// Returns the 400 that answers a plain HTTP request on a TLS port. The request was not read: the sentence is in English.
pub fn tls_only() -> hyper::Response<Full<Bytes>> {
    let body = r#"{"error":"this port speaks TLS: write https:// instead of http://","code":"tls_only"}"#;
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
    refusals: Arc<LogThrottle<IpAddr>>,
}

/// Logs that a call was refused, once a minute for each address.
fn log_refusal(refusals: &LogThrottle<IpAddr>, request: &Request, why: &str) {
    let Some(Peer(address)) = request.extensions().get::<Peer>() else { return };
    if let Some(refused) = refusals.count(client_network(*address), Instant::now()) {
        let (address, path) = (address.to_canonical(), shown_in_log(request.uri().path()));
        tracing::info!(%address, path, refused, "an admin call {why} was refused; the next line about this address follows in a minute at the earliest");
    }
}

/// Authenticates a request, and records a refusal in the audit log.
async fn authorize(Extract(guard): Extract<Guard>, mut request: Request, next: Next) -> Response {
    let Guard { state, access, hosts, refusals } = guard;
    if let Err(refused) = origin::check(request.headers(), &hosts) {
        log_refusal(&refusals, &request, "of another origin or for another name");
        return refused.into_response();
    }
    // A ticket decides alone: where callers need no token, a used one must open nothing either.
    let ticket = download::ticket_in(request.uri());
    let identified = match &ticket {
        Some((ticket, export)) => {
            let identified = access.authenticator.identify_download(ticket, export).await;
            identified.map_err(NotLetIn::from).and_then(|actor| actor.ok_or(NotLetIn::WithoutToken))
        }
        None => access.identify(request.headers(), request.extensions()).await.map(|caller| caller.actor),
    };
    let actor = match identified {
        Ok(actor) => actor,
        Err(not_let_in) => {
            log_refusal(&refusals, &request, "without a valid token");
            return not_let_in.respond(match ticket {
                Some(_) => bilingual!(
                    "the ticket is for another export, was used, or is older than a minute: make another one",
                    "下载凭证属于另一次导出、已使用过，或已超过一分钟：请重新生成"
                ),
                None => bilingual!(
                    "send `Authorization: Bearer TOKEN`; the token is in the file admin.token in the data directory; `portraitd token create` makes others",
                    "请携带 `Authorization: Bearer TOKEN`；令牌在数据目录的 admin.token 文件中，也可用 `portraitd token create` 另行创建"
                ),
            });
        }
    };
    // A body whose announced length is too large is refused before it is read.
    if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
        return AdminError::too_large(BODY_BYTES_MAX).into_response();
    }
    let address = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let context = AuditContext::new(actor.clone(), address, request.method().clone(), request.uri());
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(actor);
    let response = next.run(request).await;
    state.audit_refusal(&context, response.status()).await;
    response
}
