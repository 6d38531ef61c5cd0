//! What the proxy says when it does not do what it was asked for. Most clients show the status line and nothing else,
//! so the reason stands there too.

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

/// Why nothing comes of a request.
pub(super) enum Refusal {
    /// A name of the cloud at a port that the emulator does not answer.
    CloudPort(Target),
    /// Another name, while those are refused.
    Other(Target),
    /// The other server can't be reached.
    Unreachable(Target, String),
    /// Not a proxy request at all: the emulator itself is elsewhere.
    NotForAProxy(SocketAddr),
    /// A CONNECT without host and port, or another scheme.
    Unclear(String),
}

impl Refusal {
    /// A few words for the status line; ASCII.
    fn reason(&self) -> String {
        match self {
            Self::CloudPort(target) => format!("portraitd answers {} at ports 443 and 80 alone", target.host),
            Self::Other(target) => {
                format!("portraitd refuses {}; --proxy-others pass lets it through", target.host)
            }
            Self::Unreachable(target, _) => format!("portraitd can't reach {}", target.authority()),
            Self::NotForAProxy(_) => "this is a proxy".to_owned(),
            Self::Unclear(_) => "not understood".to_owned(),
        }
    }

    /// The sentence for people.
    pub(super) fn sentence(&self, language: Language) -> String {
        match self {
            Self::CloudPort(target) => language.pick(
                format!("{} is answered by portraitd, at ports 443 and 80. Port {} is not passed on: nothing for the cloud's names leaves this machine.", target.host, target.port),
                format!("{} 由 portraitd 应答，仅限 443 与 80 端口。不会转发端口 {}：发往云端域名的请求不会离开本机。", target.host, target.port),
            ),
            Self::Other(target) => language.pick(
                format!("{} is not a name of the cloud, and this proxy refuses all others. Start portraitd with --proxy-others pass to let them through, or list the host in NO_PROXY.", target.host),
                format!("{} 不是云端域名，此代理拒绝其他域名。如需放行，请以 --proxy-others pass 启动 portraitd，或将该主机加入 NO_PROXY。", target.host),
            ),
            Self::Unreachable(target, why) => language.pick(
                format!("can't reach {}: {why}", target.authority()),
                format!("无法连接 {}：{why}", target.authority()),
            ),
            Self::NotForAProxy(url) => language.pick(
                format!("This is portraitd's proxy: set HTTPS_PROXY to this address. The API itself is at http://{url}"),
                format!("这里是 portraitd 的代理：请将 HTTPS_PROXY 设为此地址。API 地址为 http://{url}"),
            ),
            Self::Unclear(why) => language.pick(
                format!("The request can't be understood ({why}): use CONNECT host:port, or an http:// URL."),
                format!("无法理解该请求（{why}）：请使用 CONNECT host:port 或 http:// 地址。"),
            ),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::CloudPort(_) | Self::Other(_) => StatusCode::FORBIDDEN,
            Self::Unreachable(..) => StatusCode::BAD_GATEWAY,
            Self::NotForAProxy(_) | Self::Unclear(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The whole answer.
    pub(super) fn answer(&self, language: Language) -> Response<Body> {
        let mut response = Response::new(whole(format!("{}\n", self.sentence(language))));
        *response.status_mut() = self.status();
        if let Ok(reason) = ReasonPhrase::try_from(self.reason().into_bytes()) {
            response.extensions_mut().insert(reason);
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// A body that is here already.
pub(super) fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}
