//! The client for outgoing calls over HTTP, HTTPS or a Unix socket, with a pool of connections. Redirects are not followed,
//! and every address is checked against the policy when it is connected to.

use crate::address_policy::AddressPolicy;
use crate::trust::Trust;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;
use tokio::net::UnixStream;
use tower::Service;

/// How long an idle connection stays in the pool.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call failed.
#[derive(Debug)]
pub struct CallError {
    message: String,
    /// Whether no connection was made, so that nothing was sent: the name does not resolve, or the host refuses.
    pub is_connect: bool,
}

impl CallError {
    fn after_connecting(message: String) -> Self {
        Self { message, is_connect: false }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CallError {}

impl From<CallError> for String {
    fn from(error: CallError) -> Self {
        error.message
    }
}

/// A client for other servers; clones share its connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    transport: Transport,
    policy: Arc<AddressPolicy>,
}

#[derive(Clone, Debug)]
enum Transport {
    Tcp(Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>),
    Unix(Client<UnixConnector, Full<Bytes>>),
}

impl HttpClient {
    /// Returns a client for addresses that the policy allows. Fails when a file of certificates can't be read.
    pub fn new(policy: AddressPolicy, trust: Trust<'_>) -> anyhow::Result<Self> {
        let tls = trust.config()?;
        let policy = Arc::new(policy);
        let mut http = HttpConnector::new_with_resolver(Resolver { policy: Arc::clone(&policy) });
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = https.https_or_http().enable_http1().wrap_connector(http);
        Ok(Self { transport: Transport::Tcp(builder().build(connector)), policy })
    }

    /// Returns a client for the server on a Unix socket, whatever host the URL of a request has.
    pub fn unix(socket: &Path) -> Self {
        let client = builder().build(UnixConnector(socket.into()));
        Self { transport: Transport::Unix(client), policy: Arc::new(AddressPolicy::any()) }
    }

    /// Sends a request and reads the whole response, of at most `bytes_max` bytes, within `time_limit`.
    pub async fn call(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
        time_limit: Duration,
    ) -> Result<Response<Bytes>, CallError> {
        let late = |_| CallError::after_connecting(format!("no answer within {} ms", time_limit.as_millis()));
        tokio::time::timeout(time_limit, self.exchange(request, bytes_max)).await.map_err(late)?
    }

    /// Sends a request and returns the response with its body still to be read. The caller limits both in time, and the body
    /// in size.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
        let not_allowed = |message| CallError { message, is_connect: true };
        self.check_literal(request.uri()).map_err(not_allowed)?;
        let response = match &self.transport {
            Transport::Tcp(client) => client.request(request).await,
            Transport::Unix(client) => client.request(request).await,
        };
        response.map_err(|error| CallError { message: with_sources(&error), is_connect: error.is_connect() })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, CallError> {
        let (head, body) = self.send(request).await?.into_parts();
        let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
            let too_large = error.is::<LengthLimitError>();
            let larger = || format!("the answer is larger than {bytes_max} bytes");
            CallError::after_connecting(if too_large { larger() } else { with_sources(error.as_ref()) })
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Checks an IP address written in the URL, which the resolver never sees. Fails with a message if the policy refuses it.
    pub fn check_literal(&self, uri: &Uri) -> Result<(), String> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) if !self.policy.allows(address) => Err(refused(address)),
            _ => Ok(()),
        }
    }
}

fn builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    // Requests are small: one buffer costs less than a list of buffers.
    builder.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).http1_writev(false);
    builder
}

fn refused(address: IpAddr) -> String {
    format!("{address} is not a public address; the operator can allow it in [webhook] allow_networks")
}

/// Returns an error and its sources in one line.
fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !message.ends_with(&cause_text) {
            message.push_str(": ");
            message.push_str(&cause_text);
        }
        next = cause.source();
    }
    message
}

/// A resolver that returns only allowed addresses, so that the address checked is the address connected to.
#[derive(Clone, Debug)]
struct Resolver {
    policy: Arc<AddressPolicy>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let first_refused = found.iter().map(SocketAddr::ip).find(|address| !policy.allows(*address));
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| policy.allows(address.ip())).collect();
            match first_refused {
                Some(address) if allowed.is_empty() => Err(io::Error::other(refused(address))),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}

#[derive(Clone, Debug)]
struct UnixConnector(Arc<Path>);

impl Service<Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let socket = Arc::clone(&self.0);
        Box::pin(async move { UnixStream::connect(&*socket).await.map(TokioIo::new) })
    }
}
