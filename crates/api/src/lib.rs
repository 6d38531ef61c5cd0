//! The `/v4` API: query, authentication, limits, endpoints and envelope, and the registry of apps. Architecture invariant:
//! the emulator is not known here; it takes part in calls through the traits of `hook`.

mod admission;
mod api_error;
pub mod authenticate;
pub mod body;
mod body_problem;
mod body_shape;
pub mod call_context;
pub mod call_counts;
pub mod call_record;
mod called_command;
mod client_address;
pub mod clock;
pub mod cloud_names;
pub mod deletions;
pub mod endpoints;
pub mod envelope;
mod failed_entries;
mod framing;
pub mod gateway;
pub mod given_usersig;
pub mod hook;
pub mod host_policy;
mod json;
pub mod key_uses;
pub mod large_reads;
#[cfg(test)]
#[cfg(feature = "shuttle")]
mod models;
pub mod openapi;
mod primitives;
pub mod query;
mod rate_limit;
pub mod registry;
mod request_id;
pub mod request_log;
pub mod sig_cache;
pub mod telemetry;
mod time_limit;
