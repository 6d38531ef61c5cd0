//! OpenTelemetry traces: one span for each `/v4` call, sent in batches to a collector as OTLP/HTTP JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>). No call ever waits for it: what the queue can't hold, and what
//! the collector does not take, is lost and counted.

mod message;
mod parent;
mod span;

use crate::otel::parent::Parent;
use crate::otel::span::Span;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Uri};
use portraitd_admin::secret::random_u64;
use portraitd_api::call_counts::NO_COMMAND;
use portraitd_api::call_record::{CallExporter, CallRecord, Steps};
use portraitd_api::clock::SystemClock;
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::HttpClient;
use portraitd_model::{Clock, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Spans that wait to be sent.
const QUEUE_MAX: usize = 4_096;
/// Spans in one message.
const BATCH_MAX: usize = 512;
/// How long a span waits for company.
const BATCH_PERIOD: Duration = Duration::from_secs(2);
/// For one message, from connecting to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of the collector's answer, which is not looked at.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Characters of a path that are kept: a stranger's may be as long as a head.
const PATH_MAX: usize = 256;

/// Where calls leave their spans.
#[derive(Debug)]
pub(crate) struct Traces {
    queue: Sender<Span>,
    lost: Arc<AtomicU64>,
}

/// A collector's URL.
pub(crate) fn endpoint(text: &str) -> anyhow::Result<Uri> {
    let uri = text.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let uri = uri.filter(|uri| uri.authority().is_some_and(|authority| !authority.as_str().contains('@')));
    uri.context("must be a URL without a user, such as \"http://127.0.0.1:4318/v1/traces\"")
}

/// Starts to export. The task ends once nobody can leave a span any more, or `grace` after the server was asked to stop.
pub(crate) fn start(
    collector: &str,
    stopped: watch::Receiver<bool>,
    grace: Duration,
) -> anyhow::Result<(Traces, JoinHandle<()>)> {
    // The operator chose the address: a collector is mostly on this machine or beside it.
    let anywhere = vec!["0.0.0.0/0".parse()?, "::/0".parse()?];
    let (queue, waiting) = mpsc::channel(QUEUE_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    let exporter = Exporter {
        collector: endpoint(collector)?,
        outbound: HttpClient::new(AddressPolicy::public_and(anywhere), None)?,
        lost: Arc::clone(&lost),
        stopped,
        grace: grace + PATIENCE,
    };
    Ok((Traces { queue, lost }, tokio::spawn(exporter.run(waiting))))
}

impl CallExporter for Traces {
    /// Leaves a call's span, unless its caller says that the trace is not sampled.
    fn export(&self, told: &CallRecord<'_>) {
        let parent = Parent::of(&told.head.headers);
        if parent.as_ref().is_some_and(|parent| !parent.sampled) {
            return;
        }
        self.leave(span(told, parent.as_ref()));
    }
}

impl Traces {
    fn leave(&self, span: anyhow::Result<Span>) {
        if !span.is_ok_and(|span| self.queue.try_send(span).is_ok()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn span(told: &CallRecord<'_>, parent: Option<&Parent>) -> anyhow::Result<Span> {
    let trace = match parent {
        Some(parent) => parent.trace_id,
        None => u128::from(random_u64()?) << 64 | u128::from(random_u64()?),
    };
    let Steps { auth, body, work, store_micros } = told.steps;
    Ok(Span {
        // Zero stands for "none".
        trace: trace.max(1),
        id: random_u64()?.max(1),
        parent: parent.map(|parent| parent.span_id),
        command: told.command.map_or(NO_COMMAND, Command::name),
        method: method_name(&told.head.method),
        path: told.head.uri.path().chars().take(PATH_MAX).collect(),
        sdk_app_id: told.sdk_app_id,
        code: told.outcome.as_ref().map_or_else(|error| error.code().number(), |_| 0),
        request_id: told.request_id.clone(),
        ended_ns: SystemClock.now().0.saturating_mul(1_000_000),
        elapsed: told.elapsed,
        auth: *auth,
        body: *body,
        work: *work,
        store_micros: store_micros.load(Ordering::Relaxed),
    })
}

/// The methods that OpenTelemetry knows; any other one is a stranger's text.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}

/// Sends what waits.
struct Exporter {
    collector: Uri,
    outbound: HttpClient,
    lost: Arc<AtomicU64>,
    stopped: watch::Receiver<bool>,
    grace: Duration,
}

impl Exporter {
    pub(crate) async fn run(self, mut waiting: Receiver<Span>) {
        let mut stopped = self.stopped.clone();
        let out_of_time = async {
            // An error says that the server is gone, which is as good.
            let _ = stopped.wait_for(|stopped| *stopped).await;
            sleep(self.grace).await;
        };
        tokio::select! {
            () = self.export(&mut waiting) => {}
            () = out_of_time => {}
        }
    }

    async fn export(&self, waiting: &mut Receiver<Span>) {
        let mut works = true;
        loop {
            let batch = gather(waiting).await;
            if batch.is_empty() {
                return;
            }
            match self.send(&batch).await {
                Ok(()) => {
                    works = true;
                    let lost = self.lost.swap(0, Ordering::Relaxed);
                    if lost > 0 {
                        tracing::warn!(lost, "spans were lost: the OpenTelemetry collector was down or slow");
                    }
                }
                Err(error) => {
                    self.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    // Once for each outage.
                    if works {
                        tracing::warn!(%error, "the OpenTelemetry collector takes no spans; see log.otlp_endpoint");
                    }
                    works = false;
                    if *self.stopped.borrow() {
                        return;
                    }
                }
            }
        }
    }

    async fn send(&self, batch: &[Span]) -> Result<(), String> {
        let body = Full::new(Bytes::from(message::of(batch).to_string()));
        let request = Request::post(self.collector.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| error.to_string())?;
        let response = self.outbound.call(request, ANSWER_BYTES_MAX, PATIENCE).await?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
    }
}

/// The next spans to send; none when there will never be one again.
async fn gather(waiting: &mut Receiver<Span>) -> Vec<Span> {
    let mut batch: Vec<Span> = waiting.recv().await.into_iter().collect();
    if batch.is_empty() {
        return batch;
    }
    let fill = async {
        while let room @ 1.. = BATCH_MAX.saturating_sub(batch.len()) {
            if waiting.recv_many(&mut batch, room).await == 0 {
                break;
            }
        }
    };
    // Late is as good as full.
    let _ = timeout(BATCH_PERIOD, fill).await;
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

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
    fn a_strange_method_is_not_repeated() {
        assert_eq!(method_name(&Method::POST), "POST");
        assert_eq!(method_name(&Method::from_bytes(b"SECRET").unwrap()), "_OTHER");
    }

    fn sample() -> Span {
        Span {
            trace: 1,
            id: 2,
            parent: None,
            command: "kick",
            method: "POST",
            path: "/v4/im_open_login_svc/kick".into(),
            sdk_app_id: None,
            code: 0,
            request_id: HeaderValue::from_static("id"),
            ended_ns: 0,
            elapsed: Duration::ZERO,
            auth: Duration::ZERO,
            body: Duration::ZERO,
            work: Duration::ZERO,
            store_micros: 0,
        }
    }

    #[tokio::test]
    async fn batches_are_bounded_and_none_is_left_behind() {
        let (queue, mut waiting) = mpsc::channel(QUEUE_MAX);
        for _ in 0..=BATCH_MAX {
            queue.try_send(sample()).unwrap();
        }
        drop(queue);
        assert_eq!(gather(&mut waiting).await.len(), BATCH_MAX);
        assert_eq!(gather(&mut waiting).await.len(), 1);
        assert!(gather(&mut waiting).await.is_empty());
    }

    #[tokio::test]
    async fn a_full_queue_loses_and_counts() {
        let (queue, waiting) = mpsc::channel(1);
        let traces = Traces { queue, lost: Arc::default() };
        for _ in 0..3 {
            traces.leave(Ok(sample()));
        }
        traces.leave(Err(anyhow::anyhow!("no random bytes")));
        assert_eq!((waiting.len(), traces.lost.load(Ordering::Relaxed)), (1, 3));
    }
}
