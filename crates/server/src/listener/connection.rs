//! One connection: HTTP/1.1 or HTTP/2 over a stream with clocks.

use super::ListenerConfig;
use super::activity::{Activity, Working};
use super::deadline::{Deadlines, Progress};
use super::sent::Sent;
use super::turn::Turn;
use bytes::Buf;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// The most bytes of a request line and headers together; a UserSig takes up to 4 KiB.
const HEAD_BYTES_MAX: u32 = 32 * 1024;

/// A stream that can carry HTTP.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// Who answers requests.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    type Body: Body<Data: Send + Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Unpin
        + Send
        + 'static;
    type Future: Future<Output = Response<Self::Body>> + Send + 'static;

    /// Answers one request of a caller at this address.
    fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Self::Future;
}

impl<S, F, B> Answer for S
where
    S: Fn(Request<Incoming>, IpAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + Send + 'static,
{
    type Body = B;
    type Future = F;

    fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> F {
        self(request, peer)
    }
}

/// Speaks HTTP/1.1 until the connection ends.
pub(super) async fn http1<T: Stream, S: Answer>(
    stream: T,
    peer: IpAddr,
    config: ListenerConfig,
    answer: S,
    watcher: Watcher,
) -> hyper::Result<()> {
    let progress = Progress::default();
    let stream = Deadlines::new(stream, progress.clone(), config, Turn::http1());
    let service = service_fn(move |request| {
        progress.request_read();
        let (progress, answering) = (progress.clone(), answer.answer(request, peer));
        async move {
            let response = answering.await;
            Ok::<_, Infallible>(response.map(|body| Sent::new(body, progress)))
        }
    });
    let mut builder = http1::Builder::new();
    // hyper's own header timer is off, since `Deadlines` keeps both clocks.
    builder
        .max_header_size(HEAD_BYTES_MAX as usize)
        .max_buf_size(HEAD_BYTES_MAX as usize)
        .header_read_timeout(None);
    watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await
}

/// Speaks HTTP/2 until the connection ends: by the other side, after standing idle, or because the server stops.
pub(super) async fn http2<T: Stream, S: Answer>(
    stream: T,
    peer: IpAddr,
    config: ListenerConfig,
    answer: S,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    /// Requests at once on one connection.
    const STREAMS_MAX: u32 = 128;
    /// Streams opened and reset before anyone looked at them, and streams that we reset ourselves.
    const RESETS_MAX: usize = 20;
    const LOCAL_RESETS_MAX: usize = 128;
    /// A silent peer is asked for a sign of life so often, and given so long to give it.
    const PING_EVERY: Duration = Duration::from_secs(20);
    const PING_PATIENCE: Duration = Duration::from_secs(10);
    let progress = Progress::default();
    progress.request_read();
    let stream = Deadlines::new(stream, progress, config, Turn::http2());
    let activity = Activity::new();
    let seen = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let working = Working::new(&seen);
        let answering = answer.answer(request, peer);
        async move {
            let response = answering.await;
            Ok::<_, Infallible>(response.map(|body| working.answered(body)))
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A connection that never asks for anything gets no more patience than a header.
    let mut look_at = Instant::now() + config.header_timeout;
    let patience = loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            _ = stop.wait_for(|stop| *stop) => break config.shutdown_timeout,
            () = sleep_until(look_at) => {
                let is_over = |from: Option<Instant>| from.is_some_and(|from| from + config.idle_timeout <= Instant::now());
                let idle_from = activity.idle_from();
                // An answer that is not taken ends the connection, whatever else goes on in it.
                if is_over(idle_from) || is_over(activity.stuck_from()) {
                    break config.write_timeout;
                }
                look_at = idle_from.unwrap_or_else(Instant::now) + config.idle_timeout;
            }
        }
    };
    connection.as_mut().graceful_shutdown();
    // Who neither goes nor takes what was sent is left.
    timeout(patience, connection).await.unwrap_or(Ok(()))
}
