//! Compression of answers for callers that take it: browsers do, programs mostly do not ask.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use std::io::Write;

/// Below this, compression gains nothing: an answer of this size fits in one packet.
const BYTES_MIN: u64 = 1024;
/// Above this, compressing would keep a thread for too long.
const BYTES_MAX: u64 = 1 << 20;

/// Whether a caller takes answers in gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|codings| codings.contains("gzip"))
}

/// Compresses an answer in JSON whose size is known and between 1 KiB and 1 MiB.
pub(crate) async fn answers(request: Request, next: Next) -> Response {
    let wanted = takes_gzip(request.headers());
    let response = next.run(request).await;
    let bytes = response.body().size_hint().exact();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !wanted || !is_json || !bytes.is_some_and(|bytes| (BYTES_MIN..=BYTES_MAX).contains(&bytes)) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // A body whose size is known is in memory: it can't fail.
    let plain = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into a Vec can't fail.
    let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).unwrap_or_default();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    (head, Body::from(gzip)).into_response()
}
