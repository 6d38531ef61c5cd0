//! One HTTP request and its answer, for the commands that talk to a running server: over TCP, TLS or a Unix socket.

mod trust;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// For one answer; an import of many words takes a while.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    Tcp {
        /// `host:port`, as in the URL.
        authority: String,
        host: String,
        port: u16,
        tls: bool,
        /// What it shows, when that is known for sure; else its certificate must be good for its name.
        certificate: Option<PathBuf>,
        /// What stands before every path.
        prefix: String,
    },
    Unix(PathBuf),
}

impl Server {
    /// Reads `http://host:port`, `https://host:port` or `unix:/path`.
    pub(super) fn parse(url: &str) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let uri: Uri = url.parse().context("the URL can't be read")?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => anyhow::bail!("the URL must start with http://, https:// or unix:"),
        };
        let authority = uri.authority().context("the URL names no host")?;
        Ok(Self::Tcp {
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            certificate: None,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The same, known to show the certificate in this file.
    pub(super) fn showing(mut self, file: Option<PathBuf>) -> Self {
        if let Self::Tcp { certificate, .. } = &mut self {
            *certificate = file;
        }
        self
    }
}

/// Sends a request and reads the whole answer.
pub(super) async fn call(
    server: &Server,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    call_within(PATIENCE, server, method, path, bearer, body).await
}

/// The same, for what takes longer.
pub(super) async fn call_within(
    patience: Duration,
    server: &Server,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    let exchanged = async {
        let Server::Tcp { authority, host, port, tls, certificate, prefix } = server else {
            let request = request(method, path, "localhost", bearer, body)?;
            return exchange(unix(server).await?, request).await;
        };
        let request = request(method, &format!("{prefix}{path}"), authority, bearer, body)?;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let stream =
            stream.with_context(|| format!("can't reach {authority}; is portraitd running there?"))?;
        if !tls {
            return exchange(stream, request).await;
        }
        let connector = TlsConnector::from(Arc::new(trust::client(certificate.as_deref())?));
        let name = ServerName::try_from(host.clone()).context("the URL's host is no name for TLS")?;
        let stream = connector.connect(name, stream).await;
        exchange(stream.with_context(|| format!("can't speak TLS with {authority}"))?, request).await
    };
    tokio::time::timeout(patience, exchanged)
        .await
        .with_context(|| format!("no answer within {} s", patience.as_secs()))?
}

async fn unix(server: &Server) -> anyhow::Result<UnixStream> {
    let Server::Unix(path) = server else { anyhow::bail!("no Unix socket") };
    let stream = UnixStream::connect(path).await;
    stream.with_context(|| format!("can't reach {}; is portraitd running there?", path.display()))
}

fn request(
    method: Method,
    path: &str,
    authority: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, authority);
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    Ok(request.body(Full::new(Bytes::from(body)))?)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Response<Bytes>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}
