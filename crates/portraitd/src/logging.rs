//! The log: to standard error, as text or JSON. Secrets never enter it: the types that hold them print none.

use crate::config::log::{LogFormat, LogSection};
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{Handle, Layer as ReloadLayer};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// The log of this process, whose filter can be changed.
pub(crate) struct RunningLog(Handle<Targets, Registry>);

impl RunningLog {
    /// Changes what is logged; not its format.
    pub(crate) fn change(&self, section: &LogSection) -> anyhow::Result<()> {
        Ok(self.0.reload(targets(section)?)?)
    }
}

/// Starts the log of this process.
pub(crate) fn start_log(section: &LogSection) -> anyhow::Result<RunningLog> {
    let (filter, handle) = ReloadLayer::new(targets(section)?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match section.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    started.map_err(|error| anyhow::anyhow!("can't start the log: {error}"))?;
    Ok(RunningLog(handle))
}

fn targets(section: &LogSection) -> anyhow::Result<Targets> {
    section.targets().map_err(|error| anyhow::anyhow!("log filter `{}`: {error}", section.filter))
}
