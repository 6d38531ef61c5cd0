//! `portraitd`: a self-hosted, drop-in replacement for the user-profile part of Tencent Cloud IM's REST API.
//!
//! A library only so that benches and fuzz targets reach its parts; the product is the binary `portraitd`, which
//! calls [`run`].

mod admin;
mod api;
mod beside;
mod certificate;
mod cli;
mod client_address;
mod clock;
mod cloud_names;
mod config;
mod deletions;
mod emulator;
mod framing;
mod gateway;
mod host;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod limit;
mod listener;
mod load;
mod metrics;
mod observe;
mod openapi;
#[cfg(feature = "otel")]
mod otel;
mod outbound;
mod port_owner;
mod primitives;
mod proxy;
mod query;
mod registry;
mod request_ids;
mod request_log;
mod safety;
mod secret;
mod server;
mod telemetry;
mod usage;
mod utc;
mod verified;
mod webhook;

/// Runs the command line of this process: parses its arguments, does what they ask for and gives the exit code (0
/// done, 1 failed, 2 not understood).
pub fn run() -> std::process::ExitCode {
    cli::run()
}
