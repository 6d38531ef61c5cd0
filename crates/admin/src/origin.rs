//! The check of where a browser's request comes from. No page of another origin may call the admin API, also where a caller
//! on this machine needs no token: there, being local would be authority enough for any page that the machine's user visits.

use crate::error::AdminError;
use crate::error_code::AdminCode;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use portraitd_model::{Bilingual, Language, bilingual};
use std::net::IpAddr;

/// The names under which the admin API answers.
#[derive(Clone, Debug)]
pub enum AdminHosts {
    /// Any: over TLS the certificate decides, and where the name was checked before.
    Any,
    /// IP addresses, names that nobody can register in public, and these. Under any other name a page of that name could call
    /// a server that it can't reach itself, by leading its own name there (DNS rebinding).
    Private(Vec<String>),
}

/// Names below these are for private networks alone.
const PRIVATE: [&str; 5] = [".localhost", ".internal", ".local", ".lan", ".home.arpa"];

impl AdminHosts {
    /// Refuses a request for another name (403).
    fn check(&self, host: &str) -> Result<(), AdminError> {
        let Self::Private(listed) = self else { return Ok(()) };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_private = !name.contains('.') || PRIVATE.iter().any(|ending| name.ends_with(ending));
        let is_address = name.parse::<IpAddr>().is_ok();
        if is_address || is_private || listed.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            return Ok(());
        }
        let host = short(host);
        Err(refused(&bilingual!(
            "the request is for `{host}`; add this name to server.admin_hosts to let it in",
            "请求的主机名为 `{host}`；如需允许，请将其加入 server.admin_hosts"
        )))
    }
}

/// Refuses a request for a name that is not the server's, or that a page of another origin made (403). Programs that are no
/// browser send no origin.
pub(super) fn check(headers: &HeaderMap, hosts: &AdminHosts) -> Result<(), AdminError> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    hosts.check(&text(header::HOST.as_str()).unwrap_or_default())?;
    check_site(headers)?;
    let Some(origin) = text(header::ORIGIN.as_str()) else { return Ok(()) };
    // The scheme may differ: a proxy in front may have taken TLS off.
    let host = text(header::HOST.as_str()).unwrap_or_default();
    let of_page = origin.split_once("://").map_or(origin.as_ref(), |(_, authority)| authority);
    if of_page.eq_ignore_ascii_case(&host) {
        return Ok(());
    }
    let (origin, host) = (short(&origin), short(&host));
    Err(refused(&bilingual!(
        "the page is of the origin `{origin}`, but the request is for `{host}`; a proxy in front must pass `Host` on",
        "页面的来源为 `{origin}`，而请求的主机名为 `{host}`"
    )))
}

/// Refuses what a page of another origin makes a browser send (403), also without an `Origin`: pictures, scripts, links.
pub fn check_site(headers: &HeaderMap) -> Result<(), AdminError> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let site = match site {
        Some(b"cross-site") => "cross-site",
        Some(b"same-site") => "same-site",
        _ => return Ok(()),
    };
    Err(refused(&bilingual!(
        "the page is of another site (`Sec-Fetch-Site: {site}`)",
        "页面来自其他站点（`Sec-Fetch-Site: {site}`）"
    )))
}

/// Forbids pages of other origins to embed an answer, and browsers to take it for another type than it has.
#[must_use]
pub fn unusable_elsewhere(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

fn refused(why: &Bilingual) -> AdminError {
    let [english, chinese] = Language::BOTH.map(|language| why.pick(language));
    let sentence = bilingual!(
        "only the console's own pages may call this API from a browser: {english}; a proxy in front must pass `Host` on",
        "浏览器中仅控制台自身的页面可以调用此 API：{chinese}；前置代理须转发原有的 `Host`"
    );
    AdminError::new(AdminCode::OtherOrigin, sentence)
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_origins_are_refused() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            check(&headers.collect(), &AdminHosts::Any).is_ok()
        };
        let host = ("host", "127.0.0.1:8080");
        assert!(check(&[]) && check(&[host]));
        for own in ["http://127.0.0.1:8080", "https://127.0.0.1:8080"] {
            assert!(check(&[host, ("origin", own)]), "{own}");
            assert!(check(&[host, ("origin", own), ("sec-fetch-site", "same-origin")]), "{own}");
            assert!(!check(&[host, ("origin", own), ("sec-fetch-site", "cross-site")]), "{own}");
        }
        for other in [
            "http://127.0.0.1:3000",
            "http://localhost:8080",
            "http://127.0.0.1",
            "https://console.tim.qq.com",
            "null",
            "",
            "http://127.0.0.1:8080.evil.example",
        ] {
            assert!(!check(&[host, ("origin", other)]), "{other}");
        }
        assert!(check(&[host, ("sec-fetch-site", "none")]), "typed into the address bar");
        assert!(!check(&[host, ("sec-fetch-site", "same-site")]), "another port");
        assert!(!check(&[("origin", "http://a")]), "no host");
    }
    #[test]
    fn only_private_and_listed_names_are_let_in() {
        let hosts = AdminHosts::Private(vec!["console.example.com".into()]);
        for host in [
            "127.0.0.1:8081",
            "[::1]:8081",
            "10.0.0.7",
            "192.0.2.7:1",
            "localhost",
            "LOCALHOST:8081",
            "portraitd:8081",
            "node-1.internal",
            "nas.local:8081",
            "a.localhost",
            "console.example.com:443",
            "Console.Example.com.",
            "",
        ] {
            assert!(hosts.check(host).is_ok(), "{host}");
            assert!(AdminHosts::Any.check(host).is_ok());
        }
        for host in [
            "evil.example",
            "evil.example:8081",
            "127.0.0.1.evil.example",
            "console.example.com.evil.example",
            "10.0.0.7.nip.io",
        ] {
            assert!(hosts.check(host).is_err(), "{host}");
            assert!(AdminHosts::Any.check(host).is_ok());
        }
    }
}
