//! The timeouts of a listener, and its response to requests that are not HTTP.

use std::time::Duration;

/// How a listener treats its connections.
#[derive(Clone, Copy, Debug)]
pub struct ListenerConfig {
    /// The longest TLS handshake.
    pub handshake_timeout: Duration,
    /// The longest time from a request's first byte to the end of its headers.
    pub header_timeout: Duration,
    /// The longest time between two requests on one connection.
    pub idle_timeout: Duration,
    /// The longest time without progress in sending a response.
    pub write_timeout: Duration,
    /// How long requests in flight may take to finish when the server stops.
    pub shutdown_timeout: Duration,
    /// The whole response, head and body, to a request that is not HTTP; it replaces hyper's empty 400.
    pub broken_http: &'static str,
}
