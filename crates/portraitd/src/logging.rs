//! The log: to standard error, as text or JSON. Secrets never enter it: the types that hold them print none.

use crate::config::log::{LogFormat, LogSection, filter};
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Starts the log of this process.
pub(crate) fn start_log(section: &LogSection) -> anyhow::Result<()> {
    let filter = filter(&section.filter)
        .map_err(|error| anyhow::anyhow!("log filter `{}`: {error}", section.filter))?;
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match section.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    started.map_err(|error| anyhow::anyhow!("can't start the log: {error}"))
}
