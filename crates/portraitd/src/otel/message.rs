//! Spans as a collector reads them: `ExportTraceServiceRequest` in its JSON form. Ids are hexadecimal there, and 64-bit
//! numbers are strings (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use super::span::Span;
use serde_json::{Value, json};
use std::time::Duration;

/// `SPAN_KIND_SERVER`
const SERVER: u32 = 2;

/// One message with all of them.
pub(super) fn of(spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let version = env!("CARGO_PKG_VERSION");
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "portraitd"), text("service.version", version)]},
        "scopeSpans": [{"scope": {"name": "portraitd", "version": version}, "spans": spans}],
    }]})
}

fn span(span: &Span) -> Value {
    let elapsed_ns = u64::try_from(span.elapsed.as_nanos()).unwrap_or(u64::MAX);
    let mut attributes = vec![
        text("http.request.method", span.method),
        text("url.path", &span.path),
        number("portraitd.code", span.code.into()),
        text("portraitd.request_id", span.request_id.to_str().unwrap_or_default()),
        number("portraitd.auth_micros", micros(span.auth)),
        number("portraitd.body_micros", micros(span.body)),
        number("portraitd.work_micros", micros(span.work)),
        number("portraitd.store_micros", span.store_micros),
    ];
    attributes.extend(span.sdk_app_id.map(|app| number("portraitd.sdkappid", app.0.into())));
    let mut value = json!({
        "traceId": format!("{:032x}", span.trace),
        "spanId": format!("{:016x}", span.id),
        "name": span.command,
        "kind": SERVER,
        "startTimeUnixNano": span.ended_ns.saturating_sub(elapsed_ns).to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": attributes,
    });
    if let (Some(parent), Some(members)) = (span.parent, value.as_object_mut()) {
        members.insert("parentSpanId".into(), format!("{parent:016x}").into());
    }
    value
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
