//! An HTTP proxy that is the cloud: what is meant for the cloud's names goes to the emulator in this process, and
//! never to the real one. Clients whose host is fixed need nothing but `HTTPS_PROXY` and our authority.
//!
//! It carries bytes to the emulator's own two ports, so that everything there (clocks, bounds, faults) is the
//! same with and without it. What it can't know: that a CONNECT for an IP address means the cloud.

mod refusal;
pub mod target;

use crate::proxy::refusal::{Body, Refusal, whole};
use crate::proxy::target::{Others, Target, Verdict};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use portraitd_model::Language;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Connections at once; one more is closed as it comes.
const CONNECTIONS_MAX: usize = 1024;
/// A request line and headers; a UserSig takes up to 4 KiB.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The emulator ends idle connections much earlier; this is for others' tunnels.
const TUNNEL_LIFE: Duration = Duration::from_hours(1);

/// Headers that concern one connection, not the request.
const HOP_BY_HOP: [&str; 6] =
    ["connection", "proxy-connection", "proxy-authorization", "keep-alive", "te", "upgrade"];

/// How the proxy behaves, and where the emulator is.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// The emulator's HTTP port.
    pub plain: SocketAddr,
    /// Its HTTPS port.
    pub tls: SocketAddr,
    /// Its names besides the cloud's.
    pub names: Vec<String>,
    /// What happens to other names.
    pub others: Others,
    /// The language of refusals.
    pub language: Language,
}

/// Serves until `stop` turns true. Tunnels end with it: the emulator has ended its own connections gracefully.
pub async fn serve(listener: TcpListener, config: ProxyConfig, mut stop: watch::Receiver<bool>) {
    let config = Arc::new(config);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
            // Ended ones leave the set.
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give connections time to end instead of spinning.
                tracing::warn!(%error, "the proxy can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(CONNECTIONS_MAX, "proxy connection refused: too many");
            continue;
        };
        let config = Arc::clone(&config);
        connections.spawn(async move {
            if let Err(error) = connection(stream, config).await {
                tracing::trace!(%error, "proxy connection ended");
            }
            drop(place);
        });
    }
}

/// One client's connection: requests, and at most one tunnel, which is its end.
async fn connection(stream: TcpStream, config: Arc<ProxyConfig>) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let tunnel = Mutex::new(None);
    let service = service_fn(|request| answer(request, &config, &tunnel));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await?;
    let tunnel = tunnel.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(Tunnel { client, mut server }) = tunnel {
        let mut client = TokioIo::new(client.await?);
        timeout(TUNNEL_LIFE, tokio::io::copy_bidirectional(&mut client, &mut server)).await??;
    }
    Ok(())
}

/// The two ends of what a CONNECT asked for.
struct Tunnel {
    client: OnUpgrade,
    server: TcpStream,
}

/// Answers one request. An error closes the connection, as the emulator closed its own.
async fn answer(
    request: Request<Incoming>,
    config: &ProxyConfig,
    tunnel: &Mutex<Option<Tunnel>>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let answered = if request.method() == Method::CONNECT {
        connect(request, config, tunnel).await.map_err(Failure::Refused)
    } else {
        forward(request, config).await
    };
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::Broken(error)) => Err(error.into()),
        Err(Failure::Refused(refusal)) => {
            tracing::warn!("proxy: {}", refusal.sentence(config.language));
            Ok(refusal.answer(config.language))
        }
    }
}

/// Why a request has no answer of its own.
enum Failure {
    Refused(Refusal),
    /// The other server closed the connection instead of answering: so do we.
    Broken(hyper::Error),
}

async fn connect(
    request: Request<Incoming>,
    config: &ProxyConfig,
    tunnel: &Mutex<Option<Tunnel>>,
) -> Result<Response<Body>, Refusal> {
    let authority = request.uri().authority();
    let target = authority.and_then(|authority| Some(Target::new(authority.host(), authority.port_u16()?)));
    let target = target.ok_or_else(|| Refusal::Unclear("CONNECT without host and port".into()))?;
    let server = reach(&target, config).await?;
    let client = hyper::upgrade::on(request);
    *tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(Tunnel { client, server });
    Ok(Response::new(whole("")))
}

/// A request with a whole URL. `https://` is served too: some clients leave the TLS to the proxy.
async fn forward(request: Request<Incoming>, config: &ProxyConfig) -> Result<Response<Body>, Failure> {
    let (mut head, body) = request.into_parts();
    let Some(scheme) = head.uri.scheme_str() else {
        return Err(Failure::Refused(Refusal::NotForAProxy(config.plain)));
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        other => return Err(Failure::Refused(Refusal::Unclear(format!("the scheme {other}")))),
    };
    let target =
        Target::new(head.uri.host().unwrap_or_default(), head.uri.port_u16().unwrap_or(default_port));
    let secure = scheme == "https";
    if secure && config.judge(&target) == Verdict::Pass {
        return Err(Failure::Refused(Refusal::Unclear("an https:// URL; use CONNECT".into())));
    }
    // Whoever leaves TLS to us gets the same API without it.
    let reached = if secure && config.judge(&target) == Verdict::EmulatorTls {
        Target { port: 80, ..target.clone() }
    } else {
        target.clone()
    };
    let server = reach(&reached, config).await.map_err(Failure::Refused)?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse::<Uri>().map_err(|error| Failure::Refused(Refusal::Unclear(error.to_string())))?;
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    let host = if target.port == default_port { target.host.clone() } else { target.authority() };
    if let Ok(host) = HeaderValue::from_str(&host) {
        head.headers.insert(HOST, host);
    }
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(server)).await.map_err(Failure::Broken)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(Request::from_parts(head, body)).await.map_err(Failure::Broken);
    if response.is_err() {
        connection.abort();
    }
    let (mut head, body) = response?.into_parts();
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, body.boxed()))
}

/// Connects to where a target is, or says why not.
async fn reach(target: &Target, config: &ProxyConfig) -> Result<TcpStream, Refusal> {
    let connecting = async {
        match config.judge(target) {
            Verdict::EmulatorTls => Ok(TcpStream::connect(config.tls).await),
            Verdict::EmulatorPlain => Ok(TcpStream::connect(config.plain).await),
            Verdict::Pass => Ok(TcpStream::connect((target.host.as_str(), target.port)).await),
            Verdict::RefuseCloudPort => Err(Refusal::CloudPort(target.clone())),
            Verdict::RefuseOther => Err(Refusal::Other(target.clone())),
        }
    };
    let late = |_| Refusal::Unreachable(target.clone(), "it took too long".into());
    let stream = timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)??;
    let stream = stream.map_err(|error| Refusal::Unreachable(target.clone(), error.to_string()))?;
    // Small messages both ways, wanted at once. A socket that can't is used as it is.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

impl ProxyConfig {
    fn judge(&self, target: &Target) -> Verdict {
        target.judge(&self.names, self.others)
    }
}
