//! One HTTP request and its answer, for the commands that talk to a running server.

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// For one answer; an import of many words takes a while.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// Sends a request and reads the whole answer.
pub(super) async fn call(
    method: Method,
    url: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    call_within(PATIENCE, method, url, bearer, body).await
}

/// The same, for what takes longer.
pub(super) async fn call_within(
    patience: Duration,
    method: Method,
    url: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    tokio::time::timeout(patience, exchange(method, url, bearer, body))
        .await
        .with_context(|| format!("no answer within {} s", patience.as_secs()))?
}

async fn exchange(
    method: Method,
    url: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    let uri: Uri = url.parse().context("the URL can't be read")?;
    anyhow::ensure!(uri.scheme_str() == Some("http"), "the URL must start with http://");
    let authority = uri.authority().context("the URL names no host")?.clone();
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await;
    let stream = stream.with_context(|| format!("can't reach {authority}; is portraitd running there?"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, authority.as_str());
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}
