//! A request's body that reports to the connection when it is dropped. While it exists, hyper may be in the
//! middle of reading it, even after the response was sent.

use crate::request_phase::RequestPhase;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a request, as a [`Handler`](crate::connection::Handler) gets it.
pub struct RequestBody {
    incoming: Incoming,
    /// Dropped after `incoming`: hyper is told first.
    _reported: Reported,
}

/// Reports the end of a body when dropped.
struct Reported(RequestPhase);

impl RequestBody {
    pub(super) fn new(incoming: Incoming, phase: RequestPhase) -> Self {
        phase.body_handed_out();
        Self { incoming, _reported: Reported(phase) }
    }
}

impl Drop for Reported {
    fn drop(&mut self) {
        self.0.body_dropped();
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
