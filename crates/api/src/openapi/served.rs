//! The public API's document as its listener answers it: beside the protocol, no part of it.

use crate::host_policy::HostPolicy;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use std::sync::LazyLock;

/// Where it is.
pub const PATH: &str = "/openapi.json";

/// Made once: a stranger may ask for it as often as they like.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| super::public::document().to_string().into());

/// The answer, when it is the document that is asked for, by a name that is let in.
pub(crate) fn served(head: &Parts, hosts: &HostPolicy) -> Option<Response<Full<Bytes>>> {
    if head.method != Method::GET || head.uri.path() != PATH || hosts.admit(head).is_err() {
        return None;
    }
    let mut response = Response::new(Full::new(DOCUMENT.clone()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}
