//! Requests of the commands that call a running server, over TCP, TLS or a Unix socket.

use crate::cli::language::chosen::{language, localized};
use crate::cli::server_url::{option_url, server_url};
use bytes::Bytes;
use http_body_util::Full;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, header};
use portraitd_http::client::HttpClient;
use portraitd_http::server_url::ServerUrl;
use portraitd_http::trust::Trust;
use std::path::Path;
use std::time::Duration;

/// How long one answer may take; an import of many words needs a while.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);

/// A server and the connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    url: ServerUrl,
    client: Box<HttpClient>,
}

impl Server {
    /// The URL before every path.
    pub(super) fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// The server whose URL is the value of this option.
    pub(super) fn named(option: &'static str, url: &str) -> anyhow::Result<Self> {
        Self::new(option_url(option, url)?, Trust::Roots(None))
    }

    /// The server at a URL that it wrote down itself; over TLS only the certificate in this file is trusted, if there is one.
    pub(super) fn with_certificate(url: &str, certificate: Option<&Path>) -> anyhow::Result<Self> {
        Self::new(server_url(url)?, certificate.map_or(Trust::Roots(None), Trust::Certificate))
    }

    fn new(url: ServerUrl, trust: Trust<'_>) -> anyhow::Result<Self> {
        let client = Box::new(url.client(trust)?);
        Ok(Self { url, client })
    }
}

/// The language that the answers of a server are wanted in: that of the command line.
pub(super) fn accepted_language() -> &'static str {
    language().pick("en", "zh")
}

/// Sends a request and reads the whole answer.
pub(super) async fn call(
    server: &Server,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    call_within(TIMEOUT, server, method, path, bearer, body).await
}

/// Like [`call`], with another timeout.
pub(super) async fn call_within(
    timeout: Duration,
    server: &Server,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> anyhow::Result<Response<Bytes>> {
    let url = server.url.join(&PathAndQuery::try_from(path)?)?;
    let mut request = Request::builder().method(method).uri(url);
    request = request.header(header::ACCEPT_LANGUAGE, accepted_language());
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(body)))?;
    let response = server.client.call(request, usize::MAX, timeout).await;
    response.map_err(|error| {
        let unreachable = error.is_connect.then(|| {
            localized!(
                "can't reach {}; is portraitd running there?",
                "无法连接 {}；portraitd 是否在那里运行？",
                server.url
            )
        });
        let error = anyhow::Error::new(error);
        if let Some(message) = unreachable { error.context(message) } else { error }
    })
}
