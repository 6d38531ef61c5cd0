//! The two text formats of `/metrics`: the older one of Prometheus, and `OpenMetrics` for callers that ask for it.

use axum::http::{HeaderMap, header};

/// A text format of the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricsFormat {
    /// Prometheus' text format 0.0.4, which every reader knows.
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl MetricsFormat {
    /// Returns what `Accept` prefers, as Prometheus' own clients do: the older format, unless the caller names `OpenMetrics` with a
    /// weight that is no less than that of `text/plain`.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let (mut open, mut text) = (0.0_f32, 0.0_f32);
        let all = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for range in all.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
            match name.as_str() {
                "application/openmetrics-text" => open = open.max(weight),
                "text/plain" => text = text.max(weight),
                _ => {}
            }
        }
        if open > 0.0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// Returns its content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MetricsFormat::{OpenMetrics, Text};

    #[test]
    fn openmetrics_is_for_callers_that_name_it() {
        // What Prometheus 2.42 sends, 2.5 and 3 with their other weights, curl, a browser.
        for (accept, expected) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            ("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5", Text),
            ("text/plain, application/openmetrics-text", OpenMetrics),
            ("application/openmetrics-text;q=0", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("", Text),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(MetricsFormat::accepted(&headers), expected, "{accept}");
        }
        assert_eq!(MetricsFormat::accepted(&HeaderMap::new()), Text);
    }
}
