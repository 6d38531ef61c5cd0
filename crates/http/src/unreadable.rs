//! What a connection brought instead of a request: the reasons that a [`Handler`](crate::connection::Handler) is told.

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 22;

/// Why bytes of a client were not a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// A TLS handshake on a port that speaks plain HTTP.
    TlsOnPlainPort,
    /// Plain HTTP on a port that speaks TLS.
    PlainHttpOnTlsPort,
    /// The opening of HTTP/2, which is not offered.
    Http2,
    /// The request line and the headers are longer than the limit, in bytes.
    HeadTooLarge(usize),
    /// The request line or a header is not HTTP/1.1; the parser's reason.
    BrokenHead(String),
}

impl Unreadable {
    /// Returns the reason for hyper's error about a head that starts with this byte; `None` when the connection ended for
    /// another reason.
    pub(crate) fn of(error: &hyper::Error, first_byte: u8, head_bytes_max: usize) -> Option<Self> {
        if error.is_parse_too_large() {
            return Some(Self::HeadTooLarge(head_bytes_max));
        }
        if !error.is_parse() {
            return None;
        }
        let reason = error.to_string();
        Some(match first_byte {
            TLS_HANDSHAKE => Self::TlsOnPlainPort,
            // hyper has no method for this reason.
            _ if reason.contains("HTTP2 preface") || reason.contains("HTTP/2") => Self::Http2,
            _ => Self::BrokenHead(reason),
        })
    }
}
