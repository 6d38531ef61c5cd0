//! The accept loop of a listener: limits connections, applies timeouts, and lets requests finish when the server stops.
//!
//! `axum::serve` has no timeouts, and hyper has one timer for both headers and idle connections; therefore this loop and
//! the deadlines in `timeouts`. HTTP/1.1 is the only version offered, with and without TLS.

use crate::config::ListenerConfig;
use crate::connection::{Handler, Stream, http1};
use crate::connection_limit::{ConnectionLimiter, ConnectionLimits};
use crate::log_throttle::LogThrottle;
use crate::socket::Socket;
use crate::stats::Counts;
use crate::tls::{Accepted, Tls};
use crate::unreadable::Unreadable;
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Request, Response};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

/// The peer address that stands for a client on a Unix socket: in allow lists, in the limit of failed UserSigs, and in
/// `trusted_proxies`.
const UNIX_PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A client that has connected sends its first request within this time.
const FIRST_REQUESTS: Duration = Duration::from_millis(200);

/// Connections that are accepted between two yields to the runtime. While every core is busy, a turn comes after 61 others: with one at a
/// time, clients that make a connection for each call would wait.
const ACCEPTS_PER_TURN: u64 = 4;

/// What all connections of a listener share.
struct ListenerShared<S> {
    config: ListenerConfig,
    counts: Arc<Counts>,
    limiter: Arc<ConnectionLimiter>,
    stop: CancellationToken,
    handler: S,
    /// The response to plain HTTP on a TLS port.
    plain_http_response: fn() -> Response<Full<Bytes>>,
}

/// Accepts connections on every socket and handles their requests until `stop` is cancelled; then waits up to
/// [`ListenerConfig::shutdown_timeout`] for requests in flight.
pub async fn serve(
    sockets: Vec<Socket>,
    config: ListenerConfig,
    connection_limits: ConnectionLimits,
    counts: Arc<Counts>,
    stop: CancellationToken,
    handler: impl Handler,
    plain_http_response: fn() -> Response<Full<Bytes>>,
) {
    let limiter = ConnectionLimiter::new(connection_limits, Arc::clone(&counts));
    let shared = Arc::new(ListenerShared { config, counts, limiter, stop, handler, plain_http_response });
    // Each connection holds a receiver.
    let closing = watch::Sender::new(());
    join_all(sockets.into_iter().map(|socket| accept_loop(socket, Arc::clone(&shared), &closing))).await;
    // Otherwise connections would be closed whose first request has not arrived yet.
    tokio::time::sleep(FIRST_REQUESTS).await;
    closing.send_replace(());
    if tokio::time::timeout(config.shutdown_timeout, closing.closed()).await.is_err() {
        tracing::warn!(
            "requests were still in flight when the shutdown timeout ended; their connections were closed"
        );
    }
}

