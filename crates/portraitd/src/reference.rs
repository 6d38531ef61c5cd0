//! What documents are generated from, and the defaults of settings. Public for `tests/tidy.rs`, which compares the
//! documents, and for `crates/fuzz`, which answers calls as a server with default settings does.

pub use crate::cli::command_line;
pub use crate::config::reference::table as settings_table;

use crate::config::Config;
use portraitd_api::gateway::GatewayConfig;

/// The settings of `/v4` when nothing is configured.
pub fn gateway_defaults() -> GatewayConfig {
    Config::default().gateway()
}
