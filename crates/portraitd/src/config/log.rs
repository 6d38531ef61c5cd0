//! `[log]`: what is logged and how, and where traces go.

use super::setting::section;
use crate::cli::language::chosen::language;
#[cfg(not(feature = "otel"))]
use crate::cli::language::chosen::localized;
use portraitd_api::request_log::ACCESS_TARGET;
use portraitd_model::{Bilingual, bilingual};
use serde::{Deserialize, Serialize};
use toml::Value;
use tracing_subscriber::filter::{LevelFilter, Targets};

section! {
    /// `[log]`
    [log] LogSection {
        /// How log lines are written: "text" for people, or "json", one object a line.
        #[zh = "日志格式：\"text\"（便于阅读）或 \"json\"（每行一个对象）。"]
        format: LogFormat = LogFormat::Text;

        /// What is logged: "error", "warn", "info", "debug" (one line a request) or "trace". A SIGHUP
        /// takes up a change; `portraitd log debug` changes it until then.
        #[zh = "日志级别：\"error\"、\"warn\"、\"info\"、\"debug\"（每个请求一行）或 \"trace\"。修改后发送 SIGHUP 即可生效；`portraitd log debug` 可临时更改。"]
        filter: String = "info".into(), check is_filter;

        /// If true, every request to the public API is one more line of the log, whatever `filter` says: the caller's address and
        /// identifier, the app, the path, the error code and the time it took. A SIGHUP takes up a change.
        #[zh = "是否为公共 API 的每个请求写一行访问日志（不受 `filter` 影响）：调用方的地址与 identifier、应用、路径、错误码与耗时。修改后发送 SIGHUP 即可生效。"]
        access: bool = false;

        /// Requests that take longer than this are logged, with the time of each step. 0 means that none are logged.
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
    check_filter(value.as_str().unwrap_or_default()).map_err(|error| error.pick(language()).to_owned())
}

/// Checks a filter. The error names what is wrong with it and the accepted levels.
pub(crate) fn check_filter(text: &str) -> Result<(), Bilingual> {
    filter(text).map(drop)
}

impl LogSection {
    /// What is logged.
    pub(crate) fn targets(&self) -> Result<Targets, Bilingual> {
        let access = if self.access { LevelFilter::INFO } else { LevelFilter::OFF };
        Ok(filter(&self.filter)?.with_target(ACCESS_TARGET, access))
    }
}

/// Levels, each for everything (`info`) or for a part of the program (`portraitd_http::tls=debug`), between commas.
/// Without any, errors alone are logged. Warnings of the TLS library are of what clients do as they close (each Java client
/// does): they are for `debug`.
fn filter(text: &str) -> Result<Targets, Bilingual> {
    /// Each line that may be logged is compared with every part.
    const BYTES_MAX: usize = 1000;
    if text.len() > BYTES_MAX {
        return Err(bilingual!(
            "it has {} bytes; at most {BYTES_MAX} are allowed",
            "长度为 {} 字节，最多 {BYTES_MAX} 字节",
            text.len()
        ));
    }
    let mut filter = Targets::new();
    let mut parts = text.split(',').map(str::trim).filter(|part| !part.is_empty()).peekable();
    if parts.peek().is_none() {
        filter = filter.with_default(LevelFilter::ERROR);
    }
    for part in parts {
        let (target, word) = part.split_once('=').map_or((None, part), |(target, word)| (Some(target), word));
        // A word that is no level would be taken for a target, and everything else go unlogged.
        let Ok(level) = word.parse::<LevelFilter>() else {
            return Err(bilingual!(
                "`{word}` is not a level; write `off`, `error`, `warn`, `info`, `debug` or `trace`, alone or for a part of the \
                 program: `portraitd_http::tls=debug`",
                "`{word}` 不是日志级别；可用 `off`、`error`、`warn`、`info`、`debug`、`trace`，也可只针对程序的一部分：`portraitd_http::tls=debug`"
            ));
        };
        filter = match target {
            None => filter.with_default(level),
            Some(target) => filter.with_target(target, level),
        };
    }
    let names_tls = filter.iter().any(|(target, _)| target.starts_with("rustls"));
    if !names_tls && matches!(filter.default_level(), Some(LevelFilter::WARN | LevelFilter::INFO)) {
        filter = filter.with_target("rustls", LevelFilter::ERROR);
    }
    Ok(filter)
}

#[cfg(feature = "otel")]
fn is_endpoint(value: &Value) -> Result<(), String> {
    let endpoint = crate::otel::endpoint(value.as_str().unwrap_or_default());
    endpoint.map(drop).map_err(|error| error.to_string())
}

#[cfg(not(feature = "otel"))]
fn is_endpoint(_: &Value) -> Result<(), String> {
    Err(localized!(
        "this portraitd was built without OpenTelemetry; build with --features otel or remove log.otlp_endpoint",
        "此 portraitd 构建时未启用 OpenTelemetry；请以 --features otel 构建，或去掉 log.otlp_endpoint"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn filters_name_levels_for_everything_or_for_a_part() {
        let is_logged =
            |text: &str, target: &str, level: Level| filter(text).unwrap().would_enable(target, &level);
        for (text, target, level, expected) in [
            ("info", "portraitd", Level::INFO, true),
            ("info", "portraitd", Level::DEBUG, false),
            ("OFF", "portraitd", Level::ERROR, false),
            ("warn, portraitd_http::tls=debug", "portraitd_http::tls", Level::DEBUG, true),
            ("warn, portraitd_http::tls=debug", "portraitd_http", Level::INFO, false),
            ("portraitd_http=debug", "portraitd_http::tls", Level::DEBUG, true),
            ("portraitd_http=debug", "portraitd_api", Level::ERROR, false),
            ("", "portraitd", Level::ERROR, true),
            ("", "portraitd", Level::WARN, false),
            ("info", "rustls::conn", Level::WARN, false),
            ("warn,portraitd_http::tls=debug", "rustls::conn", Level::ERROR, true),
            ("info,rustls=warn", "rustls::conn", Level::WARN, true),
            ("debug", "rustls::conn", Level::WARN, true),
            ("off", "rustls::conn", Level::ERROR, false),
        ] {
            assert_eq!(is_logged(text, target, level), expected, "{text}: {level} of {target}");
        }
        for (text, access, expected) in [("info", false, false), ("off", true, true), ("trace", false, false)]
        {
            let section = LogSection { filter: text.into(), access, ..LogSection::default() };
            let logged = section.targets().unwrap().would_enable(ACCESS_TARGET, &Level::INFO);
            assert_eq!(logged, expected, "{text} {access}");
        }
        for bad in ["loud", "info,portraitd", "a=loud", "a=b=info"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
