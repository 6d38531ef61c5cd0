//! What a connection brought instead of a request: the reasons that a [`Handler`](crate::connection::Handler) is told.

use crate::request_phase::UnreadHead;
use rustls::AlertDescription;
use rustls::Error as TlsError;
use std::io;

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 22;

/// Why bytes of a client were not a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// A TLS handshake on a port that speaks plain HTTP.
    TlsOnPlainPort,
    /// Plain HTTP on a port that speaks TLS.
    PlainHttpOnTlsPort,
    /// A TLS handshake that failed.
    Handshake(HandshakeFailure),
    /// The opening of HTTP/2, which is not offered.
    Http2,
    /// The request line and the headers are longer than the limit, in bytes.
    HeadTooLarge(usize),
    /// The request line or a header is not HTTP/1.1.
    BrokenHead {
        /// The parser's reason.
        reason: String,
        /// Whether it follows a request on the same connection: it may be the rest of that request's body.
        follows_request: bool,
    },
}

/// Why a TLS handshake failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HandshakeFailure {
    /// The client does not accept the certificate; the name of its alert.
    CertificateRefused(String),
    /// The client has no TLS version or cipher that the server has; the TLS library's reason.
    NothingInCommon(String),
    /// The client closed the connection in the middle.
    Closed,
    /// Another reason.
    Other(String),
}

impl Unreadable {
    /// Returns the reason for hyper's error about a head; `None` when the connection ended for another reason.
    pub(crate) fn of(error: &hyper::Error, head: UnreadHead, head_bytes_max: usize) -> Option<Self> {
        if error.is_parse_too_large() {
            return Some(Self::HeadTooLarge(head_bytes_max));
        }
        if !error.is_parse() {
            return None;
        }
        let UnreadHead { first_byte, follows_request } = head;
        let reason = error.to_string();
        Some(match first_byte {
            TLS_HANDSHAKE => Self::TlsOnPlainPort,
            // hyper has no method for this reason.
            _ if reason.contains("HTTP2 preface") || reason.contains("HTTP/2") => Self::Http2,
            _ => Self::BrokenHead { reason, follows_request },
        })
    }

    /// Returns the reason for the error of a handshake.
    pub(crate) fn of_handshake(error: &io::Error) -> Self {
        use AlertDescription::{
            AccessDenied, BadCertificate, CertificateExpired, CertificateUnknown, UnknownCA,
            UnsupportedCertificate,
        };
        const REFUSALS: [AlertDescription; 6] = [
            AccessDenied,
            BadCertificate,
            CertificateExpired,
            CertificateUnknown,
            UnknownCA,
            UnsupportedCertificate,
        ];
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref());
        let failure = match (of_tls, error.kind()) {
            (Some(TlsError::AlertReceived(alert)), _) if REFUSALS.contains(alert) => {
                HandshakeFailure::CertificateRefused(format!("{alert:?}"))
            }
            (Some(TlsError::PeerIncompatible(why)), _) => {
                HandshakeFailure::NothingInCommon(format!("{why:?}"))
            }
            (Some(TlsError::NoApplicationProtocol), _) => return Self::Http2,
            (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => HandshakeFailure::Closed,
            _ => HandshakeFailure::Other(error.to_string()),
        };
        Self::Handshake(failure)
    }
}
