//! The check for requests that hyper accepts but a proxy in front could frame differently: where a request ends, and which
//! host it is for. A difference would let one client's bytes become another's request (request smuggling).

use crate::envelope::ApiError;
use hyper::Version;
use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use portraitd_model::ErrorCode;

/// 60002 when the request does not have exactly one `Host` (RFC 9112, section 3.2), or has a transfer coding other than
/// `chunked` (section 6.1). With both a length and chunks, hyper uses the chunks and closes the connection.
pub(crate) fn check(head: &Parts) -> Result<(), ApiError> {
    let refused =
        |english: &str, chinese: &str| Err(ApiError::with_detail(ErrorCode::HttpParse, english, chinese));
    match head.headers.get_all(HOST).iter().count() {
        1 => {}
        // HTTP/1.0 has no Host.
        0 if head.version == Version::HTTP_10 => {}
        0 => return refused("the request has no Host header", "请求缺少 Host 头"),
        _ => return refused("the request has several Host headers", "请求含多个 Host 头"),
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return refused("Transfer-Encoding is not exactly chunked", "Transfer-Encoding 只能为 chunked");
    }
    Ok(())
}
