//! Outgoing HTTP and HTTPS calls: connections that are kept and used again, certificates checked, redirects not
//! followed, every address checked when it is connected to.

use crate::address_policy::AddressPolicy;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;
use tower::Service;

/// How long an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call failed, as a sentence.
#[derive(Debug)]
pub struct CallError {
    sentence: String,
    /// No connection was made, so nothing was sent: the name does not resolve, or the host refuses.
    pub is_connect: bool,
}

impl CallError {
    fn after_connecting(sentence: String) -> Self {
        Self { sentence, is_connect: false }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<CallError> for String {
    fn from(error: CallError) -> Self {
        error.sentence
    }
}

/// Calls other servers.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    policy: Arc<AddressPolicy>,
}

impl HttpClient {
    /// A client that trusts the system's roots and those in a file.
    pub fn new(policy: AddressPolicy, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        // Without any system roots only plain http and the file's own are left; a call that needs more says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca_file {
            let pem = || format!("can't read the certificates in {}", path.display());
            let certificates: Vec<_> = CertificateDer::pem_file_iter(path).with_context(pem)?.collect();
            anyhow::ensure!(!certificates.is_empty(), "there is no PEM certificate in {}", path.display());
            for certificate in certificates {
                roots.add(certificate.with_context(pem)?).with_context(pem)?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = tls.with_root_certificates(roots).with_no_client_auth();
        let policy = Arc::new(policy);
        let mut http = HttpConnector::new_with_resolver(Resolver { policy: Arc::clone(&policy) });
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = https.https_or_http().enable_http1().wrap_connector(http);
        let mut client = Client::builder(TokioExecutor::new());
        // Calls are small: one buffer costs less than a list of them.
        client.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).http1_writev(false);
        Ok(Self { client: client.build(connector), policy })
    }

    /// Sends a request and reads the whole answer, of `bytes_max` bytes at most, all within `patience`.
    pub async fn call(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
        patience: Duration,
    ) -> Result<Response<Bytes>, CallError> {
        let refused = |sentence| CallError { sentence, is_connect: true };
        self.check_literal(request.uri()).map_err(refused)?;
        let late = |_| CallError::after_connecting(format!("no answer within {} ms", patience.as_millis()));
        tokio::time::timeout(patience, self.exchange(request, bytes_max)).await.map_err(late)?
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, CallError> {
        let response = self.client.request(request).await;
        let response = response
            .map_err(|error| CallError { sentence: chain(&error), is_connect: error.is_connect() })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
            let too_large = error.is::<LengthLimitError>();
            let larger = || format!("the answer is larger than {bytes_max} bytes");
            CallError::after_connecting(if too_large { larger() } else { chain(error.as_ref()) })
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// An address written in the URL is not resolved, so it is checked here.
    pub fn check_literal(&self, uri: &Uri) -> Result<(), String> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) if !self.policy.allows(address) => Err(refused(address)),
            _ => Ok(()),
        }
    }
}

fn refused(address: IpAddr) -> String {
    format!("{address} is not a public address; the operator may allow it in [webhook] allow_networks")
}

/// An error with what is behind it, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut sentence = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !sentence.ends_with(&cause_text) {
            sentence.push_str(": ");
            sentence.push_str(&cause_text);
        }
        next = cause.source();
    }
    sentence
}

/// Resolves a name and gives only the addresses that may be called: what is checked is what is connected to.
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
            let refused_one = found.iter().map(SocketAddr::ip).find(|address| !policy.allows(*address));
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| policy.allows(address.ip())).collect();
            match refused_one {
                Some(address) if allowed.is_empty() => Err(io::Error::other(refused(address))),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}
