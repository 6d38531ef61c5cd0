//! A stream that keeps a connection's clocks: idle, header and write. One timer serves all three, armed only when
//! the connection has to wait; a request that comes in one piece costs no timer at all.
//!
//! It also answers for hyper where HTTP itself is broken: hyper would send a bare 400, the protocol knows only 200
//! with an envelope.

use crate::config::ListenerConfig;
use crate::fairness::FairnessBudget;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

const IDLE: u8 = 0;
const READING_HEAD: u8 = 1;
const ANSWERING: u8 = 2;
const SENDING: u8 = 3;

/// How far the current request is; shared between the stream and the service.
#[derive(Clone, Default)]
pub(super) struct RequestPhase(Arc<AtomicU8>);

impl RequestPhase {
    /// The head was read: the service has the request.
    pub(super) fn request_read(&self) {
        self.set(ANSWERING);
    }

    /// hyper has the whole answer.
    pub(super) fn answered(&self) {
        self.set(SENDING);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// A stream with clocks.
pub(super) struct Deadlines<T> {
    stream: T,
    phase: RequestPhase,
    config: ListenerConfig,
    budget: FairnessBudget,
    /// When the present wait for bytes must end.
    read_by: Instant,
    /// When the present wait for room to send must end.
    write_by: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// How much of [`ListenerConfig::broken_http`] was sent.
    broken_sent: usize,
    /// Set once the sending side is shut: what still comes in is thrown away.
    linger: Option<Linger>,
}

/// A close that waits for the other side. Closing a socket that has unread bytes resets the connection, and the
/// other side may lose the answer that was just sent.
#[derive(Clone, Copy)]
struct Linger {
    until: Instant,
    bytes_left: usize,
}

impl Linger {
    const PATIENCE: Duration = Duration::from_secs(1);
    const BYTES_MAX: usize = 8 << 20;
}

impl<T: AsyncRead + AsyncWrite + Unpin> Deadlines<T> {
    pub(super) fn new(stream: T, phase: RequestPhase, config: ListenerConfig) -> Self {
        // A connection that never sends a byte gets no more patience than a header.
        let read_by = Instant::now() + config.header_timeout;
        Self {
            stream,
            phase,
            config,
            budget: FairnessBudget::default(),
            read_by,
            write_by: None,
            timer: None,
            broken_sent: 0,
            linger: None,
        }
    }

    /// Fails when `deadline` has passed; else sees to it that the task is woken by then.
    fn wait_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Error> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // A timer that goes off too early is simply armed again; only a late one must be moved now.
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

    /// What hyper sends before the service was asked is its own bare 400; our envelope goes in its place.
    fn poll_send_broken(&mut self, cx: &mut Context<'_>, hypers: usize) -> Poll<io::Result<usize>> {
        while let Some(rest) =
            self.config.broken_http.as_bytes().get(self.broken_sent..).filter(|rest| !rest.is_empty())
        {
            self.broken_sent += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(hypers))
    }

    fn hyper_speaks_for_itself(&self) -> bool {
        self.phase.get() < ANSWERING
    }

    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length)) = &written {
            self.budget.spend(*length);
        }
        self.timed_write(cx, written)
    }

    /// Keeps the write clock.
    fn timed_write<N>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<N>>) -> Poll<io::Result<N>> {
        if written.is_ready() {
            self.write_by = None;
            return written;
        }
        self.budget.renew();
        let write_by = self.write_by.unwrap_or_else(|| after(self.config.write_timeout));
        self.write_by = Some(write_by);
        self.wait_until(cx, write_by).map(Err)
    }
}

fn after(patience: Duration) -> Instant {
    Instant::now() + patience
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Deadlines<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.budget.poll(cx));
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let phase = self.phase.get();
        match read {
            Poll::Ready(outcome) => {
                let length = buf.filled().len().saturating_sub(before);
                self.budget.spend(length);
                if phase == IDLE && length > 0 {
                    self.phase.set(READING_HEAD);
                    self.read_by = after(self.config.header_timeout);
                }
                Poll::Ready(outcome)
            }
            // While the service works, the body has its own clock in the gateway.
            Poll::Pending if phase >= ANSWERING => {
                self.budget.renew();
                Poll::Pending
            }
            Poll::Pending => {
                self.budget.renew();
                let read_by = self.read_by;
                self.wait_until(cx, read_by).map(Err)
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Deadlines<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = if self.hyper_speaks_for_itself() {
            self.poll_send_broken(cx, buf.len())
        } else {
            Pin::new(&mut self.stream).poll_write(cx, buf)
        };
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = if self.hyper_speaks_for_itself() {
            self.poll_send_broken(cx, bufs.iter().map(|buf| buf.len()).sum())
        } else {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        };
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes more than the socket does, and sends the rest here.
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        ready!(self.timed_write(cx, flushed))?;
        // hyper takes up the next request only after this.
        ready!(self.budget.poll(cx));
        // hyper flushes once an answer is whole in the socket: the connection idles from here.
        if self.phase.get() == SENDING {
            self.phase.set(IDLE);
            self.budget.answered();
            let idle_until = after(self.config.idle_timeout);
            self.read_by = idle_until;
            // hyper may already wait for the next request and not ask again before something happens: the end of
            // its patience must be that something. `poll_read` then finds out that the time is over.
            let _ = self.wait_until(cx, idle_until);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.timed_write(cx, shut))?;
            self.linger = Some(Linger { until: after(Linger::PATIENCE), bytes_left: Linger::BYTES_MAX });
        }
        let mut scrap = [0; 8192];
        while let Some(linger) = self.linger.filter(|linger| linger.bytes_left > 0) {
            ready!(self.budget.poll(cx));
            let mut buf = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.budget.spend(buf.filled().len());
                    let bytes_left = linger.bytes_left.saturating_sub(buf.filled().len());
                    self.linger = Some(Linger { bytes_left, ..linger });
                }
                // The other side has closed, or broken off: either way nothing more is owed to it.
                Poll::Ready(_) => break,
                Poll::Pending => {
                    // So is patience at its end.
                    ready!(self.wait_until(cx, linger.until));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
