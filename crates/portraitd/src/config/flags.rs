//! Settings that have a flag on the command line.

use super::log::LogFormat;
use portraitd_http::address::Address;
use std::path::PathBuf;

/// Settings that have a flag.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// The address of the public API: `127.0.0.1:8080`, `https://[::]:443` or `unix:/path`; port 0 takes a free port
    /// (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Vec<Address>,
    /// The address of the admin API (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) admin_listen: Vec<Address>,
    /// The address of `/metrics`, `/healthz` and `/readyz` alone (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics_listen: Vec<Address>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The level of the log: error, warn, info, debug (one line a request) or trace
    #[arg(long, value_name = "LEVEL")]
    pub(super) log: Option<String>,
    /// The format of the log
    #[arg(long, value_enum)]
    pub(super) log_format: Option<LogFormat>,
}
