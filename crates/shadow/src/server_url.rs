//! The address of one side, as an operator writes it: `https://host[:port][/path]`, `http://…` or `unix:/path`.

use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use portraitd_model::{Bilingual, bilingual};
use std::fmt;
use std::path::{Path, PathBuf};

/// A server that speaks the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerUrl {
    /// Over TCP, with TLS or without.
    Tcp {
        /// `http` or `https`.
        scheme: Scheme,
        /// The host, and the port if it is named.
        authority: Authority,
        /// What stands before each call's path; without `/` at its end.
        prefix: String,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ServerUrl {
    /// Reads it. A URL with a user's name or password is refused and not repeated, nor is a query.
    pub fn parse(text: &str) -> Result<Self, Bilingual> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let invalid = || {
            bilingual!(
                "not the URL of a server; write https://HOST, http://HOST:PORT or unix:/PATH, without user name, query and fragment",
                "不是服务的 URL；请写作 https://主机、http://主机:端口 或 unix:/路径，不含用户名、查询串与片段"
            )
        };
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(invalid()) };
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let is_plain = !authority.as_str().contains('@') && !text.contains(['?', '#']);
        if !is_plain || !(scheme == Scheme::HTTP || scheme == Scheme::HTTPS) || authority.host().is_empty() {
            return Err(invalid());
        }
        Ok(Self::Tcp { scheme, authority, prefix: path.path().trim_end_matches('/').to_owned() })
    }

    /// Whether calls to it are encrypted.
    pub fn is_https(&self) -> bool {
        matches!(self, Self::Tcp { scheme, .. } if *scheme == Scheme::HTTPS)
    }

    /// Returns the path of its socket's file.
    pub(crate) fn socket_file(&self) -> Option<&Path> {
        if let Self::Unix(path) = self { Some(path) } else { None }
    }

    /// Returns host and port; `None` for a Unix socket.
    pub(crate) fn host_and_port(&self) -> Option<(&str, u16)> {
        let Self::Tcp { authority, .. } = self else { return None };
        let port = authority.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 });
        Some((authority.host().trim_matches(['[', ']']), port))
    }

    /// Returns the URL of a call with this path and query. The host of a Unix socket's is not used.
    pub(crate) fn join(&self, path: &PathAndQuery) -> Result<Uri, hyper::http::Error> {
        match self {
            Self::Unix(_) => {
                Uri::builder().scheme("http").authority("localhost").path_and_query(path.clone()).build()
            }
            Self::Tcp { scheme, authority, prefix } => {
                let builder = Uri::builder().scheme(scheme.clone()).authority(authority.clone());
                if prefix.is_empty() {
                    builder.path_and_query(path.clone()).build()
                } else {
                    builder.path_and_query(format!("{prefix}{path}")).build()
                }
            }
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { scheme, authority, prefix } => write!(f, "{scheme}://{authority}{prefix}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers_are_read_and_others_refused() {
        for (text, shown, target) in [
            ("https://console.tim.qq.com", "https://console.tim.qq.com", ("console.tim.qq.com", 443)),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", ("127.0.0.1", 8080)),
            ("http://[::1]/base/", "http://[::1]/base", ("::1", 80)),
        ] {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.host_and_port()), (shown, Some(target)));
        }
        assert_eq!(ServerUrl::parse("unix:/run/p.sock").unwrap(), ServerUrl::Unix("/run/p.sock".into()));
        for wrong in [
            "",
            "console.tim.qq.com",
            "ftp://a",
            "https://",
            "https://user:secret@a",
            "https://a/?b=1",
            "/v4",
            "http://a b",
        ] {
            let error = ServerUrl::parse(wrong).unwrap_err();
            assert!(!error.english().contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn a_call_s_path_stands_after_the_base() {
        let path = PathAndQuery::from_static("//v4/profile/portrait_get?a=%20*&b");
        let join = |url: &str| ServerUrl::parse(url).unwrap().join(&path).unwrap().to_string();
        assert_eq!(join("https://a"), "https://a//v4/profile/portrait_get?a=%20*&b");
        assert_eq!(join("http://a:1/base/"), "http://a:1/base//v4/profile/portrait_get?a=%20*&b");
    }
}
