//! The check of where a browser's request comes from. No page of another origin may call the admin API, also where a caller
//! on this machine needs no token: there, being local would be authority enough for any page that the machine's user visits.

use crate::error::AdminError;
use axum::http::{HeaderMap, StatusCode, header};

/// Refuses a request that a page of another origin made (403). Programs that are no browser send neither header.
pub(super) fn check(headers: &HeaderMap) -> Result<(), AdminError> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let site = text("sec-fetch-site");
    if let Some(site @ ("cross-site" | "same-site")) = site.as_deref() {
        return Err(refused(&format!("the page is of another site (`Sec-Fetch-Site: {site}`)")));
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else { return Ok(()) };
    // The scheme may differ: a proxy in front may have taken TLS off.
    let host = text(header::HOST.as_str()).unwrap_or_default();
    let of_page = origin.split_once("://").map_or(origin.as_ref(), |(_, authority)| authority);
    if of_page.eq_ignore_ascii_case(&host) {
        return Ok(());
    }
    let (origin, host) = (short(&origin), short(&host));
    Err(refused(&format!("the page is of the origin `{origin}`, but the request is for `{host}`")))
}

fn refused(why: &str) -> AdminError {
    let message = format!(
        "only the console's own pages may call the admin API from a browser: {why}; a proxy in front must pass `Host` on"
    );
    AdminError { status: StatusCode::FORBIDDEN, message }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn pages_of_other_origins_are_refused() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            check(&headers.collect()).is_ok()
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
}
