//! Response faults: a closed connection, a truncated, altered or replaced body, a slow body. They change the bytes that are sent,
//! never the outcome of the call.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use portraitd_api::envelope::{with_string_code, without_status};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// A fault of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseFault {
    /// The connection is closed before any byte is sent.
    Close,
    /// The head and half of the body are sent, then the connection is closed.
    CloseMidway,
    /// Half of the JSON is sent as the whole body.
    TruncatedJson,
    /// The body is empty.
    Empty,
    /// A gateway's HTML page with status 502 is sent instead.
    Html,
    /// The JSON is sent without the member that says OK or FAIL.
    NoStatus,
    /// The JSON is sent with `ErrorCode` as a string.
    StringCode,
    /// Each byte of the body is sent after a pause.
    Drip(Duration),
}

/// The pause before half a body, in which the head is written to the socket before the connection is closed.
const HEAD_PAUSE: Duration = Duration::from_millis(10);

/// The page of a gateway whose server is down.
const GATEWAY_ERROR_PAGE: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n";

impl ResponseFault {
    /// Returns the response with this fault; `complete` is its body without the fault.
    pub(crate) fn apply(self, mut response: Response<Full<Bytes>>, complete: &Bytes) -> Response<Body> {
        let half = || complete.slice(..complete.len() / 2);
        let paced = |sent: Bytes, announced: &Bytes, pause, then| {
            Body::new(PacedBody {
                unsent: sent,
                announced_left: announced.len() as u64,
                pause,
                then,
                sleep: None,
            })
        };
        let body = match self {
            Self::Close => paced(Bytes::new(), complete, None, AfterLastByte::Close),
            Self::CloseMidway => {
                paced(half(), complete, Some((HEAD_PAUSE, usize::MAX)), AfterLastByte::Close)
            }
            Self::TruncatedJson => Body::from(half()),
            Self::Empty => Body::empty(),
            Self::Html => {
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
                Body::from(GATEWAY_ERROR_PAGE)
            }
            Self::NoStatus => Body::from(without_status(complete)),
            Self::StringCode => Body::from(with_string_code(complete)),
            Self::Drip(pause) => paced(complete.clone(), complete, Some((pause, 1)), AfterLastByte::End),
        };
        response.map(|_| body)
    }
}

/// What happens after the last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterLastByte {
    End,
    Close,
}

/// A body that is sent in chunks with a pause before each, and can end early with a closed connection.
struct PacedBody {
    unsent: Bytes,
    /// The announced bytes (`content-length`) that were not sent yet.
    announced_left: u64,
    /// The pause before each chunk, and the most bytes in a chunk.
    pause: Option<(Duration, usize)>,
    then: AfterLastByte,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some((pause, _)) = self.pause {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        if self.unsent.is_empty() {
            let closed = || io::Error::new(io::ErrorKind::ConnectionAborted, "a fault closes the connection");
            return Poll::Ready((self.then == AfterLastByte::Close).then(|| Err(closed())));
        }
        let size = self.pause.map_or(usize::MAX, |(_, size)| size).min(self.unsent.len());
        let chunk = self.unsent.split_to(size);
        self.announced_left -= size as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.then == AfterLastByte::End && self.unsent.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced_left)
    }
}
