//! The check of `Host` and `Origin`. Any web page can send requests to a port on its visitor's machine, and with DNS
//! rebinding even read the answers; an emulator on a developer's machine must refuse them.

use crate::cloud_names::is_cloud;
use crate::envelope::ApiError;
use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::http::request::Parts;
use portraitd_model::ErrorCode;
use std::net::IpAddr;

/// Which names `Host` and `Origin` may have.
#[derive(Clone, Debug)]
pub enum HostPolicy {
    /// Any name: behind a proxy or a hosts file every name may be right.
    Any,
    /// Local names, the cloud's names and those listed.
    Local(Vec<String>),
}

impl HostPolicy {
    /// 60002 when `Host` or `Origin` has a name that is not allowed.
    pub fn check(&self, head: &Parts) -> Result<(), ApiError> {
        let Self::Local(extra) = self else { return Ok(()) };
        // A request with an absolute URL has the host there.
        if let Some(authority) = head.uri.authority()
            && !is_allowed(authority.host().trim_matches(['[', ']']), extra)
        {
            return Err(refused(&HOST, authority.as_str()));
        }
        for name in [HOST, ORIGIN] {
            for value in head.headers.get_all(&name) {
                let host = value.to_str().ok().and_then(|text| host_of(&name, text));
                if !host.is_some_and(|host| is_allowed(host, extra)) {
                    return Err(refused(&name, &String::from_utf8_lossy(value.as_bytes())));
                }
            }
        }
        Ok(())
    }
}

/// Returns the host name that a request is for, without port, brackets and trailing dot; `None` when it has none.
pub(crate) fn called_host(head: &Parts) -> Option<&str> {
    let in_url = head.uri.authority().map(|authority| authority.host().trim_matches(['[', ']']));
    let host = in_url.or_else(|| host_of(&HOST, head.headers.get(HOST)?.to_str().ok()?))?;
    Some(host.strip_suffix('.').unwrap_or(host))
}

fn refused(name: &HeaderName, value: &str) -> ApiError {
    let value: String = value.chars().take(100).collect();
    ApiError::with_detail(
        ErrorCode::HttpParse,
        format!("the {name} `{value}` is neither local nor allowed; start with --allow-host to let it in"),
        format!("{name}“{value}”既非本机也不在允许之列；如需放行，请使用 --allow-host 启动"),
    )
}

/// Returns the host name in `Host: name:port` or `Origin: scheme://name:port`.
fn host_of<'a>(name: &HeaderName, text: &'a str) -> Option<&'a str> {
    let authority = if *name == ORIGIN { text.split_once("://")?.1 } else { text };
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map(|(address, _)| address);
    }
    Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host))
}

fn is_allowed(host: &str, extra: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let local = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
    local || is_cloud(host) || extra.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_cloud_and_listed_names_are_allowed() {
        let policy = HostPolicy::Local(vec!["im.example.com".into()]);
        let check = |header: HeaderName, value: &str, allowed: bool| {
            let request = hyper::Request::builder().header(header, value).body(()).unwrap();
            assert_eq!(policy.check(&request.into_parts().0).is_ok(), allowed, "{value}");
            let any = hyper::Request::builder().header(HOST, value).body(()).unwrap();
            assert!(HostPolicy::Any.check(&any.into_parts().0).is_ok());
        };
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:80", "app.localhost"]
        {
            check(HOST, host, true);
        }
        for host in ["console.tim.qq.com", "adminapisgp.im.qcloud.com", "im.example.com:443"] {
            check(HOST, host, true);
        }
        for host in [
            "evil.example",
            "",
            "localhost.evil.example",
            "10.0.0.1",
            "127.0.0.1.nip.io",
            "0.0.0.0",
            "console.tim.qq.com.evil.example",
            "xtim.qq.com",
        ] {
            check(HOST, host, false);
        }
        check(ORIGIN, "http://localhost:3000", true);
        check(ORIGIN, "https://[::1]", true);
        check(ORIGIN, "https://evil.example", false);
        check(ORIGIN, "null", false);
        for (uri, allowed) in [
            ("https://localhost:8443/v4", true),
            ("https://[::1]/v4", true),
            ("https://adminapisgp.im.qcloud.com/v4", true),
            ("https://evil.example/v4", false),
            ("http://evil.example:80/v4", false),
        ] {
            let request = hyper::Request::builder().uri(uri).body(()).unwrap();
            assert_eq!(policy.check(&request.into_parts().0).is_ok(), allowed, "{uri}");
        }
    }

    #[test]
    fn the_host_of_a_call_has_no_port() {
        let host = |uri: &str, header: Option<&str>| {
            let mut request = hyper::Request::builder().uri(uri);
            if let Some(header) = header {
                request = request.header(HOST, header);
            }
            called_host(&request.body(()).unwrap().into_parts().0).map(str::to_owned)
        };
        assert_eq!(host("/v4", Some("Console.tim.qq.com:443")).as_deref(), Some("Console.tim.qq.com"));
        assert_eq!(host("/v4", Some("console.tim.qq.com.")).as_deref(), Some("console.tim.qq.com"));
        assert_eq!(host("/v4", Some("[::1]:80")).as_deref(), Some("::1"));
        assert_eq!(host("http://a.example:80/v4", Some("b.example")).as_deref(), Some("a.example"));
        assert_eq!(host("/v4", None), None);
    }
}
