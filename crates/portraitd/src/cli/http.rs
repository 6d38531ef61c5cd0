//! Requests of the commands that call a running server, over TCP, TLS or a Unix socket.

use crate::cli::language::{language, localized};
use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, Uri, header};
use portraitd_http::address_policy::AddressPolicy;
use portraitd_http::client::HttpClient;
use portraitd_http::trust::Trust;
use std::path::Path;
use std::time::Duration;

/// How long one answer may take; an import of many words needs a while.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);

/// A server and the connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The URL before every path; the host of a Unix socket's is not used.
    base: String,
    /// `host:port`, or the path of the socket.
    name: String,
    client: Box<HttpClient>,
}

impl Server {
    /// The URL before every path; `None` for a Unix socket.
    pub(super) fn url(&self) -> Option<&str> {
        (!self.name.contains('/')).then_some(self.base.as_str())
    }

    /// Reads `http://host:port`, `https://host:port` or `unix:/path`.
    pub(super) fn parse(url: &str) -> anyhow::Result<Self> {
        Self::with_certificate(url, None)
    }

    /// Like [`Self::parse`]; over TLS only the certificate in this file is trusted.
    pub(super) fn with_certificate(url: &str, certificate: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("unix:") {
            let client = Box::new(HttpClient::unix(Path::new(path)));
            return Ok(Self { base: "http://localhost".into(), name: path.into(), client });
        }
        let uri: Uri = url.parse().with_context(|| {
            localized!(
                "`{url}` is not a URL; write http://HOST:PORT, https://HOST:PORT or unix:/PATH",
                "`{url}` 不是 URL；请写作 http://主机:端口、https://主机:端口 或 unix:/路径"
            )
        })?;
        let trust = match (uri.scheme_str(), certificate) {
            (Some("http"), _) => Trust::Nothing,
            (Some("https"), None) => Trust::Roots(None),
            (Some("https"), Some(file)) => Trust::Certificate(file),
            _ => anyhow::bail!(localized!(
                "`{url}` must start with http://, https:// or unix:",
                "`{url}` 必须以 http://、https:// 或 unix: 开头"
            )),
        };
        let name = uri
            .authority()
            .with_context(|| localized!("`{url}` has no host", "`{url}` 缺少主机名"))?
            .to_string();
        let scheme = uri.scheme_str().unwrap_or_default();
        let base = format!("{scheme}://{name}{}", uri.path().trim_end_matches('/'));
        let client = Box::new(HttpClient::new(AddressPolicy::any(), trust)?);
        Ok(Self { base, name, client })
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
    let mut request = Request::builder().method(method).uri(format!("{}{path}", server.base));
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
                server.name
            )
        });
        let error = anyhow::Error::new(error);
        if let Some(message) = unreachable { error.context(message) } else { error }
    })
}
