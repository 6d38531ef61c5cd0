//! What a listener grants its callers, and what it tells those that do not speak HTTP.

use std::time::Duration;

/// What a listener grants its callers.
#[derive(Clone, Copy, Debug)]
pub struct ListenerConfig {
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// From a request's first byte to the end of its headers.
    pub header_timeout: Duration,
    /// Between two requests on one connection.
    pub idle_timeout: Duration,
    /// Without progress in sending an answer.
    pub write_timeout: Duration,
    /// For requests in flight when the server stops.
    pub shutdown_timeout: Duration,
    /// The whole response, head and body, to what is not HTTP: hyper's own would be a bare 400.
    pub broken_http: &'static str,
}
