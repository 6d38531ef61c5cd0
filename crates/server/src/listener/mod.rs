//! Sockets: accept, bound and time connections, and let them finish when the server stops.
//!
//! `axum::serve` has no timeouts at all and hyper has one timer for headers and idling together; hence this loop and
//! the deadlines of [`deadline`]. Without TLS there is HTTP/1.1 alone: telling HTTP/2 apart would need a wait for
//! bytes that no timer covers.

mod certificate;
mod connection;
mod counts;
mod deadline;
mod places;
mod sent;
mod tls;

pub(crate) use certificate::Certificate;
pub(crate) use counts::Counts;
pub(crate) use places::Seating;
pub(crate) use tls::tls_config;

use bytes::Bytes;
use connection::{Answer, http1, http2};
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use places::Places;
use rustls::ServerConfig;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tls::{Greeting, greet};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What a listener grants its callers.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "named like the settings they come from")]
pub(crate) struct ListenerConfig {
    /// For a TLS handshake.
    pub(crate) handshake_timeout: Duration,
    /// From a request's first byte to the end of its headers.
    pub(crate) header_timeout: Duration,
    /// Between two requests on one connection.
    pub(crate) idle_timeout: Duration,
    /// Without progress in sending an answer.
    pub(crate) write_timeout: Duration,
    /// For requests in flight when the server stops.
    pub(crate) shutdown_timeout: Duration,
}

/// An open socket that connections come from.
pub(crate) struct Socket {
    pub(crate) listener: TcpListener,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// What all connections of a listener share.
struct Entrance<S> {
    config: ListenerConfig,
    counts: Arc<Counts>,
    places: Arc<Places>,
    stop: watch::Receiver<bool>,
    answer: S,
    /// The answer to who speaks HTTP where TLS is spoken.
    refuse_plain: fn() -> Response<Full<Bytes>>,
}

/// Accepts connections on every socket and answers their requests until `stop` turns true; then lets what is in
/// flight finish.
pub(crate) async fn serve(
    sockets: Vec<Socket>,
    config: ListenerConfig,
    seating: Seating,
    counts: Arc<Counts>,
    stop: watch::Receiver<bool>,
    answer: impl Answer,
    refuse_plain: fn() -> Response<Full<Bytes>>,
) {
    let places = Places::new(seating, Arc::clone(&counts));
    let entrance = Arc::new(Entrance { config, counts, places, stop, answer, refuse_plain });
    let graceful = GracefulShutdown::new();
    join_all(sockets.into_iter().map(|socket| accept(socket, Arc::clone(&entrance), &graceful))).await;
    if tokio::time::timeout(config.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight when the time to finish them ran out");
    }
}

async fn accept<S: Answer>(socket: Socket, entrance: Arc<Entrance<S>>, graceful: &GracefulShutdown) {
    let tls = socket.tls.map(TlsAcceptor::from);
    let mut stop = entrance.stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = socket.listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                // Out of file descriptors, most likely: give connections time to end instead of spinning.
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = entrance.places.take(peer) else { continue };
        // Answers are small and wanted at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::trace!(%peer, %error, "can't set TCP_NODELAY");
        }
        let (entrance, watcher) = (Arc::clone(&entrance), graceful.watcher());
        // Two tasks, since one that could do both would be as large as the larger one for everybody.
        match tls.clone() {
            None => tokio::spawn(async move {
                ended(peer, http1(stream, peer, entrance.config, entrance.answer.clone(), watcher).await);
                drop(place);
            }),
            Some(tls) => tokio::spawn(async move {
                secured(stream, peer, tls, entrance, watcher).await;
                drop(place);
            }),
        };
    }
}

/// One connection to a port where TLS is spoken.
async fn secured<S: Answer>(
    stream: TcpStream,
    peer: IpAddr,
    tls: TlsAcceptor,
    entrance: Arc<Entrance<S>>,
    watcher: Watcher,
) {
    let (config, answer, mut stop) = (entrance.config, entrance.answer.clone(), entrance.stop.clone());
    let outcome = match greet(stream, peer, tls, &config, &mut stop, &entrance.counts).await {
        None => return,
        Some(Greeting::Http1(stream)) => http1(stream, peer, config, answer, watcher).await,
        Some(Greeting::Http2(stream)) => http2(stream, peer, config, answer, stop).await,
        Some(Greeting::Plain(stream)) => {
            entrance.counts.handshake_failed();
            let refuse_plain = entrance.refuse_plain;
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
