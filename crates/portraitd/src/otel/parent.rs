//! The caller's part of a trace: the headers `traceparent` and `tracestate`
//! (<https://www.w3.org/TR/trace-context/>).

use hyper::HeaderMap;
use hyper::header::HeaderName;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// Characters of a `tracestate` that every participant has to pass on; a longer one is left out.
const STATE_MAX: usize = 512;

/// A version, a trace, a span and its flags, as version 0 has them: `00-…-…-01`.
const LENGTH: usize = 55;

/// The span that a call belongs to; none when the header is missing, there twice or not valid: then a new trace
/// begins.
pub(super) fn context(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers))
}

/// Headers as the propagator reads them. It takes a header's first value, and ids of fewer digits or with a sign, all
/// of which the specification forbids.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.get_all(name).iter();
        let text = values.next()?.to_str().ok()?.trim();
        let is_valid = if name == "traceparent" { is_parent(text) } else { text.len() <= STATE_MAX };
        (values.next().is_none() && is_valid).then_some(text)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Whether all digits are where they belong. Later versions may have more parts, version 0 has not.
fn is_parent(text: &str) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let (Some(parent), Some(rest)) = (text.as_bytes().get(..LENGTH), text.get(LENGTH..)) else {
        return false;
    };
    let are_digits = parent.split(|byte| *byte == b'-').map(|part| (part.len(), part.iter().all(is_digit)));
    are_digits.eq([2, 32, 16, 2].map(|length| (length, true)))
        && (rest.is_empty() || (rest.starts_with('-') && !text.starts_with("00")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use opentelemetry::trace::{SpanContext, TraceContextExt};

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parsed(text: &str) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_bytes(text.as_bytes()).unwrap());
        parent(&headers)
    }

    fn parent(headers: &HeaderMap) -> Option<SpanContext> {
        Some(context(headers).span().span_context().clone()).filter(SpanContext::is_valid)
    }

    #[test]
    fn valid_parents_are_read() {
        let told = |text: &str| {
            let parent = parsed(text).unwrap();
            let ids = (u128::from_be_bytes(parent.trace_id().to_bytes()), parent.span_id().to_string());
            (ids, parent.is_sampled())
        };
        let ids = (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, "00f067aa0ba902b7".to_owned());
        assert_eq!(told(VALID), (ids.clone(), true));
        assert_eq!(told(&VALID.replace("-01", "-00")), (ids.clone(), false));
        assert_eq!(told(&VALID.replacen("00-", "01-", 1)), (ids.clone(), true));
        assert_eq!(told(&format!("{}-more", VALID.replacen("00-", "fe-", 1))), (ids, true));
    }

    #[test]
    fn others_begin_a_new_trace() {
        for invalid in [
            "",
            "-",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-é4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parsed(invalid), None, "{invalid}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(parent(&headers), None);
        headers.append("traceparent", HeaderValue::from_static(VALID));
        assert!(parent(&headers).is_some());
        headers.append("traceparent", HeaderValue::from_static(VALID));
        assert_eq!(parent(&headers), None, "two of them");
    }

    #[test]
    fn a_trace_state_is_passed_on_unless_it_is_long() {
        let state = |text: String| {
            let mut headers = HeaderMap::new();
            headers.append("traceparent", HeaderValue::from_static(VALID));
            headers.append("tracestate", HeaderValue::try_from(text).unwrap());
            parent(&headers).unwrap().trace_state().header()
        };
        assert_eq!(state("vendor=1,other=2".into()), "vendor=1,other=2");
        assert_eq!(state(format!("vendor={}", "x".repeat(STATE_MAX))), "");
        assert_eq!(state("no state".into()), "");
    }
}
