//! Where the console's tried calls go: to the gateway in this process, or, in an emulator, to its port over a connection of
//! its own, so that a broken answer is seen byte for byte. A browser would hide it: it repeats a call whose connection breaks.

use crate::types::console::{TriedCall, TryOutcome};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use percent_encoding::percent_decode_str;
use portraitd_api::gateway::Gateway;
use portraitd_model::Language;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest wait for an answer; a fault may delay one for a minute.
const TIMEOUT: Duration = Duration::from_secs(90);
/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Where tried calls go.
#[derive(Clone)]
pub enum CallTarget {
    /// The gateway of this process.
    Gateway(Arc<Gateway>),
    /// The public port of an emulator in this process.
    Emulator(SocketAddr),
}

/// A call to send.
pub(crate) struct OutgoingCall {
    /// The path, percent-encoded.
    pub(crate) path: String,
    /// The query without the UserSig.
    pub(crate) query: String,
    /// `&usersig=…`, or nothing.
    pub(crate) usersig: String,
    pub(crate) body: String,
    pub(crate) language: Language,
}

impl OutgoingCall {
    /// The request as text, with this in place of the UserSig's parameter.
    fn text(&self, usersig: &str, host: &str) -> String {
        let Self { path, query, body, .. } = self;
        let (language, length) = (self.language.pick("en", "zh"), body.len());
        format!(
            "POST {path}?{query}{usersig} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Accept-Language: {language}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    /// The request as it is shown: without the UserSig.
    fn shown(&self, host: &str) -> String {
        self.text(if self.usersig.is_empty() { "" } else { "&usersig=…" }, host)
    }
}

impl CallTarget {
    /// Whether the calls go to an emulator.
    pub(crate) fn is_emulated(&self) -> bool {
        matches!(self, Self::Emulator(_))
    }

    /// Sends a call, and returns whatever became of it. `peer` is the address that the gateway is told.
    pub(crate) async fn send(&self, call: &OutgoingCall, peer: IpAddr) -> io::Result<TriedCall> {
        match self {
            Self::Gateway(gateway) => through_gateway(gateway, call, peer).await,
            Self::Emulator(address) => {
                let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer within 90 seconds");
                tokio::time::timeout(TIMEOUT, over_connection(*address, call)).await.map_err(late)?
            }
        }
    }
}

async fn through_gateway(gateway: &Gateway, call: &OutgoingCall, peer: IpAddr) -> io::Result<TriedCall> {
    let uri = format!("{}?{}{}", call.path, call.query, call.usersig);
    let request = hyper::Request::post(uri).header(hyper::header::HOST, "localhost").extension(call.language);
    let request = request.body(Full::new(Bytes::from(call.body.clone()))).map_err(io::Error::other)?;
    let began = Instant::now();
    let (head, body) = gateway.answer(request, peer).await.into_parts();
    let micros = micros(began);
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(TriedCall {
        request: call.shown("localhost"),
        outcome: TryOutcome::Answered,
        status: Some(head.status.as_u16()),
        detail: detail(&headers),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        micros,
    })
}

async fn over_connection(address: SocketAddr, call: &OutgoingCall) -> io::Result<TriedCall> {
    let host = address.to_string();
    let mut stream = TcpStream::connect(address).await?;
    let began = Instant::now();
    stream.write_all(call.text(&call.usersig, &host).as_bytes()).await?;
    let mut bytes = Vec::new();
    // A reset connection is an answer too: what came before it is shown.
    let _ = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).await;
    Ok(Answer::read(&bytes).tried(call.shown(&host), micros(began)))
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The explanation in `X-Error-Detail`.
fn detail(headers: &[(String, String)]) -> Option<String> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-error-detail"))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// An answer as its bytes tell it.
struct Answer {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: String,
    outcome: TryOutcome,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            let outcome = if bytes.is_empty() { TryOutcome::Closed } else { TryOutcome::Cut };
            return Self { status: None, headers: Vec::new(), body: text.into_owned(), outcome };
        };
        // The head is ASCII, so that its length in bytes is that of its text.
        let body = bytes.get(head.len() + 4..).unwrap_or_default();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let announced = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let announced = announced.and_then(|(_, length)| length.parse().ok());
        let is_cut = announced.is_some_and(|length: usize| body.len() < length);
        let outcome = if is_cut { TryOutcome::Cut } else { TryOutcome::Answered };
        Self { status, headers, body: String::from_utf8_lossy(body).into_owned(), outcome }
    }

    fn tried(self, request: String, micros: u64) -> TriedCall {
        let Self { status, headers, body, outcome } = self;
        TriedCall { request, outcome, status, detail: detail(&headers), headers, body, micros }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_cut_or_missing() {
        let read = |text: &str| {
            let answer = Answer::read(text.as_bytes());
            (answer.outcome, answer.status, answer.body)
        };
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n爱丽";
        assert_eq!(read(whole), (TryOutcome::Answered, Some(200), "爱丽".into()));
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n爱丽";
        assert_eq!(read(cut), (TryOutcome::Cut, Some(200), "爱丽".into()));
        let unbounded = "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>";
        assert_eq!(read(unbounded), (TryOutcome::Answered, Some(502), "<html>".into()));
        assert_eq!(read("HTTP/1.1 200"), (TryOutcome::Cut, None, "HTTP/1.1 200".into()));
        assert_eq!(read(""), (TryOutcome::Closed, None, String::new()));
    }

    #[test]
    fn the_shown_request_has_no_usersig() {
        let call = |usersig: &str| OutgoingCall {
            path: "/v4/profile/portrait_get".into(),
            query: "sdkappid=1&identifier=a".into(),
            usersig: usersig.into(),
            body: "{}".into(),
            language: Language::Chinese,
        };
        assert_eq!(
            call("&usersig=eJwsecret").shown("127.0.0.1:80"),
            "POST /v4/profile/portrait_get?sdkappid=1&identifier=a&usersig=… HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\
             Content-Type: application/json\r\nAccept-Language: zh\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        );
        assert!(!call("").shown("h").contains("usersig"));
    }

    #[test]
    fn the_explanation_is_decoded() {
        let headers = [("X-Error-Detail".to_owned(), "%E7%AD%BE%E5%90%8D a".to_owned())];
        assert_eq!(detail(&headers).as_deref(), Some("签名 a"));
        assert_eq!(detail(&[]), None);
    }
}
