//! Sockets: accept, bound and time connections, and let them finish when the server stops.
//!
//! `axum::serve` has no timeouts at all and hyper has one timer for headers and idling together; hence this loop and
//! the deadlines in `timeouts`. HTTP/1.1 is the only version that is offered, with TLS and without.

use crate::config::ListenerConfig;
use crate::connection::{Handler, http1};
use crate::connection_limit::{ConnectionLimiter, ConnectionLimits};
use crate::socket::Socket;
use crate::stats::Counts;
use crate::tls::{Greeting, Tls};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

/// What counts as the address of a caller on a Unix socket: for allow lists, for the limit of failed UserSigs, and for
/// `trusted_proxies`.
const THIS_MACHINE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What all connections of a listener share.
struct ListenerShared<S> {
    config: ListenerConfig,
    counts: Arc<Counts>,
    limiter: Arc<ConnectionLimiter>,
    stop: watch::Receiver<bool>,
    answer: S,
    /// The answer to who speaks HTTP where TLS is spoken.
    refuse_plain: fn() -> Response<Full<Bytes>>,
}

/// Accepts connections on every socket and answers their requests until `stop` turns true; then lets what is in
/// flight finish.
pub async fn serve(
    sockets: Vec<Socket>,
    config: ListenerConfig,
    connection_limits: ConnectionLimits,
    counts: Arc<Counts>,
    stop: watch::Receiver<bool>,
    answer: impl Handler,
    refuse_plain: fn() -> Response<Full<Bytes>>,
) {
    let limiter = ConnectionLimiter::new(connection_limits, Arc::clone(&counts));
    let shared = Arc::new(ListenerShared { config, counts, limiter, stop, answer, refuse_plain });
    let graceful = GracefulShutdown::new();
    join_all(sockets.into_iter().map(|socket| accept(socket, Arc::clone(&shared), &graceful))).await;
    if tokio::time::timeout(config.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight when the time to finish them ran out");
    }
}

async fn accept<S: Handler>(socket: Socket, shared: Arc<ListenerShared<S>>, graceful: &GracefulShutdown) {
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = next(&socket) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let incoming = match accepted {
            Ok(incoming) => incoming,
            Err(error) => {
                // Out of file descriptors, most likely: give connections time to end instead of spinning.
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let peer = incoming.peer();
        let Some(permit) = shared.limiter.take(peer) else { continue };
        let (shared, watcher) = (Arc::clone(&shared), graceful.watcher());
        // Tasks of their own kinds, since one that could do all would be as large as the largest for everybody.
        match incoming {
            Incoming::Tcp(stream, _, None) => tokio::spawn(async move {
                ended(peer, http1(stream, peer, shared.config, shared.answer.clone(), watcher).await);
                drop(permit);
            }),
            Incoming::Tcp(stream, _, Some(tls)) => tokio::spawn(async move {
                secured(stream, peer, tls, shared, watcher).await;
                drop(permit);
            }),
            Incoming::Unix(stream) => tokio::spawn(async move {
                ended(peer, http1(stream, peer, shared.config, shared.answer.clone(), watcher).await);
                drop(permit);
            }),
        };
    }
}

/// A connection that just came.
enum Incoming {
    Tcp(TcpStream, IpAddr, Option<Tls>),
    Unix(UnixStream),
}

impl Incoming {
    fn peer(&self) -> IpAddr {
        match self {
            Self::Tcp(_, peer, _) => *peer,
            Self::Unix(_) => THIS_MACHINE,
        }
    }
}

async fn next(socket: &Socket) -> io::Result<Incoming> {
    match socket {
        Socket::Tcp { listener, tls } => {
            let (stream, peer) = listener.accept().await?;
            // Answers are small and wanted at once.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::trace!(%peer, %error, "can't set TCP_NODELAY");
            }
            // A listener on [::] shows IPv4 callers as ::ffff:a.b.c.d.
            Ok(Incoming::Tcp(stream, peer.ip().to_canonical(), tls.clone()))
        }
        Socket::Unix { listener, .. } => Ok(Incoming::Unix(listener.accept().await?.0)),
    }
}

/// One connection to a port where TLS is spoken.
async fn secured<S: Handler>(
    stream: TcpStream,
    peer: IpAddr,
    tls: Tls,
    shared: Arc<ListenerShared<S>>,
    watcher: Watcher,
) {
    let (config, stop) = (shared.config, shared.stop.clone());
    let outcome = match tls.greet(stream, peer, config, stop, &shared.counts).await {
        None => return,
        Some(Greeting::Tls(stream)) => http1(stream, peer, config, shared.answer.clone(), watcher).await,
        Some(Greeting::Plain(stream)) => {
            shared.counts.handshake_failed();
            let refuse_plain = shared.refuse_plain;
            let refuse = move |_: Request<_>, _: IpAddr| async move { refuse_plain() };
            http1(stream, peer, config, refuse, watcher).await
        }
    };
    ended(peer, outcome);
}

fn ended(peer: IpAddr, outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        tracing::trace!(%peer, %error, "connection ended");
    }
}
