//! OpenTelemetry traces: one span for each `/v4` call, sent in batches to a collector over OTLP/HTTP
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>). No call ever waits for it: what the queue can't hold, and what
//! the collector does not take, is lost and counted.
//!
//! A span is made when its call is over, of times that were measured anyway. `tracing-opentelemetry` would need a
//! `tracing` span around every call instead, and more of a call's time.

mod collector;
mod exporter;
mod parent;

use crate::otel::collector::{Collector, resource};
use crate::otel::exporter::{Backlog, BoundedProcessor, CollectorClient, CountingExporter, QUEUE_MAX};
use hyper::Method;
use opentelemetry::trace::{Span, SpanKind, Tracer, TracerProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use portraitd_api::call_counts::NO_COMMAND;
use portraitd_api::call_record::{CallExporter, CallRecord, CallTimings};
use portraitd_api::clock::SystemClock;
use portraitd_api::envelope::ApiError;
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::HttpClient;
use portraitd_http::trust::Trust;
use portraitd_model::{Clock, Command};
use std::convert::Infallible;
use std::env;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub(crate) use collector::endpoint;

/// Spans in one message.
const BATCH_MAX: usize = 512;
/// How long a span waits for company.
const BATCH_PERIOD: Duration = Duration::from_secs(2);
/// Characters of a path that are kept: a stranger's may be as long as a head.
const PATH_MAX: usize = 256;

/// Where calls leave their spans.
#[derive(Debug)]
pub(crate) struct Traces {
    tracer: SdkTracer,
    /// Gone with the last call that can leave a span.
    _open: oneshot::Sender<Infallible>,
}

/// Starts to export, if the setting or a variable names a collector. The task ends once no call can leave a span any
/// more and all of them are sent, or `grace` after the server was asked to stop.
pub(crate) fn start(
    setting: Option<&str>,
    stop: CancellationToken,
    grace: Duration,
) -> anyhow::Result<Option<(Traces, JoinHandle<()>)>> {
    let Some(collector) = Collector::find(setting, |name| env::var(name).ok())? else { return Ok(None) };
    let backlog = Arc::<Backlog>::default();
    let exporter = CountingExporter::new(sender(&collector, &backlog)?, Arc::clone(&backlog), stop.clone());
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_MAX)
        .with_max_export_batch_size(BATCH_MAX)
        .with_scheduled_delay(BATCH_PERIOD)
        .build();
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource(env::var("OTEL_SERVICE_NAME").ok()))
        .with_span_processor(BoundedProcessor { batches, backlog: Arc::clone(&backlog) })
        .build();
    let scope = InstrumentationScope::builder("portraitd").with_version(env!("CARGO_PKG_VERSION")).build();
    let tracer = provider.tracer_with_scope(scope);
    let (open, closed) = oneshot::channel();
    let end = End { closed, stop, grace, last_message: collector.timeout };
    let task = tokio::spawn(end.shut_down(provider, backlog));
    Ok(Some((Traces { tracer, _open: open }, task)))
}

/// What puts batches into messages and has them sent.
fn sender(collector: &Collector, backlog: &Arc<Backlog>) -> anyhow::Result<SpanExporter> {
    let client = CollectorClient {
        outbound: HttpClient::new(AddressPolicy::any(), Trust::Roots(collector.ca_file.as_deref()))?,
        timeout: collector.timeout,
        runtime: Handle::current(),
        backlog: Arc::clone(backlog),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(&collector.url)
        .with_protocol(collector.protocol)
        .with_timeout(collector.timeout);
    Ok(exporter.build()?)
}

/// When to stop exporting.
struct End {
    /// Tells that no call can leave a span any more.
    closed: oneshot::Receiver<Infallible>,
    stop: CancellationToken,
    grace: Duration,
    /// How much longer a message may take that was begun within the grace.
    last_message: Duration,
}

impl End {
    async fn shut_down(self, provider: SdkTracerProvider, backlog: Arc<Backlog>) {
        self.stop.cancelled().await;
        let deadline = Instant::now() + self.grace;
        let _ = timeout_at(deadline, self.closed).await;
        let left = deadline.saturating_duration_since(Instant::now()) + self.last_message;
        // What it did not send in time is counted below.
        let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(left)).await;
        backlog.report(true);
    }
}

impl CallExporter for Traces {
    /// Leaves a call's span, unless its caller says that the trace is not sampled.
    fn export(&self, call: &CallRecord<'_>) {
        let ended = UNIX_EPOCH + Duration::from_millis(SystemClock.now().0);
        let span = self
            .tracer
            .span_builder(call.command.map_or(NO_COMMAND, Command::name))
            .with_kind(SpanKind::Server)
            .with_start_time(ended.checked_sub(call.elapsed).unwrap_or(ended));
        let mut span = self.tracer.build_with_context(span, &parent::context(&call.head.headers));
        if span.is_recording() {
            span.set_attributes(attributes(call));
            span.end_with_timestamp(ended);
        }
    }
}

fn attributes(call: &CallRecord<'_>) -> Vec<KeyValue> {
    let CallTimings { auth, body, work, store_micros } = call.timings;
    let code = call.outcome.as_ref().map_or_else(ApiError::number, |_| 0);
    // Without the query, which holds the UserSig.
    let path: String = call.head.uri.path().chars().take(PATH_MAX).collect();
    let mut attributes = vec![
        KeyValue::new("http.request.method", method_name(&call.head.method)),
        KeyValue::new("url.path", path),
        KeyValue::new("portraitd.code", i64::from(code)),
        KeyValue::new("portraitd.request_id", call.request_id.to_str().unwrap_or_default().to_owned()),
        KeyValue::new("portraitd.auth_micros", number(auth.as_micros())),
        KeyValue::new("portraitd.body_micros", number(body.as_micros())),
        KeyValue::new("portraitd.work_micros", number(work.as_micros())),
        KeyValue::new("portraitd.store_micros", number(store_micros.load(Ordering::Relaxed).into())),
    ];
    attributes.extend(call.sdk_app_id.map(|app| KeyValue::new("portraitd.sdkappid", i64::from(app.0))));
    attributes
}

fn number(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The methods that OpenTelemetry knows; any other one is a stranger's text.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_method_is_not_repeated() {
        assert_eq!(method_name(&Method::POST), "POST");
        assert_eq!(method_name(&Method::from_bytes(b"SECRET").unwrap()), "_OTHER");
    }
}
