//! HTTP/1.1 on one connection, over a stream with deadlines.

use crate::config::ListenerConfig;
use crate::request_body::RequestBody;
use crate::request_phase::RequestPhase;
use crate::response_body::TrackedBody;
use crate::stats::Counts;
use crate::timeouts::Deadlines;
use crate::unreadable::Unreadable;
use futures_util::FutureExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::{self, Parts};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

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
    fn handle(&self, request: Request<RequestBody>, peer: IpAddr) -> Self::Future;

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
    S: Fn(Request<RequestBody>, IpAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + Send + 'static,
{
    type Body = B;
    type Future = F;

    fn handle(&self, request: Request<RequestBody>, peer: IpAddr) -> F {
        self(request, peer)
    }
}

/// Serves HTTP/1.1 until the connection ends. When `closing` changes, it ends after the request in progress.
///
/// hyper, which holds two buffers and room for a call, is there only while requests come: not before the first byte of
/// the first one, and not while the connection waits for another one ([`Deadlines`] decides from when).
pub(super) async fn http1<T: Stream, S: Handler>(
    stream: T,
    peer: IpAddr,
    config: ListenerConfig,
    counts: Arc<Counts>,
    handler: S,
    mut closing: watch::Receiver<()>,
) -> hyper::Result<()> {
    let mut closing = pin!(closing.changed());
    let mut is_closing = false;
    let phase = RequestPhase::default();
    let mut stream = Deadlines::new(stream, phase.clone(), config, counts);
    let mut builder = http1::Builder::new();
    // hyper's own header timer is off: `Deadlines` has the header and the idle timeout.
    builder.max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX).header_read_timeout(None);
    loop {
        let has_request = tokio::select! {
            // A request that is there already is served.
            biased;
            has_request = stream.wait_for_request() => has_request,
            _ = &mut closing => false,
        };
        if !has_request {
            stream.end().await;
            return Ok(());
        }
        let (of_request, handler) = (phase.clone(), &handler);
        let service = service_fn(move |request: Request<Incoming>| {
            of_request.head_read();
            let phase = of_request.clone();
            let request = request.map(|body| RequestBody::new(body, phase.clone()));
            let handling = handler.handle(request, peer);
            async move {
                let response = handling.await;
                Ok::<_, Infallible>(response.map(|body| TrackedBody::new(body, phase)))
            }
        });
        let mut connection = Box::new(builder.serve_connection(TokioIo::new(stream), service));
        let outcome = poll_fn(|cx| {
            ready!(phase.budget().poll_yield(cx));
            phase.want_release(false);
            loop {
                phase.forget_bodies();
                let polled = connection.as_mut().poll_unpin(cx);
                if polled.is_ready() {
                    return polled.map(Some);
                }
                if !is_closing && closing.as_mut().poll(cx).is_ready() {
                    // A request that is there already has been read by now, and is served.
                    is_closing = true;
                    Pin::new(connection.as_mut()).graceful_shutdown();
                } else if is_closing || !phase.is_releasable() || phase.is_body_in_use() {
                    return Poll::Pending;
                } else if !phase.had_body() {
                    return Poll::Ready(None);
                }
                // A body was dropped. hyper has to learn that first: it reads what is left, or closes the connection.
            }
        })
        .await;
        match outcome {
            None => {
                let Parts { io, read_buf, .. } = connection.into_parts();
                stream = io.into_inner();
                stream.put_back(read_buf);
            }
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => {
                if let Some(head) = phase.unread_head()
                    && let Some(reason) = Unreadable::of(&error, head, HEAD_BYTES_MAX)
                {
                    handler.unreadable(&reason, peer);
                }
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Empty};
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    /// Long enough never to be over.
    const PATIENCE: Duration = Duration::from_hours(1);
    const CONFIG: ListenerConfig = ListenerConfig {
        handshake_timeout: PATIENCE,
        header_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        write_timeout: PATIENCE,
        shutdown_timeout: PATIENCE,
        broken_http: "",
    };

    /// The runtime, left to itself, polls for events after 61 turns of a task that is always ready.
    #[tokio::test]
    async fn pipelined_requests_keep_no_other_task_from_an_event() {
        const REQUESTS: usize = 100;
        let served = Arc::new(AtomicUsize::new(0));
        // The handler makes an event of each request, for which another task waits.
        let (event, events) = std::os::unix::net::UnixStream::pair().unwrap();
        events.set_nonblocking(true).unwrap();
        let events = UnixStream::from_std(events).unwrap();
        let (mut client, server) = UnixStream::pair().unwrap();
        client
            .write_all(&b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".repeat(REQUESTS))
            .await
            .unwrap();
        let (counted, event) = (Arc::clone(&served), Arc::new(event));
        let handler = move |request: Request<RequestBody>, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            (&*event).write_all(b"x").unwrap();
            // hyper polls again at once after a body.
            request.into_body().collect().map(|_| Response::new(Empty::<Bytes>::new()))
        };
        let (_open, closing) = watch::channel(());
        let peer = IpAddr::from([127, 0, 0, 1]);
        tokio::spawn(http1(server, peer, CONFIG, Arc::default(), handler, closing));
        let mut seen = 0;
        while seen < REQUESTS {
            events.readable().await.unwrap();
            let told = served.load(Ordering::Relaxed);
            assert!(
                told <= seen + 2,
                "{} requests were served before the other task heard of it",
                told - seen
            );
            seen = told;
            while events.try_read(&mut [0; REQUESTS]).is_ok() {}
        }
    }
}