async fn accept_loop<S: Handler>(
    socket: Socket,
    shared: Arc<ListenerShared<S>>,
    closing: &watch::Sender<()>,
) {
    let failures = LogThrottle::default();
    for accepts in 1_u64.. {
        let accepted = tokio::select! {
            accepted = accept(&socket) => accepted,
            () = shared.stop.cancelled() => break,
        };
        let incoming = match accepted {
            Ok(incoming) => incoming,
            Err(error) => {
                // Most likely out of file descriptors: wait for connections to end instead of spinning.
                if let Some(failed) = failures.count((), Instant::now()) {
                    tracing::warn!(%error, failed, "can't accept a connection");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        begin(incoming, &shared, closing);
        // The runtime polls for I/O events before it goes on here: where many connect, requests are not left waiting.
        if accepts.is_multiple_of(ACCEPTS_PER_TURN) {
            yield_now().await;
        }
    }
    // Clients that have connected already are not turned away.
    for incoming in connected(socket) {
        begin(incoming, &shared, closing);
    }
}

/// Serves a connection in a task of its own.
fn begin<S: Handler>(incoming: Incoming, shared: &Arc<ListenerShared<S>>, closing: &watch::Sender<()>) {
    let peer = match &incoming {
        Incoming::Tcp(_, address, _) => shared.handler.client(*address),
        Incoming::Unix(_) => UNIX_PEER,
    };
    let Some(permit) = shared.limiter.acquire(peer) else { return };
    let (shared, closing) = (Arc::clone(shared), closing.subscribe());
    // One kind of task each: a task for every kind would be as large as the largest of them.
    match incoming {
        Incoming::Tcp(stream, _, None) => tokio::spawn(async move {
            serve_plain(stream, peer, &shared, closing).await;
            drop(permit);
        }),
        Incoming::Tcp(stream, _, Some(tls)) => tokio::spawn(async move {
            serve_tls(stream, peer, tls, shared, closing).await;
            drop(permit);
        }),
        Incoming::Unix(stream) => tokio::spawn(async move {
            serve_plain(stream, peer, &shared, closing).await;
            drop(permit);
        }),
    };
}

/// The connections that a socket has not accepted yet. Then it is closed at once, so that hardly one is added meanwhile.
fn connected(socket: Socket) -> Vec<Incoming> {
    /// More than wait at any socket; a flood must not keep the server from ending.
    const MOST: usize = 4096;
    let mut connected = Vec::new();
    match socket {
        Socket::Tcp { listener, tls } => {
            let Ok(listener) = listener.into_std() else { return connected };
            while connected.len() < MOST
                && let Ok((stream, peer)) = listener.accept()
            {
                let stream = stream
                    .set_nodelay(true)
                    .and_then(|()| stream.set_nonblocking(true))
                    .and_then(|()| TcpStream::from_std(stream));
                connected.extend(stream.map(|stream| Incoming::Tcp(stream, peer, tls.clone())));
            }
        }
        Socket::Unix { listener, file } => {
            let Ok(listener) = listener.into_std() else { return connected };
            while connected.len() < MOST
                && let Ok((stream, _)) = listener.accept()
            {
                let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
                connected.extend(stream.map(Incoming::Unix));
            }
            drop(file);
        }
    }
    connected
}

/// A connection that was just accepted.
enum Incoming {
    Tcp(TcpStream, SocketAddr, Option<Tls>),
    Unix(UnixStream),
}

async fn accept(socket: &Socket) -> io::Result<Incoming> {
    match socket {
        Socket::Tcp { listener, tls } => {
            let (stream, peer) = listener.accept().await?;
            // Responses are small, and clients wait for them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::trace!(%peer, %error, "can't set TCP_NODELAY");
            }
            Ok(Incoming::Tcp(stream, peer, tls.clone()))
        }
        Socket::Unix { listener, .. } => Ok(Incoming::Unix(listener.accept().await?.0)),
    }
}

/// Serves one connection without TLS.
async fn serve_plain<T: Stream, S: Handler>(
    stream: T,
    peer: IpAddr,
    shared: &ListenerShared<S>,
    closing: watch::Receiver<()>,
) {
    let (counts, handler) = (Arc::clone(&shared.counts), shared.handler.clone());
    log_end(peer, http1(stream, peer, shared.config, counts, handler, closing).await);
}

/// Serves one connection to a TLS port.
async fn serve_tls<S: Handler>(
    stream: TcpStream,
    peer: IpAddr,
    tls: Tls,
    shared: Arc<ListenerShared<S>>,
    closing: watch::Receiver<()>,
) {
    let (config, counts, stop) = (shared.config, Arc::clone(&shared.counts), shared.stop.clone());
    let failed = |reason: &Unreadable| {
        shared.counts.count_handshake_failure();
        shared.handler.unreadable(reason, peer);
    };
    let outcome = match tls.accept(stream, peer, config, stop).await {
        Ok(None) => return,
        Err(reason) => return failed(&reason),
        Ok(Some(Accepted::Tls(stream))) => {
            http1(stream, peer, config, counts, shared.handler.clone(), closing).await
        }
        Ok(Some(Accepted::PlainHttp(stream))) => {
            failed(&Unreadable::PlainHttpOnTlsPort);
            let response = shared.plain_http_response;
            let refuse = move |_: Request<_>, _: IpAddr| async move { response() };
            http1(stream, peer, config, counts, refuse, closing).await
        }
    };
    log_end(peer, outcome);
}

fn log_end(peer: IpAddr, outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        tracing::trace!(%peer, %error, "connection ended");
    }
}
