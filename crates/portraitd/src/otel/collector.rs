//! Where spans are sent, as `log.otlp_endpoint` and the standard variables say
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). The setting goes before the variables, and those of
//! traces before those of all signals. The exporter itself reads the variables of headers and of compression.

use anyhow::{Context, bail};
use hyper::Uri;
use opentelemetry::KeyValue;
use opentelemetry_otlp::Protocol;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use std::path::PathBuf;
use std::time::Duration;

/// For one message, from connecting to the end of the answer, unless a variable says otherwise.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A collector, and how it is spoken to.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Collector {
    /// With the path of traces.
    pub(super) url: String,
    pub(super) protocol: Protocol,
    pub(super) timeout: Duration,
    /// Certificates that are trusted beside the system's.
    pub(super) ca_file: Option<PathBuf>,
}

/// A collector's URL.
pub(crate) fn endpoint(text: &str) -> anyhow::Result<Uri> {
    let uri = text.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let uri = uri.filter(|uri| uri.authority().is_some_and(|authority| !authority.as_str().contains('@')));
    uri.context("must be a URL without a user, such as \"http://127.0.0.1:4318/v1/traces\"")
}

impl Collector {
    /// The collector that the setting names, or else a variable; `None` when neither does, or traces are turned off.
    pub(super) fn find(
        setting: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Option<Self>> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        if is_off {
            return Ok(None);
        }
        let Some(url) = url(setting, &variable)? else { return Ok(None) };
        let protocol = match exporter_variable("PROTOCOL", &variable) {
            None => Protocol::HttpBinary,
            Some((name, value)) => match value.to_ascii_lowercase().as_str() {
                "http/protobuf" => Protocol::HttpBinary,
                "http/json" => Protocol::HttpJson,
                _ => bail!(
                    "{name} is `{value}`, but portraitd sends `http/protobuf` or `http/json` only; set \
                     OTEL_EXPORTER_OTLP_TRACES_PROTOCOL to one of them, and the endpoint to the collector's HTTP port \
                     (mostly 4318)"
                ),
            },
        };
        let timeout = match exporter_variable("TIMEOUT", &variable) {
            None => TIMEOUT,
            Some((name, value)) => match value.parse() {
                Ok(millis @ 1..) => Duration::from_millis(millis),
                _ => bail!("{name} is `{value}`, but must be a number of milliseconds, such as 2000"),
            },
        };
        let ca_file = exporter_variable("CERTIFICATE", &variable).map(|(_, value)| value.into());
        Ok(Some(Self { url, protocol, timeout, ca_file }))
    }
}

fn url(setting: Option<&str>, variable: &impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<String>> {
    let (name, url) = if let Some(setting) = setting {
        ("log.otlp_endpoint".to_owned(), setting.to_owned())
    } else {
        let Some((name, value)) = exporter_variable("ENDPOINT", variable) else { return Ok(None) };
        // That of all signals is a base, to which each signal adds its path.
        let is_base = !name.contains("TRACES");
        let url = if is_base { format!("{}/v1/traces", value.trim_end_matches('/')) } else { value };
        (name, url)
    };
    endpoint(&url).map_err(|error| anyhow::anyhow!("{name} {error}"))?;
    Ok(Some(url))
}

/// The variable of traces, or that of all signals, with its name.
fn exporter_variable(name: &str, variable: &impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
    names.into_iter().find_map(|name| variable(&name).map(|value| (name, value)))
}

/// What sends the spans: portraitd, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say otherwise.
pub(super) fn resource(service_name: Option<String>) -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name("portraitd")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match service_name.filter(|name| !name.is_empty()) {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(setting: Option<&str>, variables: &[(&str, &str)]) -> anyhow::Result<Option<Collector>> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Collector::find(setting, |name| value(name).map(|(_, value)| (*value).to_owned()))
    }

    fn collector(url: &str) -> Collector {
        Collector { url: url.into(), protocol: Protocol::HttpBinary, timeout: TIMEOUT, ca_file: None }
    }

    #[test]
    fn a_collector_has_a_url() {
        for good in
            ["http://127.0.0.1:4318/v1/traces", "https://collector.example/v1/traces", "http://[::1]:1/"]
        {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:4318", "/v1/traces", "grpc://a:4317", "http://name:password@a/", "http://"]
        {
            let error = endpoint(bad).unwrap_err().to_string();
            assert!(error.contains("must be a URL"), "{bad}: {error}");
            assert!(!error.contains("password"), "{error}");
        }
    }

    #[test]
    fn settings_go_before_variables_and_traces_before_all_signals() {
        const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base:4318/");
        const TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/path");
        let url = |setting, variables: &[_]| find(setting, variables).unwrap().map(|collector| collector.url);
        assert_eq!(url(None, &[]), None);
        assert_eq!(url(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), None);
        assert_eq!(url(None, &[BASE]).unwrap(), "http://base:4318/v1/traces");
        assert_eq!(url(None, &[BASE, TRACES]).unwrap(), "http://traces/path");
        assert_eq!(url(Some("http://set/"), &[BASE, TRACES]).unwrap(), "http://set/");
        for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(url(Some("http://set/"), &[off]), None);
        }
    }

    #[test]
    fn variables_say_how_a_collector_is_spoken_to() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
        ];
        let expected = Collector {
            protocol: Protocol::HttpJson,
            timeout: Duration::from_millis(500),
            ca_file: Some("ca.pem".into()),
            ..collector("http://a/")
        };
        assert_eq!(find(Some("http://a/"), &variables).unwrap(), Some(expected));
        assert_eq!(find(Some("http://a/"), &[]).unwrap(), Some(collector("http://a/")));
    }

    #[test]
    fn variables_that_ask_for_what_is_not_there_are_errors() {
        for (name, value, expected) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "`http/protobuf` or `http/json`"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", "a number of milliseconds"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318", "must be a URL"),
        ] {
            let setting = (!name.ends_with("ENDPOINT")).then_some("http://a/");
            let error = find(setting, &[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_service_is_portraitd_unless_it_is_named() {
        let name = |name: Option<&str>| {
            let resource = resource(name.map(str::to_owned));
            resource.get(&"service.name".into()).map(|value| value.to_string())
        };
        assert_eq!(name(None).unwrap(), "portraitd");
        assert_eq!(name(Some("")).unwrap(), "portraitd");
        assert_eq!(name(Some("im-profile")).unwrap(), "im-profile");
    }
}
