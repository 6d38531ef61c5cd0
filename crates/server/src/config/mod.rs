//! The configuration: one struct for each section, defaults beside the keys.

mod layer;
mod tls;
mod webhook;

pub(crate) use layer::Flags;

use crate::gateway::GatewayConfig;
use crate::host::HostPolicy;
use crate::listener::{Addresses, ListenerConfig, Seating};
use ipnet::IpNet;
use portrait_model::Language;
use portrait_sqlite::SqliteSettings;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tls::TlsSection;
use webhook::WebhookSection;

/// Every key with its default and unit: what `portraitd config --example` prints.
pub(crate) const EXAMPLE: &str = include_str!("../../portraitd.example.toml");

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerSection,
    pub(crate) tls: TlsSection,
    pub(crate) limits: LimitsSection,
    pub(crate) store: StoreSection,
    pub(crate) log: LogSection,
    pub(crate) webhook: WebhookSection,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSection {
    pub(crate) listen: Addresses,
    pub(crate) admin_listen: Addresses,
    pub(crate) unix_mode: UnixMode,
    pub(crate) data: PathBuf,
    pub(crate) language: LanguageName,
    pub(crate) error_detail: bool,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_address_max: usize,
    pub(crate) requests_max: usize,
    pub(crate) request_memory_bytes_max: usize,
    pub(crate) body_bytes_max: usize,
    pub(crate) header_timeout_ms: u64,
    pub(crate) body_timeout_ms: u64,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) write_timeout_ms: u64,
    pub(crate) answer_timeout_ms: u64,
    pub(crate) shutdown_timeout_ms: u64,
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// `None`: any Host. A list: local names, the cloud's and these.
    pub(crate) allow_hosts: Option<Vec<String>>,
    /// Dangers that `serve` would refuse to start with.
    pub(crate) accept: Vec<Risk>,
}

/// A danger that an operator may accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Risk {
    /// Every user of the machine can read the data.
    ReadableFiles,
    /// An app has a key that is printed in public documents.
    PublishedKeys,
    /// The admin API speaks plain HTTP with other machines.
    PlainAdmin,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) enabled: bool,
    pub(crate) usersig_failures_per_ip: u32,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    pub(crate) profiles_in_memory_mib: usize,
    pub(crate) keep_free_mib: u64,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSection {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
    pub(crate) slow_request_ms: u64,
    /// Where an OpenTelemetry collector takes traces.
    pub(crate) otlp_endpoint: Option<String>,
}

/// The mode of a Unix socket's file, written in octal: `"0660"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct UnixMode(pub(crate) u32);

impl TryFrom<String> for UnixMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Self).ok_or_else(|| format!("`{text}` is no file mode; write it in octal, such as \"0660\""))
    }
}

impl From<UnixMode> for String {
    fn from(UnixMode(mode): UnixMode) -> Self {
        format!("{mode:04o}")
    }
}

/// A language as it is written in settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LanguageName {
    /// English
    #[default]
    En,
    /// 简体中文
    Zh,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LanguageName {
    pub(crate) fn language(self) -> Language {
        match self {
            Self::En => Language::English,
            Self::Zh => Language::Chinese,
        }
    }
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)).into(),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 8081)).into(),
            unix_mode: UnixMode(0o660),
            data: PathBuf::from("portraitd-data"),
            language: LanguageName::En,
            error_detail: false,
            connections_max: 10_240,
            connections_per_address_max: 5_120,
            requests_max: 2_048,
            request_memory_bytes_max: 64 << 20,
            body_bytes_max: 1 << 20,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            idle_timeout_ms: 75_000,
            write_timeout_ms: 10_000,
            answer_timeout_ms: 3_000,
            shutdown_timeout_ms: 10_000,
            trusted_proxies: Vec::new(),
            allow_hosts: None,
            accept: Vec::new(),
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { enabled: true, usersig_failures_per_ip: 50 }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        let SqliteSettings { profiles_bytes_max, keep_free_bytes } = SqliteSettings::default();
        Self { profiles_in_memory_mib: profiles_bytes_max >> 20, keep_free_mib: keep_free_bytes >> 20 }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into(), slow_request_ms: 500, otlp_endpoint: None }
    }
}

impl LogSection {
    fn validate(&self) -> anyhow::Result<()> {
        match &self.otlp_endpoint {
            None => Ok(()),
            #[cfg(feature = "otel")]
            Some(endpoint) => crate::otel::endpoint(endpoint).map(drop),
            #[cfg(not(feature = "otel"))]
            Some(_) => anyhow::bail!(
                "this portraitd was built without OpenTelemetry; build with --features otel or remove log.otlp_endpoint"
            ),
        }
    }
}

impl Config {
    pub(crate) fn listener(&self) -> ListenerConfig {
        let server = &self.server;
        ListenerConfig {
            handshake_timeout: Duration::from_millis(self.tls.handshake_timeout_ms),
            header_timeout: Duration::from_millis(server.header_timeout_ms),
            idle_timeout: Duration::from_millis(server.idle_timeout_ms),
            write_timeout: Duration::from_millis(server.write_timeout_ms),
            shutdown_timeout: Duration::from_millis(server.shutdown_timeout_ms),
        }
    }

    pub(crate) fn store(&self) -> SqliteSettings {
        SqliteSettings {
            profiles_bytes_max: self.store.profiles_in_memory_mib.saturating_mul(1 << 20),
            keep_free_bytes: self.store.keep_free_mib.saturating_mul(1 << 20),
        }
    }

    pub(crate) fn seating(&self) -> Seating {
        let server = &self.server;
        Seating {
            connections_max: server.connections_max,
            per_address_max: server.connections_per_address_max,
            trusted_proxies: server.trusted_proxies.clone(),
        }
    }

    /// Operators, the command line and a scraper: few, and apart, so that no crowd at the other door shuts them out.
    pub(crate) fn admin_seating() -> Seating {
        const CONNECTIONS_MAX: usize = 256;
        Seating {
            connections_max: CONNECTIONS_MAX,
            per_address_max: CONNECTIONS_MAX,
            trusted_proxies: Vec::new(),
        }
    }

    pub(crate) fn gateway(&self) -> GatewayConfig {
        let server = &self.server;
        GatewayConfig {
            language: server.language.language(),
            error_detail: server.error_detail,
            body_bytes_max: server.body_bytes_max,
            requests_max: server.requests_max,
            request_memory_bytes_max: server.request_memory_bytes_max,
            body_timeout: Duration::from_millis(server.body_timeout_ms),
            answer_timeout: Duration::from_millis(server.answer_timeout_ms),
            slow_threshold: Duration::from_millis(self.log.slow_request_ms),
            frequency_limits: self.limits.enabled,
            usersig_failures_per_ip: self.limits.usersig_failures_per_ip,
            trusted_proxies: server.trusted_proxies.clone(),
            hosts: server.allow_hosts.clone().map_or(HostPolicy::Any, HostPolicy::Local),
        }
    }
}
