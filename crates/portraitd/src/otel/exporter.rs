//! Between the SDK's batches and its exporter: what is lost is counted, and said once for each outage. The SDK does
//! neither where a log could be made of it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use opentelemetry::Context;
use opentelemetry_http::HttpError;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use portraitd_http::client::HttpClient;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Spans that wait to be sent.
pub(super) const QUEUE_MAX: usize = 4_096;
/// Of the collector's answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How many spans wait, and how many were lost since it was last said.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: AtomicUsize,
    lost: AtomicU64,
    /// Why the last message could not be sent.
    error: Mutex<Option<String>>,
}

impl Backlog {
    /// Counts one more span that waits, or one that is lost because too many do.
    fn add(&self) -> bool {
        let more = |waiting| (waiting < QUEUE_MAX).then_some(waiting + 1);
        let is_added = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !is_added {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        is_added
    }

    /// Logs the spans that were lost since the last time; at the end, those that wait are lost too.
    pub(super) fn report(&self, is_end: bool) {
        let left = if is_end { self.waiting.load(Ordering::Relaxed) as u64 } else { 0 };
        let lost = self.lost.swap(0, Ordering::Relaxed) + left;
        if lost > 0 {
            tracing::warn!(lost, "spans were lost: the OpenTelemetry collector was down or slow");
        }
    }

    fn set_error(&self, error: Option<String>) -> Option<String> {
        let mut last = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, error)
    }
}

/// Gathers spans in batches, and takes no more than may wait.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    pub(super) batches: BatchSpanProcessor,
    pub(super) backlog: Arc<Backlog>,
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.backlog.add() {
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Sends batches, and counts those that are not taken.
#[derive(Debug)]
pub(super) struct CountingExporter<E> {
    inner: E,
    backlog: Arc<Backlog>,
    stop: CancellationToken,
    is_up: AtomicBool,
}

impl<E> CountingExporter<E> {
    pub(super) fn new(inner: E, backlog: Arc<Backlog>, stop: CancellationToken) -> Self {
        Self { inner, backlog, stop, is_up: AtomicBool::new(true) }
    }

    fn record(&self, spans: usize, outcome: &OTelSdkResult) {
        let was_up = self.is_up.swap(outcome.is_ok(), Ordering::Relaxed);
        match outcome {
            Ok(()) => self.backlog.report(false),
            Err(error) => {
                self.backlog.lost.fetch_add(spans as u64, Ordering::Relaxed);
                let error = self.backlog.set_error(None).unwrap_or_else(|| error.to_string());
                if was_up {
                    tracing::warn!(
                        %error,
                        "the OpenTelemetry collector takes no spans; see log.otlp_endpoint"
                    );
                }
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.backlog.waiting.fetch_sub(spans, Ordering::Relaxed);
        // A server that stops does not wait for a collector that is down once more for each batch.
        let outcome = if !self.is_up.load(Ordering::Relaxed) && self.stop.is_cancelled() {
            Err(OTelSdkError::AlreadyShutdown)
        } else {
            self.inner.export(batch).await
        };
        self.record(spans, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Has the client that webhooks use send the messages. The SDK asks for them on a thread of its own.
#[derive(Debug)]
pub(super) struct CollectorClient {
    pub(super) outbound: HttpClient,
    pub(super) timeout: Duration,
    pub(super) runtime: Handle,
    pub(super) backlog: Arc<Backlog>,
}

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (outbound, timeout) = (self.outbound.clone(), self.timeout);
        let call = async move { outbound.call(request.map(Full::new), ANSWER_BYTES_MAX, timeout).await };
        let response = self.runtime.spawn(call).await?.map_err(String::from);
        // The exporter's own error does not say what is wrong with the network.
        self.backlog.set_error(response.as_ref().err().cloned());
        Ok(response?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{BatchConfigBuilder, SdkTracerProvider};
    use std::sync::mpsc;

    /// Takes a batch when told how it ends.
    #[derive(Debug)]
    struct Sink {
        outcomes: Mutex<mpsc::Receiver<OTelSdkResult>>,
        batches: mpsc::SyncSender<usize>,
    }

    impl SpanExporter for Sink {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.batches.send(batch.len()).unwrap();
            self.outcomes.lock().unwrap().recv().unwrap()
        }
    }

    struct Pipeline {
        provider: SdkTracerProvider,
        backlog: Arc<Backlog>,
        stop: CancellationToken,
        outcomes: mpsc::SyncSender<OTelSdkResult>,
        batches: mpsc::Receiver<usize>,
    }

    impl Pipeline {
        fn start() -> Self {
            let (outcomes, results) = mpsc::sync_channel(64);
            let (sizes, batches) = mpsc::sync_channel(64);
            let stop = CancellationToken::new();
            let backlog = Arc::<Backlog>::default();
            let sink = Sink { outcomes: Mutex::new(results), batches: sizes };
            let exporter = CountingExporter::new(sink, Arc::clone(&backlog), stop.clone());
            let config = BatchConfigBuilder::default()
                .with_max_queue_size(QUEUE_MAX)
                .with_max_export_batch_size(512)
                .with_scheduled_delay(Duration::from_mins(10))
                .build();
            let batches_of = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
            let processor = BoundedProcessor { batches: batches_of, backlog: Arc::clone(&backlog) };
            let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
            Self { provider, backlog, stop, outcomes, batches }
        }

        fn add(&self, spans: usize) {
            let tracer = self.provider.tracer("test");
            for _ in 0..spans {
                tracer.start("kick").end();
            }
        }

        fn lost(&self) -> u64 {
            self.backlog.lost.load(Ordering::Relaxed)
        }
    }

    fn failure() -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("down".into()))
    }

    #[test]
    fn batches_are_bounded_and_none_is_left_behind() {
        let pipeline = Pipeline::start();
        for _ in 0..2 {
            pipeline.outcomes.send(Ok(())).unwrap();
        }
        pipeline.add(513);
        pipeline.provider.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
        let sizes: Vec<_> = pipeline.batches.try_iter().collect();
        assert!(sizes.iter().all(|size| *size <= 512) && sizes.iter().sum::<usize>() == 513, "{sizes:?}");
        assert_eq!(pipeline.lost(), 0);
    }

    #[test]
    fn a_full_queue_loses_and_counts() {
        let pipeline = Pipeline::start();
        pipeline.add(512);
        // The first batch is with the exporter and waits for nothing but its outcome.
        assert_eq!(pipeline.batches.recv().unwrap(), 512);
        pipeline.add(QUEUE_MAX + 3);
        assert_eq!((pipeline.lost(), pipeline.backlog.waiting.load(Ordering::Relaxed)), (3, QUEUE_MAX));
        for _ in 0..20 {
            pipeline.outcomes.send(Ok(())).unwrap();
        }
        pipeline.provider.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(pipeline.batches.try_iter().sum::<usize>(), QUEUE_MAX);
        assert_eq!(pipeline.lost(), 0, "said once it works again");
    }

    #[test]
    fn a_stopping_server_asks_a_collector_that_is_down_only_once() {
        let pipeline = Pipeline::start();
        pipeline.add(512);
        assert_eq!(pipeline.batches.recv().unwrap(), 512);
        pipeline.add(2_000);
        pipeline.stop.cancel();
        pipeline.outcomes.send(failure()).unwrap();
        pipeline.provider.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(pipeline.batches.try_iter().count(), 0);
        assert_eq!(pipeline.lost(), 2_512);
    }
}
