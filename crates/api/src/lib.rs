//! `/v4`: query, authentication, limits, endpoint, envelope; and the registry of apps.

pub mod admission;
pub mod authenticate;
pub mod body;
pub mod call_counts;
pub mod client_address;
pub mod clock;
pub mod cloud_names;
pub mod deletions;
pub mod endpoints;
pub mod envelope;
pub mod framing;
pub mod gateway;
pub mod hook;
pub mod host_policy;
pub mod json;
pub mod large_reads;
#[cfg(all(test, feature = "shuttle"))]
mod models;
pub mod openapi;
pub mod query;
pub mod rate_limit;
pub mod registry;
pub mod request_id;
pub mod request_log;
pub mod sig_cache;
mod sync;
pub mod telemetry;
