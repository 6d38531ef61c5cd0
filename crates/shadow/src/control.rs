//! The control API: the report, and which side answers. It listens on this machine alone and knows no tokens; a request that a
//! web page made is refused.

use crate::service::Shadow;
use crate::side::Side;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, put};
use axum::{Json, Router};
use bytes::Bytes;
use portraitd_admin::error::{AdminError, in_accepted_language};
use portraitd_admin::error_code::AdminCode;
use portraitd_model::bilingual;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// The most bytes of a body.
const BODY_BYTES_MAX: usize = 1024;

/// Which side answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetAnswer {
    from: Side,
    /// Whether portraitd may answer although the report is not clean.
    #[serde(default)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct AnswersFrom {
    answers_from: Side,
}

/// One resource with one of its methods.
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    build: fn() -> MethodRouter<Arc<Shadow>>,
}

/// Every route.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/report", build: || get(report) },
    Route { method: "DELETE", path: "/report", build: || delete(clear) },
    Route { method: "PUT", path: "/answer", build: || put(set_answer) },
];

/// Returns the router.
pub fn router(shadow: Arc<Shadow>) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.build)()));
    router
        .fallback(async || {
            AdminError::new(
                AdminCode::NoSuchResource,
                bilingual!(
                    "there is no such resource; GET /report, DELETE /report and PUT /answer are",
                    "资源不存在；可用的是 GET /report、DELETE /report 与 PUT /answer"
                ),
            )
        })
        .method_not_allowed_fallback(async || {
            AdminError::new(
                AdminCode::MethodNotAllowed,
                bilingual!("this resource has no such method", "该资源不支持此方法"),
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(refuse_web_pages))
        .layer(middleware::from_fn(in_accepted_language))
        .with_state(shadow)
}

async fn report(State(shadow): State<Arc<Shadow>>) -> Response {
    Json(shadow.report()).into_response()
}

async fn clear(State(shadow): State<Arc<Shadow>>) -> StatusCode {
    shadow.clear();
    shadow.tell(&bilingual!("the report begins from zero", "报告从零开始计数"));
    StatusCode::NO_CONTENT
}

async fn set_answer(State(shadow): State<Arc<Shadow>>, body: Bytes) -> Result<Json<AnswersFrom>, AdminError> {
    let SetAnswer { from, force } = serde_json::from_slice(&body).map_err(|_| {
        AdminError::invalid(bilingual!(
            "the body must be {{\"from\":\"here\"}} or {{\"from\":\"cloud\"}}, with \"force\":true if the report is not clean",
            "包体应为 {{\"from\":\"here\"}} 或 {{\"from\":\"cloud\"}}；报告不干净时另加 \"force\":true"
        ))
    })?;
    let view = shadow.report();
    if from == Side::Here && view.answers_from == Side::Cloud && !view.is_clean && !force {
        let (compared, rows, accounts) =
            (view.total.compared, view.differences.len(), view.unsettled_accounts);
        return Err(AdminError::new(
            AdminCode::NotPossible,
            bilingual!(
                "the report is not clean: {compared} calls compared, {rows} kinds of differences, {accounts} unsettled accounts; \
                 with \"force\":true portraitd answers all the same",
                "报告不干净：已比较 {compared} 次调用，{rows} 种差异，{accounts} 个账号状态未定；加 \"force\":true 则仍由 portraitd 应答"
            ),
        ));
    }
    shadow.answer_from(from);
    shadow.tell(&match from {
        Side::Here => bilingual!("portraitd answers from now on", "此后由 portraitd 应答"),
        Side::Cloud => bilingual!("the cloud answers from now on", "此后由云端应答"),
    });
    Ok(Json(AnswersFrom { answers_from: from }))
}

/// Refuses a request for a name that is not this machine's, or that a page made: any page that is open on this machine could
/// otherwise switch sides.
async fn refuse_web_pages(headers: HeaderMap, request: Request, next: Next) -> Result<Response, AdminError> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") || !is_local(host) {
        return Err(AdminError::new(
            AdminCode::OtherOrigin,
            bilingual!(
                "the control API answers programs on this machine alone, under an IP address or localhost",
                "控制 API 只应答本机上的程序，且须以 IP 地址或 localhost 访问"
            ),
        ));
    }
    Ok(next.run(request).await)
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for local in ["127.0.0.1:8086", "[::1]:1", "localhost", "LOCALHOST:80", "127.9.9.9"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["", "evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.nip.io"] {
            assert!(!is_local(other), "{other}");
        }
    }
}
