//! A response body that reports to the connection's deadlines when hyper has taken all of it. Between two frames of a
//! body the connection is neither idle nor waiting for a request.

use crate::request_phase::RequestPhase;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A response body that sets the request's phase at its end.
pub(super) struct TrackedBody<B: Body> {
    body: B,
    phase: RequestPhase,
    reported: bool,
}

impl<B: Body> TrackedBody<B> {
    pub(super) fn new(body: B, phase: RequestPhase) -> Self {
        let mut tracked = Self { body, phase, reported: false };
        tracked.report_if(tracked.body.is_end_stream());
        tracked
    }

    fn report_if(&mut self, is_end: bool) {
        if is_end && !self.reported {
            self.reported = true;
            self.phase.response_ready();
        }
    }
}

/// hyper drops a body that it does not send (to HEAD) without reading it.
impl<B: Body> Drop for TrackedBody<B> {
    fn drop(&mut self) {
        self.report_if(true);
    }
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let is_end = !matches!(frame, Some(Ok(_))) || self.body.is_end_stream();
        self.report_if(is_end);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
