//! Error responses of the proxy. Most clients show only the status line, so it contains the reason as well.

use super::target::Target;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::ext::ReasonPhrase;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use portraitd_model::Language;
use std::net::SocketAddr;

pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// The reason why the proxy does not forward a request.
pub(super) enum Refusal {
    /// A name of the cloud, at a port that the emulator does not have.
    CloudPort(Target),
    /// Another host, while those are refused.
    OtherHost(Target),
    /// The target can't be reached, with the reason.
    Unreachable(Target, String),
    /// Not a proxy request; the address of the API is named.
    NotAProxyRequest(SocketAddr),
    /// A CONNECT without host and port, or a URL with another scheme.
    InvalidRequest(String),
}

impl Refusal {
    /// Returns the reason phrase of the status line, in ASCII.
    fn reason(&self) -> String {
        match self {
            Self::CloudPort(target) => format!("portraitd answers {} at ports 443 and 80 only", target.host),
            Self::OtherHost(target) => {
                format!("portraitd refuses {}; --proxy-others pass lets it through", target.host)
            }
            Self::Unreachable(target, _) => format!("portraitd can't reach {}", target.authority()),
            Self::NotAProxyRequest(_) => "not a proxy request".to_owned(),
            Self::InvalidRequest(_) => "invalid proxy request".to_owned(),
        }
    }

    /// Returns the sentence of the body.
    pub(super) fn sentence(&self, language: Language) -> String {
        match self {
            Self::CloudPort(target) => language.pick(
                format!("portraitd answers {} at ports 443 and 80 only. Port {} is not forwarded: no request for the cloud's names leaves this machine.", target.host, target.port),
                format!("{} 由 portraitd 应答，仅限 443 与 80 端口。不会转发端口 {}：发往云端域名的请求不会离开本机。", target.host, target.port),
            ),
            Self::OtherHost(target) => language.pick(
                format!("{} is not a name of the cloud, and this proxy refuses other hosts. Start portraitd with --proxy-others pass to forward their requests, or list the host in NO_PROXY.", target.host),
                format!("{} 不是云端域名，此代理拒绝其他域名。如需放行，请以 --proxy-others pass 启动 portraitd，或将该主机加入 NO_PROXY。", target.host),
            ),
            Self::Unreachable(target, why) => language.pick(
                format!("can't reach {}: {why}", target.authority()),
                format!("无法连接 {}：{why}", target.authority()),
            ),
            Self::NotAProxyRequest(url) => language.pick(
                format!("This is the proxy of portraitd: set HTTPS_PROXY to this address. The API is at http://{url}"),
                format!("这里是 portraitd 的代理：请将 HTTPS_PROXY 设为此地址。API 地址为 http://{url}"),
            ),
            Self::InvalidRequest(why) => language.pick(
                format!("The proxy can't serve this request ({why}): use CONNECT host:port, or an http:// URL."),
                format!("代理无法处理该请求（{why}）：请使用 CONNECT host:port 或 http:// 地址。"),
            ),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::CloudPort(_) | Self::OtherHost(_) => StatusCode::FORBIDDEN,
            Self::Unreachable(..) => StatusCode::BAD_GATEWAY,
            Self::NotAProxyRequest(_) | Self::InvalidRequest(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the error response.
    pub(super) fn answer(&self, language: Language) -> Response<Body> {
        let mut response = Response::new(full_body(format!("{}\n", self.sentence(language))));
        *response.status_mut() = self.status();
        if let Ok(reason) = ReasonPhrase::try_from(self.reason().into_bytes()) {
            response.extensions_mut().insert(reason);
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Returns a body of which every byte is known.
pub(super) fn full_body(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}
