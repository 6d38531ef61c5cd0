//! An HTTP proxy that sends requests for the cloud's host names to the emulator in this process, never to the cloud. A
//! client with a fixed host needs `HTTPS_PROXY` and trust in the emulator's certificate authority, and no change of code.
//!
//! It forwards to the emulator's own HTTP and HTTPS ports, so clock, limits and faults are the same with and without it. A
//! CONNECT to an IP address of the cloud is not recognised as one.

pub(crate) mod callers;
mod refusal;
pub mod target;

use crate::emulator::Emulator;
use crate::proxy::callers::{Noted, ProxiedCallers};
use crate::proxy::refusal::{Body, Refusal, full_body};
use crate::proxy::target::{OtherHosts, ProxyDecision, Target};
use crate::refused::RefusedRequest;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use portraitd_http::log_throttle::LogThrottle;
use portraitd_model::{Clock, Language};
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The most connections at once; a further one is closed at once.
const CONNECTIONS_MAX: usize = 1024;
/// The most bytes of a request line and headers; a UserSig takes up to 4 KiB.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest duration of a tunnel. The emulator closes its own idle connections much earlier.
const TUNNEL_LIFE: Duration = Duration::from_hours(1);

/// Headers of one connection, which a proxy does not forward.
const HOP_BY_HOP: [&str; 6] =
    ["connection", "proxy-connection", "proxy-authorization", "keep-alive", "te", "upgrade"];

/// The settings of the proxy, and the addresses of the emulator.
pub struct ProxyConfig {
    /// The emulator's HTTP port.
    pub plain: SocketAddr,
    /// Its HTTPS port.
    pub tls: SocketAddr,
    /// The emulator's names other than the cloud's.
    pub names: Vec<String>,
    /// What to do with requests for other hosts.
    pub others: OtherHosts,
    /// The language of error responses.
    pub language: Language,
    /// Shows what is refused.
    pub emulator: Arc<Emulator>,
}

/// Serves until `stop` is cancelled, then closes every tunnel: the emulator has closed its own connections gracefully by then.
pub async fn serve(listener: TcpListener, config: ProxyConfig, stop: CancellationToken) {
    let config = Arc::new(config);
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (failures, refusals) = (LogThrottle::default(), LogThrottle::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
            // Removes connections that have ended.
            Some(_) = connections.join_next() => continue,
        };
        let (stream, caller) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The usual cause is too few file descriptors. The pause lets connections end, and avoids a busy loop.
                if let Some(failed) = failures.count((), Instant::now()) {
                    tracing::warn!(%error, failed, "the proxy can't accept a connection");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            if let Some(refused) = refusals.count((), Instant::now()) {
                tracing::warn!(
                    CONNECTIONS_MAX,
                    refused,
                    "a proxy connection was closed: the proxy has its most connections"
                );
            }
            continue;
        };
        let config = Arc::clone(&config);
        connections.spawn(async move {
            if let Err(error) = connection(stream, caller.ip(), config).await {
                tracing::trace!(%error, "proxy connection ended");
            }
            drop(permit);
        });
    }
}

/// Serves one client's connection: requests, and at most one tunnel as its last use.
async fn connection(
    stream: TcpStream,
    caller: IpAddr,
    config: Arc<ProxyConfig>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let tunnel = Mutex::new(None);
    let service = service_fn(|request| answer(request, caller, &config, &tunnel));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await?;
    let tunnel = tunnel.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(Tunnel { client, mut server, _noted }) = tunnel {
        let mut client = TokioIo::new(client.await?);
        timeout(TUNNEL_LIFE, tokio::io::copy_bidirectional(&mut client, &mut server)).await??;
    }
    Ok(())
}

/// The two connections of a tunnel.
struct Tunnel {
    client: OnUpgrade,
    server: TcpStream,
    _noted: Noted,
}

/// Answers one request. An error closes the client's connection, because the emulator closed its own.
async fn answer(
    request: Request<Incoming>,
    caller: IpAddr,
    config: &ProxyConfig,
    tunnel: &Mutex<Option<Tunnel>>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let result = if request.method() == Method::CONNECT {
        connect(request, caller, config, tunnel).await.map_err(ForwardError::Refused)
    } else {
        forward(request, caller, config).await
    };
    match result {
        Ok(response) => Ok(response),
        Err(ForwardError::ConnectionClosed(error)) => Err(error.into()),
        Err(ForwardError::Refused(refusal)) => {
            tracing::debug!("proxy: {}", refusal.sentence(config.language));
            let emulator = &config.emulator;
            let (at, status) = (emulator.clock.now(), refusal.status().as_u16());
            let sentence = |language| refusal.sentence(language);
            emulator.refused.add(RefusedRequest::of_status(at, "(proxy)", status, sentence));
            Ok(refusal.answer(config.language))
        }
    }
}

