//! What is checked before shadow mode starts: that no call can come back to it, and whether both sides answer.

use crate::answer::CODE;
use crate::service::Shadow;
use crate::side::{Side, Sides};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::http::uri::PathAndQuery;
use portraitd_http::server_url::ServerUrl;
use portraitd_model::{Bilingual, bilingual};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use tokio::net::lookup_host;

/// Fails when the addresses of the two sides are the same, or one is an address that shadow mode listens on: each call would
/// come back, or be executed twice. A name that does not resolve now is checked by each call.
pub async fn check_addresses(urls: &Sides<ServerUrl>, listening: &[SocketAddr]) -> Result<(), Bilingual> {
    let cloud = addresses(&urls.cloud).await;
    let here = addresses(&urls.here).await;
    for (side, found) in [(Side::Cloud, &cloud), (Side::Here, &here)] {
        let own = found.iter().find(|target| listening.iter().any(|socket| is_reached_by(*socket, **target)));
        if let Some(own) = own {
            let (option, url) = (side.name(), urls.get(side));
            return Err(bilingual!(
                "--{option} {url} leads to {own}, where this command listens: every call would come back to it",
                "--{option} {url} 指向 {own}，即本命令的监听地址：每个请求都会回到它自身"
            ));
        }
    }
    if urls.cloud == urls.here || cloud.iter().any(|address| here.contains(address)) {
        return Err(bilingual!(
            "--cloud and --here are the same server: every change would be made twice",
            "--cloud 与 --here 是同一服务：每次变更都会执行两次"
        ));
    }
    Ok(())
}

async fn addresses(url: &ServerUrl) -> Vec<SocketAddr> {
    let Some(target) = url.host_and_port() else { return Vec::new() };
    lookup_host(target).await.map(Iterator::collect).unwrap_or_default()
}

/// Whether a connection to `target` arrives at a listening socket of this machine.
fn is_reached_by(socket: SocketAddr, target: SocketAddr) -> bool {
    let (own, called) = (socket.ip().to_canonical(), target.ip().to_canonical());
    socket.port() == target.port()
        && (own == called || (own.is_unspecified() && is_of_this_machine(called)) || called.is_unspecified())
}

fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

/// What a side answered when it was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// It speaks the protocol.
    Answers,
    /// It answers something else, with this HTTP status.
    OtherAnswer(u16),
    /// It can't be reached, does not answer in time, or its certificate is not trusted.
    NoAnswer,
}

impl Shadow {
    /// Tries a side with a call that no server of the protocol executes: a GET without a body.
    pub async fn probe(&self, side: Side) -> Probe {
        let upstream = self.sides.get(side);
        let path = PathAndQuery::from_static("/v4/profile/portrait_get");
        let request =
            upstream.url.join(&path).and_then(|url| Request::get(url).body(Full::<Bytes>::default()));
        let Ok(request) = request else { return Probe::NoAnswer };
        let Ok(reply) = upstream.call(request).await else { return Probe::NoAnswer };
        let body: Option<Value> = serde_json::from_slice(&reply.body.bytes).ok();
        let has_code = body.and_then(|body| body.get(CODE)?.as_u64()).is_some();
        if has_code { Probe::Answers } else { Probe::OtherAnswer(reply.head.status.as_u16()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loops_are_found() {
        let check = async |cloud: &str, here: &str, listening: &[&str]| {
            let [cloud, here] = [cloud, here].map(|url| ServerUrl::parse(url).unwrap());
            let listening: Vec<SocketAddr> = listening.iter().map(|text| text.parse().unwrap()).collect();
            check_addresses(&Sides { cloud, here }, &listening).await.is_ok()
        };
        assert!(check("http://127.0.0.1:1", "http://127.0.0.1:2", &["127.0.0.1:3"]).await);
        assert!(check("http://127.0.0.2:3", "http://127.0.0.1:2", &["127.0.0.1:3"]).await);
        assert!(!check("http://127.0.0.1:3", "http://127.0.0.1:2", &["127.0.0.1:3"]).await);
        assert!(!check("http://127.0.0.1:1", "http://127.0.0.1:3", &["127.0.0.1:9", "127.0.0.1:3"]).await);
        assert!(!check("http://127.0.0.5:3", "http://127.0.0.1:2", &["0.0.0.0:3"]).await);
        assert!(!check("http://[::ffff:127.0.0.1]:3", "http://127.0.0.1:2", &["127.0.0.1:3"]).await);
        assert!(!check("https://127.0.0.1", "https://127.0.0.1:443/base", &[]).await);
        assert!(!check("unix:/a", "unix:/a", &[]).await);
        assert!(check("unix:/a", "unix:/b", &[]).await);
        assert!(check("https://does-not-exist.invalid", "http://127.0.0.1:2", &["127.0.0.1:3"]).await);
    }
}
