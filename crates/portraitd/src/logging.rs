//! The log: to standard error, as text or JSON. Secrets never enter it: the types that hold them print none.

use crate::config::log::LogFormat;
use crate::config::log::LogSection;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts the log of this process.
pub(crate) fn start_log(section: &LogSection) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&section.filter).map_err(|error| {
        anyhow::anyhow!("log filter `{}`: {error}; try `info` or `debug`", section.filter)
    })?;
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match section.format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("can't start the log: {error}"))
}
