//! TLS: the handshake, bounded in time and in what it takes from others, and what comes of it.

use crate::config::ListenerConfig;
use crate::stats::Counts;
use anyhow::Context;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How a listener speaks TLS: 1.2 and 1.3, HTTP/1.1 alone by ALPN, with whatever certificates the resolver picks.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    threads: Arc<Threads>,
}

/// Hands are shaken on threads of their own. A signature is not divided: among the calls, a few callers who do nothing but
/// connect would make all others wait twice as long.
struct Threads(Option<Runtime>);

impl Threads {
    /// One for every four cores.
    fn start() -> io::Result<Self> {
        let threads = (available_parallelism().map_or(1, usize::from) / 4).max(1);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("handshakes").enable_time().build().map(Some).map(Self)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // By a task, mostly, which must not wait for threads.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Tls {
    /// Starts the threads.
    pub fn new(certificates: Arc<dyn ResolvesServerCert>) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let threads = Threads::start().context("can't start a thread for TLS handshakes")?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), threads: Arc::new(threads) })
    }

    /// Shakes hands. `None` when nothing came of it, which is counted, or when the other side just looked whether the port
    /// is open.
    pub(super) async fn greet(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        config: ListenerConfig,
        mut stop: watch::Receiver<bool>,
        counts: &Counts,
    ) -> Option<Greeting> {
        let acceptor = self.acceptor.clone();
        let shaking = self.threads.0.as_ref()?.spawn(async move {
            tokio::select! {
                shaken = timeout(config.handshake_timeout, shake(stream, acceptor)) => {
                    shaken.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
                }
                _ = stop.wait_for(|stop| *stop) => Ok(None),
            }
        });
        let failure = match shaking.await {
            Ok(Ok(greeting)) => return greeting,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        counts.handshake_failed();
        tracing::debug!(%peer, failure, "TLS handshake failed");
        None
    }
}

/// What a new connection to a TLS port turned out to be.
pub(super) enum Greeting {
    Tls(Box<TlsStream<TcpStream>>),
    /// Somebody speaks HTTP without TLS.
    Plain(TcpStream),
}

async fn shake(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<Option<Greeting>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    // A handshake begins with the byte 22, a request with its method.
    if first.iter().all(u8::is_ascii_alphabetic) {
        return Ok(Some(Greeting::Plain(stream)));
    }
    Ok(Some(Greeting::Tls(Box::new(acceptor.accept(stream).await?))))
}
