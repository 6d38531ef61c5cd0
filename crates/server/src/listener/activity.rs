//! What an HTTP/2 connection does: when it last did something, and for how long its answers have waited to be taken. Many
//! requests share it, each with a window of its own that the other side may keep shut.

use bytes::Buf;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::time::Instant;

/// What is known of one connection.
pub(super) struct Activity {
    /// Requests that are being answered.
    working: AtomicUsize,
    /// Answers so far: each one's number.
    answers: AtomicUsize,
    sending: Mutex<Sending>,
}

struct Sending {
    /// When something was last asked or sent; at first, when the connection began.
    last: Instant,
    /// The answers that are on their way, and when something of each was last taken.
    taken: HashMap<usize, Instant>,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let sending = Mutex::new(Sending { last: Instant::now(), taken: HashMap::new() });
        Arc::new(Self { working: AtomicUsize::new(0), answers: AtomicUsize::new(0), sending })
    }

    /// Since when nothing was asked and nothing sent; `None` while a request is being answered.
    pub(super) fn idle_from(&self) -> Option<Instant> {
        (self.working.load(Ordering::Relaxed) == 0).then(|| self.lock().last)
    }

    /// Since when nothing was taken of the answer that has waited longest.
    pub(super) fn stuck_from(&self) -> Option<Instant> {
        self.lock().taken.values().min().copied()
    }

    fn lock(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that is being answered, whether it ends well or is broken off.
pub(super) struct Working(Arc<Activity>);

impl Working {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.working.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }

    /// The answer is there, and is to be sent.
    pub(super) fn answered<B: Body>(self, body: B) -> Watched<B> {
        Watched { body, way: Way::new(&self.0) }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.lock().last = Instant::now();
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer on its way, until its last byte is with the socket or its stream was reset.
struct Way {
    activity: Arc<Activity>,
    number: usize,
}

impl Way {
    fn new(activity: &Arc<Activity>) -> Arc<Self> {
        let number = activity.answers.fetch_add(1, Ordering::Relaxed);
        let way = Self { activity: Arc::clone(activity), number };
        way.taken();
        Arc::new(way)
    }

    fn taken(&self) {
        let (now, mut sending) = (Instant::now(), self.activity.lock());
        sending.last = now;
        sending.taken.insert(self.number, now);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let mut sending = self.activity.lock();
        sending.last = Instant::now();
        sending.taken.remove(&self.number);
    }
}

/// An answer's body, watched until all of it is sent.
pub(super) struct Watched<B> {
    body: B,
    way: Arc<Way>,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = Piece<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        frame.map_ok(|frame| frame.map_data(|data| Piece { data, way: Arc::clone(&self.way) }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A piece of an answer, in the hands of HTTP/2.
pub(super) struct Piece<D> {
    data: D,
    way: Arc<Way>,
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
        self.way.taken();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};

    #[tokio::test]
    async fn an_answer_is_on_its_way_until_its_last_piece_is_gone() {
        let activity = Activity::new();
        let working = Working::new(&activity);
        assert!(activity.idle_from().is_none() && activity.stuck_from().is_none());
        let mut body = working.answered(Full::new(Bytes::from_static(b"answer")));
        let begun = activity.stuck_from().unwrap();
        assert!(activity.idle_from().is_some());
        let mut piece = body.frame().await.unwrap().unwrap().into_data().ok().unwrap();
        drop(body);
        piece.advance(3);
        assert!(activity.stuck_from().unwrap() >= begun);
        assert_eq!((piece.remaining(), piece.chunk()), (3, &b"wer"[..]));
        drop(piece);
        assert!(activity.stuck_from().is_none());
    }
}
