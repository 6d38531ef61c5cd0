//! `GET /openapi.json` on the public listener. It is not part of the protocol.

use crate::host_policy::HostPolicy;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use std::sync::LazyLock;

/// The document's path.
pub const PATH: &str = "/openapi.json";

/// Built once: anyone may request it, without a UserSig.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| super::public::document().to_string().into());

/// Returns the response to a request for the document with an allowed `Host`; `None` for any other request.
pub(crate) fn respond(head: &Parts, hosts: &HostPolicy) -> Option<Response<Full<Bytes>>> {
    if head.method != Method::GET || head.uri.path() != PATH || hosts.check(head).is_err() {
        return None;
    }
    let mut response = Response::new(Full::new(DOCUMENT.clone()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}
