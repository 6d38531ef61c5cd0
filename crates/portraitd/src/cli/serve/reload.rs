//! SIGHUP: certificates and the settings of the log are read again; other changed settings wait for the next start.

use super::certificates::Certificates;
use super::config::Layers;
use super::notify::ServiceState;
use crate::config::Config;
use crate::logging::RunningLog;
use portraitd_admin::log_control::LogControl;
use portraitd_admin::types::log::{LogPatch, LogView};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The settings that a running server takes up.
const RELOADED: [&str; 2] = ["log.access", "log.filter"];

/// What is read again.
pub(super) struct Reload {
    hangup: Signal,
    pub(super) layers: Layers,
    pub(super) command_line: clap::Command,
    pub(super) log: Arc<RunningLog>,
    /// The settings that are in force.
    pub(super) running: Config,
}

impl Reload {
    /// Takes over SIGHUP.
    pub(super) fn new(
        layers: Layers,
        command_line: clap::Command,
        log: Arc<RunningLog>,
        running: Config,
    ) -> anyhow::Result<Self> {
        Ok(Self { hangup: signal(SignalKind::hangup())?, layers, command_line, log, running })
    }

    /// Reloads on each SIGHUP. Never returns.
    pub(super) async fn watch(mut self, certificates: Certificates) {
        while self.hangup.recv().await.is_some() {
            ServiceState::Reloading.tell();
            certificates.reload();
            match self.layers.load(&self.command_line) {
                Ok(loaded) => self.take_up(&loaded.config),
                Err(error) => tracing::error!("the settings are kept, since they can't be read: {error:#}"),
            }
            ServiceState::Ready.tell();
        }
    }

    fn take_up(&mut self, read: &Config) {
        // The admin API may have changed it: a SIGHUP puts the settings in force again.
        let LogView { filter, access } = self.log.current();
        (self.running.log.filter, self.running.log.access) = (filter, access);
        let changed = read.differences(&self.running);
        let (reloaded, waiting): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|name| RELOADED.contains(name));
        if !waiting.is_empty() {
            tracing::warn!("changed settings take effect at the next start: {}", waiting.join(", "));
        }
        if reloaded.is_empty() {
            return;
        }
        let patch = LogPatch { filter: Some(read.log.filter.clone()), access: Some(read.log.access) };
        if let Err(error) = self.log.change(&patch) {
            tracing::error!("the log stays as it is: {}", error.english());
        }
    }
}
