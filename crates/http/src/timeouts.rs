//! A stream with a connection's timeouts: idle, header and write. One timer serves all three and is set only when the
//! connection has to wait; a request that arrives in one piece costs no timer.
//!
//! Between two requests that are far apart it holds the connection alone: hyper and its buffers are gone by then.
//!
//! The stream also replaces hyper's response to broken HTTP, an empty 400: the protocol knows only 200 with an envelope.

use crate::config::ListenerConfig;
use crate::request_phase::{HANDLING, IDLE, RequestPhase, SENDING};
use crate::stats::Counts;
use bytes::Bytes;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection that has waited this long for its next request gives hyper's buffers back: they are nearly all of its memory.
/// A client in the middle of its work calls more often, and its connection keeps them.
const LONG_IDLE: Duration = Duration::from_millis(500);

/// With more connections than this, one whose last request is not that young gives them back at once: few buffers then go
/// round, and what many have left behind an allocator returns late or never. Busy connections keep them here too.
const KEEPING_MAX: u64 = 128;

/// The most bytes of a request that are read before hyper has buffers for it; a small call is read whole.
const FIRST_READ_BYTES: usize = 2048;

/// A stream with timeouts.
pub(super) struct Deadlines<T> {
    stream: T,
    phase: RequestPhase,
    config: ListenerConfig,
    counts: Arc<Counts>,
    /// What was read from the stream and is to be read again.
    unread: Bytes,
    /// When the connection has been idle for long; before its first response, when it was accepted.
    long_idle_at: Instant,
    /// When the current wait for bytes times out; `None`: that of a head, which counts from the first wait in it.
    read_deadline: Option<Instant>,
    /// When the current wait to write times out; `None`: nothing waits.
    write_deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The bytes of [`ListenerConfig::broken_http`] that were sent.
    broken_http_sent: usize,
    /// Set once the sending side is shut down; what still arrives is discarded.
    closing: Option<LingeringClose>,
}

/// A close that waits for the client's. Closing a socket that has unread bytes resets the connection, and the client may
/// lose the response that was just sent (nginx has `lingering_close` for this).
#[derive(Clone, Copy)]
struct LingeringClose {
    deadline: Instant,
    bytes_left: usize,
}

impl LingeringClose {
    const TIMEOUT: Duration = Duration::from_secs(1);
    const BYTES_MAX: usize = 8 << 20;
}

impl<T: AsyncRead + AsyncWrite + Unpin> Deadlines<T> {
    pub(super) fn new(stream: T, phase: RequestPhase, config: ListenerConfig, counts: Arc<Counts>) -> Self {
        // A connection that never sends a byte has the same timeout as a header.
        let read_deadline = Some(after(config.header_timeout));
        Self {
            stream,
            phase,
            config,
            counts,
            unread: Bytes::new(),
            long_idle_at: Instant::now(),
            read_deadline,
            write_deadline: None,
            timer: None,
            broken_http_sent: 0,
            closing: None,
        }
    }

    /// Puts back what was read and not used. `bytes` belong to the next request.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    /// Waits for the first bytes of a request; they are read again later. False when none will come: the client has
    /// closed the connection, or the time for it is over.
    pub(super) async fn wait_for_request(&mut self) -> bool {
        poll_fn(|cx| self.poll_request(cx)).await
    }

    /// Ends the connection.
    pub(super) async fn end(&mut self) {
        let ended = poll_fn(|cx| {
            ready!(self.phase.budget().poll_yield(cx));
            Pin::new(&mut *self).poll_shutdown(cx)
        });
        // The client may have closed or reset it: nothing is left to do then.
        let _ = ended.await;
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.unread.is_empty() {
            return Poll::Ready(true);
        }
        let mut bytes = [0; FIRST_READ_BYTES];
        let mut buf = ReadBuf::new(&mut bytes);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => {
                self.unread = Bytes::copy_from_slice(buf.filled());
                Poll::Ready(!self.unread.is_empty())
            }
            Poll::Ready(Err(_)) => Poll::Ready(false),
            Poll::Pending => self.poll_read_timeout(cx).map(|_| false),
        }
    }

    /// Returns an error when the wait for bytes has taken too long.
    fn poll_read_timeout(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let deadline = self.read_deadline.unwrap_or_else(|| after(self.config.header_timeout));
        self.read_deadline = Some(deadline);
        self.wait_until(cx, deadline)
    }

    /// Reads what was put back, or from the stream.
    fn poll_read_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let bytes = self.unread.split_to(self.unread.len().min(buf.remaining()));
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }

    /// Returns an error when `deadline` has passed; otherwise `Pending`, and the task is woken by then.
    fn wait_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Error> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // A timer that fires too early is set again below; only one that would fire too late is moved here.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(deadline);
        }
    }

    /// Sends [`ListenerConfig::broken_http`] in place of hyper's own response of `hyper_bytes` bytes.
    fn poll_write_broken_http(
        &mut self,
        cx: &mut Context<'_>,
        hyper_bytes: usize,
    ) -> Poll<io::Result<usize>> {
        while let Some(rest) =
            self.config.broken_http.as_bytes().get(self.broken_http_sent..).filter(|rest| !rest.is_empty())
        {
            self.broken_http_sent += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(hyper_bytes))
    }

    /// Whether hyper writes its own response: the service has not been called for this request.
    fn is_hypers_own_response(&self) -> bool {
        self.phase.get() < HANDLING
    }

    /// Counts a write against the fairness budget and applies the write timeout.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length)) = &written {
            self.phase.budget().consume(*length);
        }
        self.with_write_timeout(cx, written)
    }

    /// Applies the write timeout to the outcome of a write.
    fn with_write_timeout<N>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<N>>,
    ) -> Poll<io::Result<N>> {
        if written.is_ready() {
            self.write_deadline = None;
            return written;
        }
        self.phase.budget().reset();
        let deadline = self.write_deadline.unwrap_or_else(|| after(self.config.write_timeout));
        self.write_deadline = Some(deadline);
        self.wait_until(cx, deadline).map(Err)
    }
}

fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Deadlines<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.phase.budget().poll_proceed(cx));
        let before = buf.filled().len();
        let read = self.poll_read_bytes(cx, buf);
        let phase = self.phase.get();
        match read {
            Poll::Ready(outcome) => {
                let length = buf.filled().len().saturating_sub(before);
                self.phase.budget().consume(length);
                if phase == IDLE
                    && let Some(first) = buf.filled().get(before)
                {
                    self.phase.head_begun(*first);
                    self.read_deadline = None;
                }
                Poll::Ready(outcome)
            }
            // While the service works, the gateway has its own timeout for the body.
            Poll::Pending if phase >= HANDLING => {
                self.phase.budget().reset();
                Poll::Pending
            }
            Poll::Pending => {
                self.phase.budget().reset();
                if phase == IDLE && !self.phase.is_releasable() {
                    // Never later than the idle timeout.
                    let long_idle_at = self.long_idle_at;
                    ready!(self.wait_until(cx, long_idle_at));
                    self.phase.want_release(true);
                }
                self.poll_read_timeout(cx).map(Err)
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Deadlines<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = if self.is_hypers_own_response() {
            self.poll_write_broken_http(cx, buf.len())
        } else {
            Pin::new(&mut self.stream).poll_write(cx, buf)
        };
        self.after_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = if self.is_hypers_own_response() {
            self.poll_write_broken_http(cx, bufs.iter().map(|buf| buf.len()).sum())
        } else {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        };
        self.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The TLS layer buffers more than the socket takes, and sends the rest here.
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        ready!(self.with_write_timeout(cx, flushed))?;
        // hyper reads the next request only after this.
        ready!(self.phase.budget().poll_proceed(cx));
        // hyper flushes once a whole response is in the socket: from here on the connection is idle.
        if self.phase.get() == SENDING {
            self.phase.response_sent();
            self.phase.budget().consume_response();
            let (now, idle_timeout) = (Instant::now(), self.config.idle_timeout);
            self.read_deadline = Some(now + idle_timeout);
            // This request came, and was served, before the connection was idle for long.
            let is_busy = now < self.long_idle_at;
            self.long_idle_at = now + LONG_IDLE.min(idle_timeout);
            let release_now = !is_busy && self.counts.open() > KEEPING_MAX;
            self.phase.want_release(release_now);
            // hyper may already wait for the next request and poll again only when the task is woken: the timer has to
            // wake it. `poll_read` then finds that the time is over.
            let wake_at = if release_now { now + idle_timeout } else { self.long_idle_at };
            let _ = self.wait_until(cx, wake_at);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.phase.want_release(false);
        if self.closing.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.with_write_timeout(cx, shut))?;
            self.closing = Some(LingeringClose {
                deadline: after(LingeringClose::TIMEOUT),
                bytes_left: LingeringClose::BYTES_MAX,
            });
        }
        let mut discarded = [0; 8192];
        while let Some(closing) = self.closing.filter(|closing| closing.bytes_left > 0) {
            ready!(self.phase.budget().poll_proceed(cx));
            let mut buf = ReadBuf::new(&mut discarded);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.phase.budget().consume(buf.filled().len());
                    let bytes_left = closing.bytes_left.saturating_sub(buf.filled().len());
                    self.closing = Some(LingeringClose { bytes_left, ..closing });
                }
                // The client has closed or reset the connection: nothing is left to wait for.
                Poll::Ready(_) => break,
                Poll::Pending => {
                    // The same holds after the timeout.
                    ready!(self.wait_until(cx, closing.deadline));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
