//! The address of a server that is called, as people write it: `https://host[:port][/path]`, `http://…` or `unix:/path`.

use crate::address_policy::AddressPolicy;
use crate::client::HttpClient;
use crate::trust::Trust;
use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use std::fmt;
use std::path::PathBuf;

/// A server to call.
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

/// Why a text is not the URL of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerUrlError {
    /// It has a user name, a password, a query or a fragment. It is not repeated: it may hold a secret.
    NotPlain,
    /// It does not start with `http://`, `https://` or `unix:`.
    Scheme(String),
    /// It is no URL, or has no host or no path of a socket.
    Invalid(String),
    /// Its path has the path of the API in it, which each call adds.
    HasApiPath {
        /// The URL.
        url: String,
        /// The path of the API.
        api: &'static str,
        /// The URL without it.
        base: String,
    },
}

impl ServerUrl {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let invalid = || ServerUrlError::Invalid(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(invalid()) } else { Ok(Self::Unix(path.into())) };
        }
        if text.contains(['@', '?', '#']) {
            return Err(ServerUrlError::NotPlain);
        }
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let scheme = scheme.ok_or_else(|| ServerUrlError::Scheme(text.to_owned()))?;
        let authority = parts.authority.filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(invalid)?;
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self::Tcp { scheme, authority, prefix: path.path().trim_end_matches('/').to_owned() })
    }

    /// Fails when the path of an API, such as `/v4`, is part of the URL's own: each call would have it twice.
    pub fn ensure_without(&self, api: &'static str) -> Result<(), ServerUrlError> {
        let Self::Tcp { scheme, authority, prefix } = self else { return Ok(()) };
        let is_end = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let mut places = prefix.match_indices(api).map(|(place, _)| place);
        let place = places.find(|place| prefix.get(place + api.len()..).is_some_and(is_end));
        let Some(place) = place else { return Ok(()) };
        let base = format!("{scheme}://{authority}{}", prefix.get(..place).unwrap_or_default());
        Err(ServerUrlError::HasApiPath { url: self.to_string(), api, base })
    }

    /// Returns a client for this server. `trust` is what it trusts over TLS; plain HTTP trusts nothing.
    pub fn client(&self, trust: Trust<'_>) -> anyhow::Result<HttpClient> {
        match self {
            Self::Unix(path) => Ok(HttpClient::unix(path)),
            Self::Tcp { .. } => {
                let trust = if self.is_https() { trust } else { Trust::Nothing };
                HttpClient::new(AddressPolicy::any(), trust)
            }
        }
    }

    /// Whether calls to it are encrypted.
    pub fn is_https(&self) -> bool {
        matches!(self, Self::Tcp { scheme, .. } if *scheme == Scheme::HTTPS)
    }

    /// Returns host and port; `None` for a Unix socket.
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        let Self::Tcp { authority, .. } = self else { return None };
        let port = authority.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 });
        Some((authority.host().trim_matches(['[', ']']), port))
    }

    /// Returns the URL of a call with this path and query. The host of a Unix socket's is not used.
    pub fn join(&self, path: &PathAndQuery) -> Result<Uri, hyper::http::Error> {
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

impl fmt::Display for ServerUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlain => f.write_str(
                "the URL of a server has no user name, password, query or fragment (@, ?, #); write https://HOST, \
                 http://HOST:PORT or unix:/PATH",
            ),
            Self::Scheme(url) => write!(f, "`{url}` must start with http://, https:// or unix:"),
            Self::Invalid(url) => write!(
                f,
                "`{url}` is not the URL of a server; write https://HOST, http://HOST:PORT or unix:/PATH"
            ),
            Self::HasApiPath { url, api, base } => {
                write!(f, "`{url}` has {api} in it, which each call adds by itself; write {base}")
            }
        }
    }
}

impl std::error::Error for ServerUrlError {}

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
        for (wrong, part) in [
            ("", "is not the URL"),
            ("console.tim.qq.com", "must start with"),
            ("127.0.0.1:8080", "must start with"),
            ("ftp://a", "must start with"),
            ("https://", "is not the URL"),
            ("/v4", "must start with"),
            ("http://a b", "is not the URL"),
            ("unix:", "is not the URL"),
        ] {
            let error = ServerUrl::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(&format!("`{wrong}`")), "{error}");
        }
        for secret in ["https://user:secret@a", "https://a/?usersig=secret", "a#secret", "secret@"] {
            let error = ServerUrl::parse(secret).unwrap_err();
            assert!(error == ServerUrlError::NotPlain && !error.to_string().contains("secret"), "{secret}");
        }
    }

    #[test]
    fn a_url_with_the_path_of_the_api_in_it_is_named_with_the_one_that_is_meant() {
        let check = |text: &str, expected: Option<&str>| {
            let base = match ServerUrl::parse(text).unwrap().ensure_without("/v4") {
                Err(ServerUrlError::HasApiPath { base, .. }) => Some(base),
                other => {
                    assert_eq!(other, Ok(()), "{text}");
                    None
                }
            };
            assert_eq!(base.as_deref(), expected, "{text}");
        };
        check("https://console.tim.qq.com/v4", Some("https://console.tim.qq.com"));
        check("https://console.tim.qq.com/v4/", Some("https://console.tim.qq.com"));
        check("http://a:1/base/v4/profile/portrait_get", Some("http://a:1/base"));
        check("http://a/v45/v4", Some("http://a/v45"));
        check("http://a", None);
        check("http://a/v45", None);
        check("http://v4/base", None);
        check("unix:/run/v4", None);
    }

    #[test]
    fn a_call_s_path_stands_after_the_base() {
        let path = PathAndQuery::from_static("//v4/profile/portrait_get?a=%20*&b");
        let join = |url: &str| ServerUrl::parse(url).unwrap().join(&path).unwrap().to_string();
        assert_eq!(join("https://a"), "https://a//v4/profile/portrait_get?a=%20*&b");
        assert_eq!(join("http://a:1/base/"), "http://a:1/base//v4/profile/portrait_get?a=%20*&b");
    }
}
