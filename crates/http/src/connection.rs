//! HTTP/1.1 on one connection, over a stream with deadlines.

use crate::config::ListenerConfig;
use crate::response_body::TrackedBody;
use crate::timeouts::{Deadlines, RequestPhase};
use crate::unreadable::Unreadable;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};

/// The most bytes of a request line with its headers; a UserSig has up to 4 KiB.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// A stream that can carry HTTP.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// Responds to requests.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The body of a response.
    type Body: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Unpin
        + Send
        + 'static;
    /// Resolves to the response. It can't fail: errors are responses too.
    type Future: Future<Output = Response<Self::Body>> + Send + 'static;

    /// Responds to one request from a client with this address.
    fn handle(&self, request: Request<Incoming>, peer: IpAddr) -> Self::Future;

    /// Returns the client behind a connection from this address, when a proxy of this process made it. A listener on `[::]`
    /// reports IPv4 peers as `::ffff:a.b.c.d`.
    fn client(&self, peer: SocketAddr) -> IpAddr {
        peer.ip().to_canonical()
    }

    /// Called when a client with this address sent what is not a request. Its response is not the handler's.
    fn unreadable(&self, _reason: &Unreadable, _peer: IpAddr) {}
}

impl<S, F, B> Handler for S
where
    S: Fn(Request<Incoming>, IpAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + Send + 'static,
{
    type Body = B;
    type Future = F;

    fn handle(&self, request: Request<Incoming>, peer: IpAddr) -> F {
        self(request, peer)
    }
}

/// Serves HTTP/1.1 until the connection ends.
pub(super) async fn http1<T: Stream, S: Handler>(
    stream: T,
    peer: IpAddr,
    config: ListenerConfig,
    handler: S,
    watcher: Watcher,
) -> hyper::Result<()> {
    let phase = RequestPhase::default();
    let (observed, observer) = (phase.clone(), handler.clone());
    let stream = Deadlines::new(stream, phase.clone(), config);
    let service = service_fn(move |request| {
        phase.head_read();
        let (phase, handling) = (phase.clone(), handler.handle(request, peer));
        async move {
            let response = handling.await;
            Ok::<_, Infallible>(response.map(|body| TrackedBody::new(body, phase)))
        }
    });
    let mut builder = http1::Builder::new();
    // hyper's own header timer is off: `Deadlines` has the header and the idle timeout.
    builder.max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX).header_read_timeout(None);
    let outcome = watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await;
    if let Err(error) = &outcome
        && let Some(head) = observed.unread_head()
        && let Some(reason) = Unreadable::of(error, head, HEAD_BYTES_MAX)
    {
        observer.unreadable(&reason, peer);
    }
    outcome
}
