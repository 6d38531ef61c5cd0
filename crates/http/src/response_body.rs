//! A body that tells the connection's clocks when hyper has all of it. An answer may come in pieces: between them the
//! connection is neither idle nor waiting for a request.

use crate::timeouts::RequestPhase;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer's body on its way.
pub(super) struct TrackedBody<B: Body> {
    body: B,
    phase: RequestPhase,
    told: bool,
}

impl<B: Body> TrackedBody<B> {
    pub(super) fn new(body: B, phase: RequestPhase) -> Self {
        let mut sent = Self { body, phase, told: false };
        sent.tell_if(sent.body.is_end_stream());
        sent
    }

    fn tell_if(&mut self, is_whole: bool) {
        if is_whole && !self.told {
            self.told = true;
            self.phase.answered();
        }
    }
}

/// Of an answer without a body (to HEAD) hyper takes nothing.
impl<B: Body> Drop for TrackedBody<B> {
    fn drop(&mut self) {
        self.tell_if(true);
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
        let is_whole = !matches!(frame, Some(Ok(_))) || self.body.is_end_stream();
        self.tell_if(is_whole);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
