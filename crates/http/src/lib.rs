//! HTTP/1.1 in and out: listeners with TLS, timeouts, connection limits and fairness, and a client with an address policy. It knows no product type.

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
pub mod network;
mod response_body;
pub mod socket;
pub mod stats;
mod timeouts;
pub mod tls;
