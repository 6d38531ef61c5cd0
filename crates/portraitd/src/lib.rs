//! `portraitd`: a self-hosted, drop-in replacement for the user-profile part of Tencent Cloud IM's REST API.
//!
//! The product is the binary `portraitd`, which calls [`run`]. This library is not published; what else of it is public
//! is there for tests: [`parsers`] for the fuzz targets, [`reference`](mod@reference) for the generated documents.

mod backup;
mod cli;
mod config;
mod follow_nodes;
mod log_refusals;
mod logging;
mod metrics;
mod open_store;
#[cfg(feature = "otel")]
mod otel;
pub mod parsers;
mod preflight;
pub mod reference;
mod server;
mod share_usage;
mod sockets;

/// Runs the command line of this process: parses its arguments, does what they ask for and gives the exit code (0
/// done, 1 failed, 2 not understood).
pub fn run() -> std::process::ExitCode {
    cli::run()
}
