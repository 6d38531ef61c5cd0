//! `[log]`: what is logged and how, and where traces go.

use super::setting::section;
use serde::{Deserialize, Serialize};
use toml::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

section! {
    /// `[log]`
    [log] LogSection {
        /// How log lines are written: "text" for people, or "json", one object a line.
        #[zh = "日志格式：\"text\"（便于阅读）或 \"json\"（每行一个对象）。"]
        format: LogFormat = LogFormat::Text;

        /// What is logged: "error", "warn", "info", "debug" (one line a request) or "trace".
        #[zh = "日志级别：\"error\"、\"warn\"、\"info\"、\"debug\"（每个请求一行）或 \"trace\"。"]
        filter: String = "info".into(), check is_filter;

        /// Requests that take longer than this are logged with where their time went. 0 means none.
        #[zh = "耗时超过此值的请求写入日志，并记录时间去向。0 表示不记录。"]
        slow_request_ms: u64 = 500, in 0..=86_400_000;

        /// The URL of an OpenTelemetry collector that takes traces (OTLP/HTTP). It needs a portraitd built with
        /// `--features otel`.
        #[zh = "接收 trace 的 OpenTelemetry 采集端 URL（OTLP/HTTP），须以 `--features otel` 编译。"]
        otlp_endpoint: Option<String> = None, check is_endpoint, example r#""http://127.0.0.1:4318/v1/traces""#;
    }
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

fn is_filter(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    // A word that is no level would be taken for a target, and everything else go unlogged.
    let stray = text
        .split(',')
        .map(str::trim)
        .find(|part| !part.contains('=') && part.parse::<LevelFilter>().is_err());
    if let Some(stray) = stray {
        return Err(format!("`{stray}` is no level; write `error`, `warn`, `info`, `debug` or `trace`"));
    }
    let filter = EnvFilter::try_new(text);
    filter.map(drop).map_err(|error| format!("is not a log filter ({error}); write `info` or `debug`"))
}

#[cfg(feature = "otel")]
fn is_endpoint(value: &Value) -> Result<(), String> {
    let endpoint = crate::otel::endpoint(value.as_str().unwrap_or_default());
    endpoint.map(drop).map_err(|error| error.to_string())
}

#[cfg(not(feature = "otel"))]
fn is_endpoint(_: &Value) -> Result<(), String> {
    Err("this portraitd was built without OpenTelemetry; build with --features otel or remove log.otlp_endpoint"
        .to_owned())
}
