//! What a connection brought instead of a request, as people read it: in English and in Chinese, each with the remedy.

use portraitd_http::unreadable::{HandshakeFailure, Unreadable};
use std::net::IpAddr;

pub(super) fn explain(reason: &Unreadable, peer: IpAddr) -> (String, String) {
    match reason {
        Unreadable::Handshake(failure) => explain_handshake(failure, peer),
        Unreadable::TlsOnPlainPort => (
            format!(
                "{peer} sent a TLS handshake to the plain port; write http:// instead of https://, or use the HTTPS port that `dev --tls` opens"
            ),
            format!(
                "{peer} 向 HTTP 端口发起了 TLS 握手；请将 https:// 改为 http://，或使用 `dev --tls` 打开的 HTTPS 端口"
            ),
        ),
        Unreadable::PlainHttpOnTlsPort => (
            format!("{peer} sent plain HTTP to the HTTPS port; write https:// instead of http://"),
            format!("{peer} 向 HTTPS 端口发送了未加密的 HTTP；请将 http:// 改为 https://"),
        ),
        Unreadable::Http2 => (
            format!("{peer} opened the connection with HTTP/2; configure the client for HTTP/1.1"),
            format!("{peer} 以 HTTP/2 建立连接；请将客户端设为 HTTP/1.1"),
        ),
        Unreadable::HeadTooLarge(max) => (
            format!(
                "{peer} sent a request line and headers of more than {max} bytes; send data in the body, not in the URL"
            ),
            format!("{peer} 发送的请求行与请求头超过 {max} 字节；数据应放在包体中，而不是 URL 中"),
        ),
        Unreadable::BrokenHead { reason, follows_request: false } => (
            format!(
                "{peer} sent a request line or header that is not HTTP/1.1 ({reason}); spaces and characters outside ASCII in the URL must be percent-encoded"
            ),
            format!(
                "{peer} 发送的请求行或请求头不符合 HTTP/1.1（{reason}）；URL 中的空格与非 ASCII 字符须作百分号编码"
            ),
        ),
        Unreadable::BrokenHead { reason, follows_request: true } => (
            format!(
                "after a request, {peer} sent on the same connection what is no request ({reason}): the rest of the body, if that request's Content-Length was too small (it counts bytes, not characters), or a URL that is not percent-encoded"
            ),
            format!(
                "{peer} 在同一连接上一个请求之后发送的内容不是请求（{reason}）：若该请求的 Content-Length 过小（应按字节而非字符计算），这是包体的剩余部分；也可能是 URL 未作百分号编码"
            ),
        ),
    }
}

fn explain_handshake(failure: &HandshakeFailure, peer: IpAddr) -> (String, String) {
    match failure {
        HandshakeFailure::CertificateRefused(alert) => (
            format!(
                "{peer} does not trust the certificate of the HTTPS port (TLS alert {alert}); make the client trust it: `portraitd cert` shows how"
            ),
            format!(
                "{peer} 不信任 HTTPS 端口的证书（TLS 告警 {alert}）；请让客户端信任该证书，方法见 `portraitd cert`"
            ),
        ),
        HandshakeFailure::Closed => (
            format!(
                "{peer} closed the connection in the middle of the TLS handshake, as some clients do that do not trust the certificate: `portraitd cert` shows how to trust it"
            ),
            format!(
                "{peer} 在 TLS 握手途中关闭了连接，有些客户端不信任证书时会这样；信任证书的方法见 `portraitd cert`"
            ),
        ),
        HandshakeFailure::NothingInCommon(why) => (
            format!(
                "{peer} and the HTTPS port have no TLS version or cipher in common ({why}); configure the client for TLS 1.2 or 1.3"
            ),
            format!(
                "{peer} 与 HTTPS 端口没有共同的 TLS 版本或加密套件（{why}）；请让客户端使用 TLS 1.2 或 1.3"
            ),
        ),
        HandshakeFailure::Other(why) => {
            (format!("the TLS handshake of {peer} failed: {why}"), format!("{peer} 的 TLS 握手失败：{why}"))
        }
    }
}