/// The reason why a request has no response from its target.
enum ForwardError {
    Refused(Refusal),
    /// The target closed the connection without a response; the client's connection is closed too.
    ConnectionClosed(hyper::Error),
}

async fn connect(
    request: Request<Incoming>,
    caller: IpAddr,
    config: &ProxyConfig,
    tunnel: &Mutex<Option<Tunnel>>,
) -> Result<Response<Body>, Refusal> {
    let authority = request.uri().authority();
    let target = authority.and_then(|authority| Some(Target::new(authority.host(), authority.port_u16()?)));
    let target = target.ok_or_else(|| Refusal::InvalidRequest("CONNECT without host and port".into()))?;
    let (server, noted) = connect_to(&target, caller, config).await?;
    let client = hyper::upgrade::on(request);
    *tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(Tunnel { client, server, _noted: noted });
    Ok(Response::new(full_body("")))
}

/// Forwards a request with an absolute URL. `https://` is accepted too: some clients leave TLS to the proxy.
async fn forward(
    request: Request<Incoming>,
    caller: IpAddr,
    config: &ProxyConfig,
) -> Result<Response<Body>, ForwardError> {
    let (mut head, body) = request.into_parts();
    let Some(scheme) = head.uri.scheme_str() else {
        return Err(ForwardError::Refused(Refusal::NotAProxyRequest(config.plain)));
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        other => return Err(ForwardError::Refused(Refusal::InvalidRequest(format!("the scheme {other}")))),
    };
    let target =
        Target::new(head.uri.host().unwrap_or_default(), head.uri.port_u16().unwrap_or(default_port));
    let secure = scheme == "https";
    if secure && config.decide(&target) == ProxyDecision::Pass {
        return Err(ForwardError::Refused(Refusal::InvalidRequest("an https:// URL; use CONNECT".into())));
    }
    // A client that leaves TLS to the proxy is connected to the same API over HTTP.
    let server_target = if secure && config.decide(&target) == ProxyDecision::EmulatorHttps {
        Target { port: 80, ..target.clone() }
    } else {
        target.clone()
    };
    let (server, noted) = connect_to(&server_target, caller, config).await.map_err(ForwardError::Refused)?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path
        .parse::<Uri>()
        .map_err(|error| ForwardError::Refused(Refusal::InvalidRequest(error.to_string())))?;
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    let host = if target.port == default_port { target.host.clone() } else { target.authority() };
    if let Ok(host) = HeaderValue::from_str(&host) {
        head.headers.insert(HOST, host);
    }
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(server))
        .await
        .map_err(ForwardError::ConnectionClosed)?;
    let connection = tokio::spawn(async move {
        let _noted = noted;
        connection.await
    });
    let response =
        sender.send_request(Request::from_parts(head, body)).await.map_err(ForwardError::ConnectionClosed);
    if response.is_err() {
        connection.abort();
    }
    let (mut head, body) = response?.into_parts();
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, body.boxed()))
}

/// Connects to a target for a caller, or returns the refusal.
async fn connect_to(
    target: &Target,
    caller: IpAddr,
    config: &ProxyConfig,
) -> Result<(TcpStream, Noted), Refusal> {
    let callers = &config.emulator.callers;
    let connecting = async {
        match config.decide(target) {
            ProxyDecision::EmulatorHttps => Ok(callers.connect(config.tls, caller).await),
            ProxyDecision::EmulatorHttp => Ok(callers.connect(config.plain, caller).await),
            ProxyDecision::Pass => Ok(connect_by_name(callers, target, caller).await),
            ProxyDecision::RefuseCloudPort => Err(Refusal::CloudPort(target.clone())),
            ProxyDecision::RefuseOtherHost => Err(Refusal::OtherHost(target.clone())),
        }
    };
    let timed_out = |_| Refusal::Unreachable(target.clone(), "no connection within 10 seconds".into());
    let connected = timeout(CONNECT_TIMEOUT, connecting).await.map_err(timed_out)??;
    let connected = connected.map_err(|error| Refusal::Unreachable(target.clone(), error.to_string()))?;
    // Requests and responses are small and latency matters. Without this option the socket still works.
    let _ = connected.0.set_nodelay(true);
    Ok(connected)
}

/// Connects to the first address of a host that answers. One of them may be the emulator's own.
async fn connect_by_name(
    callers: &Arc<ProxiedCallers>,
    target: &Target,
    caller: IpAddr,
) -> io::Result<(TcpStream, Noted)> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((target.host.as_str(), target.port)).await? {
        match callers.connect(address, caller).await {
            Ok(connected) => return Ok(connected),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl ProxyConfig {
    fn decide(&self, target: &Target) -> ProxyDecision {
        target.decide(&self.names, self.others)
    }
}
