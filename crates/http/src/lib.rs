//! HTTP/1.1 in both directions: listeners with TLS, timeouts, connection limits and fairness, and an outgoing client with
//! an address policy. Architecture invariant: no type of the product is known here.

pub mod accept;
pub mod address;
pub mod address_policy;
pub mod bind_error;
pub mod certificate;
pub mod client;
pub mod config;
pub mod connection;
pub mod connection_limit;
mod fairness;
pub mod log_throttle;
pub mod network;
pub mod request_body;
mod request_phase;
mod response_body;
pub mod server_url;
pub mod socket;
pub mod stats;
mod timeouts;
pub mod tls;
pub mod trust;
pub mod unreadable;
