//! The log: to standard error, as text or JSON. Secrets never enter it: the types that hold them print none.

use crate::config::log::{LogFormat, LogSection, check_filter};
use portraitd_admin::log_control::LogControl;
use portraitd_admin::types::log::{LogPatch, LogView};
use portraitd_model::{Bilingual, bilingual};
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{Handle, Layer as ReloadLayer};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// The log of this process. What is logged can be changed while it runs; its format can't.
pub(crate) struct RunningLog {
    targets: Handle<Targets, Registry>,
    in_force: Mutex<LogSection>,
}

impl RunningLog {
    fn in_force(&self) -> MutexGuard<'_, LogSection> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogControl for RunningLog {
    fn current(&self) -> LogView {
        let section = self.in_force();
        LogView { filter: section.filter.clone(), access: section.access }
    }

    fn check(&self, filter: &str) -> Result<(), Bilingual> {
        check_filter(filter)
    }

    fn change(&self, patch: &LogPatch) -> Result<LogView, Bilingual> {
        let mut section = self.in_force();
        let LogPatch { filter, access } = patch.clone();
        let filter = filter.unwrap_or_else(|| section.filter.clone());
        let changed = LogSection { filter, access: access.unwrap_or(section.access), ..section.clone() };
        let targets = changed.targets()?;
        self.targets
            .reload(targets)
            .map_err(|error| bilingual!("the log can't be changed: {error}", "日志无法更改：{error}"))?;
        let LogSection { filter, access, .. } = changed.clone();
        *section = changed;
        drop(section);
        tracing::info!(filter, access, "the log changed");
        Ok(LogView { filter, access })
    }
}

/// Starts the log of this process.
pub(crate) fn start_log(section: &LogSection) -> anyhow::Result<RunningLog> {
    let targets = section
        .targets()
        .map_err(|error| anyhow::anyhow!("log filter `{}`: {}", section.filter, error.english()))?;
    let (filter, handle) = ReloadLayer::new(targets);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match section.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    started.map_err(|error| anyhow::anyhow!("can't start the log: {error}"))?;
    Ok(RunningLog { targets: handle, in_force: Mutex::new(section.clone()) })
}
