//! The configuration: one struct for each section, in a file of its name. Every setting is declared once, by [`setting::section`].

pub(crate) mod backup;
mod check;
pub(crate) mod flags;
mod limits;
pub(crate) mod listeners;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod reference;
pub(crate) mod server;
mod setting;
mod store;
mod suggest;
mod tls;
pub(crate) mod value;
pub(crate) mod webhook;

use crate::config::setting::{Section, Setting};
use backup::{BackupSection, S3Section};
use limits::LimitsSection;
use log::LogSection;
use portraitd_api::body::BodyLimits;
use portraitd_api::envelope::BROKEN_HTTP;
use portraitd_api::gateway::GatewayConfig;
use portraitd_api::host_policy::HostPolicy;
use portraitd_http::config::ListenerConfig;
use portraitd_http::connection_limit::ConnectionLimits;
use portraitd_sqlite::SqliteSettings;
use server::ServerSection;
use std::time::Duration;
use store::StoreSection;
use tls::TlsSection;
use webhook::WebhookSection;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) server: ServerSection,
    pub(crate) tls: TlsSection,
    pub(crate) limits: LimitsSection,
    pub(crate) store: StoreSection,
    pub(crate) log: LogSection,
    pub(crate) webhook: WebhookSection,
    pub(crate) backup: BackupSection,
    pub(crate) s3: S3Section,
}

impl Config {
    /// Every section, in the order of the example file.
    fn sections(&self) -> [&dyn Section; 8] {
        let Self { server, tls, limits, store, log, webhook, backup, s3 } = self;
        [server, tls, limits, store, log, webhook, backup, s3]
    }

    fn sections_mut(&mut self) -> [&mut dyn Section; 8] {
        let Self { server, tls, limits, store, log, webhook, backup, s3 } = self;
        [server, tls, limits, store, log, webhook, backup, s3]
    }

    /// Every setting of every section.
    fn settings() -> impl Iterator<Item = &'static Setting> {
        Self::default().sections().map(Section::settings).into_iter().flatten()
    }

    /// The names of the settings that have another value.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let changed = Self::settings().filter(|setting| self.get(setting) != other.get(setting));
        changed.map(|setting| setting.name).collect()
    }

    /// Whether backups are taken on a schedule.
    pub(crate) const fn has_backups(&self) -> bool {
        self.backup.directory.is_some() || self.s3.bucket.is_some()
    }

    /// Whether the admin API's listeners have the console.
    pub(crate) const fn has_console(&self) -> bool {
        self.server.console && cfg!(feature = "console")
    }

    pub(crate) fn listener(&self) -> ListenerConfig {
        let server = &self.server;
        ListenerConfig {
            handshake_timeout: Duration::from_millis(self.tls.handshake_timeout_ms),
            header_timeout: Duration::from_millis(server.header_timeout_ms),
            idle_timeout: Duration::from_millis(server.idle_timeout_ms),
            write_timeout: Duration::from_millis(server.write_timeout_ms),
            shutdown_timeout: Duration::from_millis(server.shutdown_timeout_ms),
            broken_http: BROKEN_HTTP,
        }
    }

    pub(crate) fn store(&self) -> SqliteSettings {
        SqliteSettings {
            profiles_bytes_max: self.store.profiles_in_memory_mib.saturating_mul(1 << 20),
            keep_free_bytes: self.store.keep_free_mib.saturating_mul(1 << 20),
            journal_bytes_max: self.store.journal_mib.saturating_mul(1 << 20),
        }
    }

    pub(crate) fn connection_limits(&self) -> ConnectionLimits {
        let server = &self.server;
        ConnectionLimits {
            connections_max: server.connections_max,
            per_address_max: server.connections_per_address_max,
            trusted_proxies: server.trusted_proxies.clone(),
        }
    }

    /// The limits of the admin listener, which has connections of its own: operators must get in when the public listener is
    /// full.
    pub(crate) fn admin_connection_limits() -> ConnectionLimits {
        const CONNECTIONS_MAX: usize = 256;
        ConnectionLimits {
            connections_max: CONNECTIONS_MAX,
            per_address_max: CONNECTIONS_MAX,
            trusted_proxies: Vec::new(),
        }
    }

    /// The limits of the listener for metrics: Prometheus and kubelets are few, and its pages are the only ones that anybody may
    /// read.
    pub(crate) fn metrics_connection_limits() -> ConnectionLimits {
        ConnectionLimits { connections_max: 64, per_address_max: 32, trusted_proxies: Vec::new() }
    }

    pub(crate) fn gateway(&self) -> GatewayConfig {
        let server = &self.server;
        GatewayConfig {
            language: server.language.language(),
            error_detail: server.error_detail,
            body: BodyLimits {
                bytes_max: server.body_bytes_max,
                timeout: Duration::from_millis(server.body_timeout_ms),
            },
            requests_max: server.requests_max,
            request_memory_bytes_max: server.request_memory_bytes_max,
            answer_timeout: Duration::from_millis(server.answer_timeout_ms),
            slow_threshold: Duration::from_millis(self.log.slow_request_ms),
            frequency_limits: self.limits.enabled,
            usersig_failures_per_ip: self.limits.usersig_failures_per_ip,
            trusted_proxies: server.trusted_proxies.clone(),
            hosts: server.allow_hosts.clone().map_or(HostPolicy::Any, HostPolicy::Local),
        }
    }
}

#[cfg(test)]
mod tests;
