//! One call as it came, and the requests that are made of it: the same method, path, query, body and headers for both sides,
//! save what belongs to one connection.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request};
use portraitd_api::query::Query;
use portraitd_http::server_url::ServerUrl;
use portraitd_model::Command;
use std::net::IpAddr;

/// Headers that a proxy does not forward as they came: those of one connection, those that the new request gets of its own, and
/// the wish for a compressed answer, which could not be compared.
const NOT_FORWARDED: [HeaderName; 13] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A call.
pub(crate) struct Call {
    method: Method,
    path: PathAndQuery,
    headers: HeaderMap,
    peer: IpAddr,
    pub(crate) body: Bytes,
    /// `None` for a command that portraitd does not have.
    pub(crate) command: Option<Command>,
    /// The app in the query.
    pub(crate) app: Option<u32>,
    /// The caller in the query.
    pub(crate) identifier: Option<String>,
    /// The caller's UserSig: when it was issued and when it expires, if that can be read.
    pub(crate) sig_times: Option<SigTimes>,
}

/// When a UserSig was issued and when it expires, in Unix seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SigTimes {
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
}

impl Call {
    pub(crate) fn new(head: Parts, body: Bytes, peer: IpAddr) -> Self {
        let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let query = Query::parse(path.query().unwrap_or_default()).ok();
        let sig_times = query.as_ref().and_then(|query| {
            let sig = portraitd_model::UserSig::decode(&query.usersig).ok()?;
            Some(SigTimes { issued_at: sig.issued_at().0, expires_at: sig.expires_at().0 })
        });
        Self {
            command: Command::at_path(path.path()),
            app: query.as_ref().and_then(|query| query.sdk_app_id).map(|app| app.0),
            identifier: query.map(|query| query.identifier.into_owned()),
            sig_times,
            method: head.method,
            headers: head.headers,
            path,
            peer,
            body,
        }
    }

    /// Returns the path, without the query.
    pub(crate) fn path(&self) -> &str {
        self.path.path()
    }

    /// Returns the request to the cloud.
    pub(crate) fn to_cloud(
        &self,
        cloud: &ServerUrl,
        via: &HeaderValue,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        self.to(cloud, via, self.headers.clone())
    }

    /// Returns the request to portraitd, with the caller's address for it, if it trusts this proxy.
    pub(crate) fn to_here(
        &self,
        here: &ServerUrl,
        via: &HeaderValue,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut headers = self.headers.clone();
        if let Ok(address) = HeaderValue::from_str(&self.peer.to_string()) {
            headers.append(FORWARDED_FOR, address);
        }
        self.to(here, via, headers)
    }

    fn to(
        &self,
        server: &ServerUrl,
        via: &HeaderValue,
        mut headers: HeaderMap,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        without_connection(&mut headers);
        headers.append(header::VIA, via.clone());
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(server.join(&self.path)?)
            .body(Full::new(self.body.clone()))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Removes the headers that are not forwarded, and those that `Connection` names.
pub(crate) fn without_connection(headers: &mut HeaderMap) {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> =
        named.flat_map(|list| list.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    for name in named.iter().chain(&NOT_FORWARDED) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn both_sides_get_the_same_request() {
        let (head, ()) = Request::post(
            "http://proxy.example/v4/profile/portrait_get?sdkappid=7&identifier=a%20b&usersig=s",
        )
        .header("Host", "console.tim.qq.com")
        .header("Content-Type", "text/plain")
        .header("Connection", "Upgrade, HTTP2-Settings")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "x")
        .header("Accept-Encoding", "gzip")
        .header("X-Own", "1")
        .header("X-Own", "2")
        .body(())
        .unwrap()
        .into_parts();
        let call = Call::new(head, Bytes::from_static(b"{}"), [192, 0, 2, 1].into());
        assert_eq!((call.command, call.app), (Some(Command::PortraitGet), Some(7)));
        assert_eq!((call.identifier.as_deref(), call.sig_times), (Some("a b"), None));
        let via = HeaderValue::from_static("1.1 shadow");
        let cloud = call.to_cloud(&ServerUrl::parse("https://cloud").unwrap(), &via).unwrap();
        let here = call.to_here(&ServerUrl::parse("http://here").unwrap(), &via).unwrap();
        assert_eq!(
            cloud.uri(),
            "https://cloud/v4/profile/portrait_get?sdkappid=7&identifier=a%20b&usersig=s"
        );
        assert_eq!(here.uri().path_and_query(), cloud.uri().path_and_query());
        assert_eq!(here.headers()["x-forwarded-for"], "192.0.2.1");
        let mut names: Vec<_> = cloud.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "via", "x-own"]);
        assert_eq!(cloud.headers().get_all("x-own").iter().count(), 2);
        assert_eq!(cloud.into_body().collect().await.unwrap().to_bytes(), "{}");
    }

    #[test]
    fn broken_queries_are_forwarded_too() {
        let (head, ()) = Request::get("/v4/other/thing?sdkappid=%zz").body(()).unwrap().into_parts();
        let call = Call::new(head, Bytes::new(), [127, 0, 0, 1].into());
        assert_eq!((call.command, call.app, call.identifier.as_deref()), (None, None, None));
        assert_eq!(call.path(), "/v4/other/thing");
    }
}
