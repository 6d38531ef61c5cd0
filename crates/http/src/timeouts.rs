//! A stream with a connection's timeouts: idle, header and write. One timer serves all three and is set only when the
//! connection has to wait; a request that arrives in one piece costs no timer.
//!
//! The stream also replaces hyper's response to broken HTTP, an empty 400: the protocol knows only 200 with an envelope.

use crate::config::ListenerConfig;
use crate::fairness::FairnessBudget;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

const IDLE: u8 = 0;
const READING_HEAD: u8 = 1;
const HANDLING: u8 = 2;
const SENDING: u8 = 3;

/// The phase of the current request, shared by the stream, the service and the response's body.
#[derive(Clone, Default)]
pub(super) struct RequestPhase(Arc<SharedPhase>);

#[derive(Default)]
struct SharedPhase {
    phase: AtomicU8,
    /// The first byte of the head that was read last.
    first_byte: AtomicU8,
    /// Whether the service has got a request of this connection.
    is_used: AtomicBool,
}

/// A head that the service has not got.
#[derive(Clone, Copy)]
pub(super) struct UnreadHead {
    /// Its first byte.
    pub(super) first_byte: u8,
    /// Whether it follows a request on the same connection.
    pub(super) follows_request: bool,
}

impl RequestPhase {
    /// The head has been read: the service has the request.
    pub(super) fn head_read(&self) {
        self.0.is_used.store(true, Ordering::Relaxed);
        self.set(HANDLING);
    }

    /// hyper has the whole response.
    pub(super) fn response_ready(&self) {
        self.set(SENDING);
    }

    /// Returns a head that the service has not got; `None` when the service has the request.
    pub(super) fn unread_head(&self) -> Option<UnreadHead> {
        (self.get() < HANDLING).then(|| UnreadHead {
            first_byte: self.0.first_byte.load(Ordering::Relaxed),
            follows_request: self.0.is_used.load(Ordering::Relaxed),
        })
    }

    fn get(&self) -> u8 {
        self.0.phase.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.phase.store(phase, Ordering::Relaxed);
    }
}

/// A stream with timeouts.
pub(super) struct Deadlines<T> {
    stream: T,
    phase: RequestPhase,
    config: ListenerConfig,
    budget: FairnessBudget,
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
    pub(super) fn new(stream: T, phase: RequestPhase, config: ListenerConfig) -> Self {
        // A connection that never sends a byte has the same timeout as a header.
        let read_deadline = Some(after(config.header_timeout));
        Self {
            stream,
            phase,
            config,
            budget: FairnessBudget::default(),
            read_deadline,
            write_deadline: None,
            timer: None,
            broken_http_sent: 0,
            closing: None,
        }
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
            self.budget.consume(*length);
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
        self.budget.reset();
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
        ready!(self.budget.poll_proceed(cx));
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let phase = self.phase.get();
        match read {
            Poll::Ready(outcome) => {
                let length = buf.filled().len().saturating_sub(before);
                self.budget.consume(length);
                if phase == IDLE
                    && let Some(first) = buf.filled().get(before)
                {
                    self.phase.0.first_byte.store(*first, Ordering::Relaxed);
                    self.phase.set(READING_HEAD);
                    self.read_deadline = None;
                }
                Poll::Ready(outcome)
            }
            // While the service works, the gateway has its own timeout for the body.
            Poll::Pending if phase >= HANDLING => {
                self.budget.reset();
                Poll::Pending
            }
            Poll::Pending => {
                self.budget.reset();
                let deadline = self.read_deadline.unwrap_or_else(|| after(self.config.header_timeout));
                self.read_deadline = Some(deadline);
                self.wait_until(cx, deadline).map(Err)
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
        ready!(self.budget.poll_proceed(cx));
        // hyper flushes once a whole response is in the socket: from here on the connection is idle.
        if self.phase.get() == SENDING {
            self.phase.set(IDLE);
            self.budget.consume_response();
            let deadline = after(self.config.idle_timeout);
            self.read_deadline = Some(deadline);
            // hyper may already wait for the next request and poll again only when the task is woken: the timer has to
            // wake it. `poll_read` then finds that the deadline has passed.
            let _ = self.wait_until(cx, deadline);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
            ready!(self.budget.poll_proceed(cx));
            let mut buf = ReadBuf::new(&mut discarded);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.budget.consume(buf.filled().len());
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
