//! How a faulty answer leaves: cut, garbled, or drop by drop. What was decided stays as it was; only the bytes suffer.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// What becomes of an answer on its way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseFault {
    /// Nothing is sent, and the connection is closed.
    Cut,
    /// The head and half of the body, then the connection is closed.
    CutMidway,
    /// Half of the JSON, as if it were all.
    HalfJson,
    /// No body at all.
    Empty,
    /// A gateway's page of HTML instead of the answer.
    Html,
    /// One byte after the other, with a pause before each.
    Drip(Duration),
}

/// So that the head is on its way before the connection ends.
const MOMENT: Duration = Duration::from_millis(10);

/// What a gateway says whose server is down.
const PAGE: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n";

impl ResponseFault {
    /// Makes the answer leave so.
    pub(crate) fn apply(self, mut response: Response<Full<Bytes>>, whole: &Bytes) -> Response<Body> {
        let half = || whole.slice(..whole.len() / 2);
        let paced = |sent: Bytes, announced: &Bytes, pause, then| {
            Body::new(Paced { rest: sent, left: announced.len() as u64, pause, then, sleep: None })
        };
        let body = match self {
            Self::Cut => paced(Bytes::new(), whole, None, Then::Close),
            Self::CutMidway => paced(half(), whole, Some((MOMENT, usize::MAX)), Then::Close),
            Self::HalfJson => Body::from(half()),
            Self::Empty => Body::empty(),
            Self::Html => {
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                Body::from(PAGE)
            }
            Self::Drip(pause) => paced(whole.clone(), whole, Some((pause, 1)), Then::End),
        };
        response.map(|_| body)
    }
}

/// What follows the last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    End,
    Close,
}

/// A body that comes in pieces, with a pause before each, and may break off.
struct Paced {
    rest: Bytes,
    /// Bytes that were announced and are not sent.
    left: u64,
    /// Before each piece, and how large a piece is.
    pause: Option<(Duration, usize)>,
    then: Then,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some((pause, _)) = self.pause {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        if self.rest.is_empty() {
            let closed = || io::Error::new(io::ErrorKind::ConnectionAborted, "a fault closes the connection");
            return Poll::Ready((self.then == Then::Close).then(|| Err(closed())));
        }
        let size = self.pause.map_or(usize::MAX, |(_, size)| size).min(self.rest.len());
        let piece = self.rest.split_to(size);
        self.left -= size as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.then == Then::End && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
