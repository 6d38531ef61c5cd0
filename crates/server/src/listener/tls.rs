//! TLS: the handshake, bounded in time, and what comes of it.

use super::ListenerConfig;
use super::counts::Counts;
use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// How a listener speaks TLS: 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN, with whatever certificates the resolver picks.
pub(crate) fn tls_config(
    certificates: Arc<dyn ResolvesServerCert>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok(Arc::new(config))
}

/// What a new connection to a TLS port turned out to be.
pub(super) enum Greeting {
    Http1(TlsStream<TcpStream>),
    Http2(TlsStream<TcpStream>),
    /// Somebody speaks HTTP without TLS.
    Plain(TcpStream),
}

/// Shakes hands. `None` when nothing came of it, which is counted, or when the other side just looked whether the port
/// is open.
pub(super) async fn greet(
    stream: TcpStream,
    peer: IpAddr,
    acceptor: TlsAcceptor,
    config: &ListenerConfig,
    stop: &mut watch::Receiver<bool>,
    counts: &Counts,
) -> Option<Greeting> {
    let shaken = tokio::select! {
        shaken = timeout(config.handshake_timeout, shake(stream, acceptor)) => shaken,
        _ = stop.wait_for(|stop| *stop) => return None,
    };
    let failure = match shaken {
        Ok(Ok(greeting)) => return greeting,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    counts.handshake_failed();
    tracing::debug!(%peer, failure, "TLS handshake failed");
    None
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
    let stream = acceptor.accept(stream).await?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    Ok(Some(if is_http2 { Greeting::Http2(stream) } else { Greeting::Http1(stream) }))
}
