//! TLS on a listener: its configuration, and handshakes with a time limit, on threads of their own.

use crate::config::ListenerConfig;
use crate::unreadable::Unreadable;
use anyhow::Context;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// The TLS side of a listener: versions 1.2 and 1.3, ALPN `http/1.1` alone, certificates chosen by a resolver.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    handshakes: Arc<HandshakeRuntime>,
}

/// The threads that handshakes run on. A signature can't be interrupted: on the threads that serve calls, a few clients
/// that only connect would make all others wait twice as long. Where there are fewer cores than threads, calls go first.
struct HandshakeRuntime(Option<Runtime>);

impl HandshakeRuntime {
    /// Starts one thread for every four cores, and at least one.
    fn start() -> io::Result<Self> {
        let threads = (available_parallelism().map_or(1, usize::from) / 4).max(1);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder
            .worker_threads(threads)
            .thread_name("handshakes")
            .on_thread_start(lower_priority)
            .enable_time();
        builder.build().map(Some).map(Self)
    }
}

/// Lowers the priority of the current thread, as that of the store's applier. Only Linux has one for each thread.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "TLS handshakes have the priority of calls");
    }
}

impl Drop for HandshakeRuntime {
    fn drop(&mut self) {
        // Mostly dropped by a task, which must not block until threads end.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Tls {
    /// Returns the configuration with the resolver's certificates, and starts the threads for handshakes.
    pub fn new(certificates: Arc<dyn ResolvesServerCert>) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let handshakes = HandshakeRuntime::start().context("can't start a thread for TLS handshakes")?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), handshakes: Arc::new(handshakes) })
    }

    /// Performs the handshake of a new connection. `None` when the client closes the connection without sending a byte, as a
    /// port check does, and when the server stops.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        config: ListenerConfig,
        stop: CancellationToken,
    ) -> Result<Option<Accepted>, Unreadable> {
        let acceptor = self.acceptor.clone();
        let Some(runtime) = &self.handshakes.0 else { return Ok(None) };
        let handshake = runtime.spawn(async move {
            tokio::select! {
                accepted = timeout(config.handshake_timeout, accept(stream, acceptor)) => {
                    accepted.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
                }
                () = stop.cancelled() => Ok(None),
            }
        });
        let accepted = handshake.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        accepted.map_err(|error| {
            tracing::debug!(%peer, %error, "TLS handshake failed");
            Unreadable::of_handshake(&error)
        })
    }
}

/// What a new connection to a TLS port turned out to be.
pub(super) enum Accepted {
    Tls(Box<TlsStream<TcpStream>>),
    /// The client speaks HTTP without TLS.
    PlainHttp(TcpStream),
}

async fn accept(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<Option<Accepted>> {
    let mut first_byte = [0];
    if stream.peek(&mut first_byte).await? == 0 {
        return Ok(None);
    }
    // A handshake starts with the byte 22, a plain request with its method.
    if first_byte.iter().all(u8::is_ascii_alphabetic) {
        return Ok(Some(Accepted::PlainHttp(stream)));
    }
    Ok(Some(Accepted::Tls(Box::new(acceptor.accept(stream).await?))))
}
