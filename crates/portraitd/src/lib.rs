//! `portraitd`: a self-hosted, drop-in replacement for the user-profile part of Tencent Cloud IM's REST API.
//!
//! A library only so that benches and fuzz targets reach its parts; the product is the binary `portraitd`, which
//! calls [`run`].

mod cli;
mod config;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod logging;
mod metrics;
mod open_store;
#[cfg(feature = "otel")]
mod otel;
mod preflight;
mod server;

/// Runs the command line of this process: parses its arguments, does what they ask for and gives the exit code (0
/// done, 1 failed, 2 not understood).
pub fn run() -> std::process::ExitCode {
    cli::run()
}
