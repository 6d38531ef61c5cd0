//! Sockets: accept, bound and time connections, and let them finish when the server stops.
//!
//! `axum::serve` has no timeouts at all and hyper has one timer for headers and idling together; hence this loop and
//! the deadlines of [`deadline`].

mod deadline;
mod sent;

use deadline::{Deadlines, Progress};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use sent::Sent;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// What a listener grants its callers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenerConfig {
    /// Connections at once; one more is closed as it comes.
    pub(crate) connections_max: usize,
    /// From a request's first byte to the end of its headers.
    pub(crate) header_timeout: Duration,
    /// Between two requests on one connection.
    pub(crate) idle_timeout: Duration,
    /// Without progress in sending an answer.
    pub(crate) write_timeout: Duration,
    /// For requests in flight when the server stops.
    pub(crate) shutdown_timeout: Duration,
}

/// The most bytes of a request line and headers together; a UserSig takes up to 4 KiB.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Accepts connections and answers their requests until `stop` turns true; then lets what is in flight finish.
pub(crate) async fn serve<S, F, B>(
    listener: TcpListener,
    config: ListenerConfig,
    mut stop: watch::Receiver<bool>,
    answer: S,
) where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(config.connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: give connections time to end instead of spinning.
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, connections_max = config.connections_max, "connection refused: too many");
            continue;
        };
        let connection = connection(stream, peer, config, answer.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%peer, %error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(config.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight when the time to finish them ran out");
    }
}

/// One connection, with its clocks.
fn connection<S, F, B>(
    stream: TcpStream,
    peer: SocketAddr,
    config: ListenerConfig,
    answer: S,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send
where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%peer, %error, "can't set TCP_NODELAY");
    }
    let progress = Progress::default();
    let stream = Deadlines::new(stream, progress.clone(), config);
    let service = service_fn(move |request| {
        progress.request_read();
        let (progress, answering) = (progress.clone(), answer(request, peer));
        async move {
            let response = answering.await;
            Ok::<_, Infallible>(response.map(|body| Sent::new(body, progress)))
        }
    });
    let mut builder = http1::Builder::new();
    // HTTP/1.1 alone: telling HTTP/2 apart would need a wait for bytes that no timer covers. hyper's own header
    // timer is off, since `Deadlines` keeps both clocks.
    builder.max_buf_size(HEAD_BYTES_MAX).header_read_timeout(None);
    builder.serve_connection(TokioIo::new(stream), service)
}
