//! The headers of the console: what a browser must not do with the page. Those of every answer are in `origin.rs`.

use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

/// Only this origin's scripts, styles and calls; nothing inline, no frame around it, no string that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// For all that can be a page of its own. A script or a style sheet can not: opened by itself, it is shown as text.
const PAGES: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds the headers to an answer.
pub(super) async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let of_pages = if is_script_or_style(headers) { &[][..] } else { &PAGES };
    for (name, value) in of_pages {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_script_or_style(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"text/javascript") || kind.starts_with(b"text/css"))
}
