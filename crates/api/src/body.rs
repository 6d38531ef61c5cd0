//! Request bodies, bounded in size and time.

use crate::admission::Permit;
use crate::envelope::ApiError;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header;
use hyper::http::request::Parts;
use portraitd_model::ErrorCode;
use std::time::Duration;
use tokio::time::timeout;

/// How much of a body is taken, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The most bytes of a body.
    pub bytes_max: usize,
    /// From the end of the headers to the end of the body.
    pub timeout: Duration,
}

impl BodyLimits {
    /// Reads a body to its end, within `room`: 60002 when it is too large or breaks off, 60008 when it takes too long. After a
    /// failure the connection is of no more use.
    pub(crate) async fn read(self, body: &mut Incoming, room: &mut Permit) -> Result<Bytes, ApiError> {
        let late = |_| ApiError::new(ErrorCode::Timeout);
        timeout(self.timeout, self.collect(body, room)).await.map_err(late)?
    }

    async fn collect(self, body: &mut Incoming, room: &mut Permit) -> Result<Bytes, ApiError> {
        let bytes_max = self.bytes_max;
        let too_large = || {
            ApiError::with_detail(
                ErrorCode::HttpParse,
                format!("the body is larger than {bytes_max} bytes"),
                format!("包体超过 {bytes_max} 字节"),
            )
        };
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large());
        }
        let (mut first, mut rest): (Option<Bytes>, BytesMut) = (None, BytesMut::new());
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame.map_err(|_| ApiError::new(ErrorCode::HttpParse))?.into_data() else {
                continue;
            };
            if first.as_ref().map_or(0, Bytes::len) + rest.len() + frame.len() > bytes_max {
                return Err(too_large());
            }
            room.grow(frame.len())?;
            // Nearly every body is one frame: it is used where it lies.
            match &first {
                None => first = Some(frame),
                Some(_) => rest.extend_from_slice(&frame),
            }
        }
        let first = first.unwrap_or_default();
        if rest.is_empty() {
            return Ok(first);
        }
        let mut whole = BytesMut::from(first);
        whole.unsplit(rest);
        Ok(whole.freeze())
    }

    /// Takes in the rest of a refused request, so that the caller reads the answer instead of a reset. Returns whether all of
    /// it came, so that the connection can go on.
    pub(crate) async fn drain(self, head: &Parts, body: &mut Incoming) -> bool {
        const PATIENCE: Duration = Duration::from_secs(1);
        if body.is_end_stream() {
            return true;
        }
        // A caller that waits for "100 Continue" has sent nothing yet, and the answer tells it not to.
        if head.headers.contains_key(header::EXPECT) {
            return false;
        }
        timeout(PATIENCE, self.discard(body)).await.unwrap_or(false)
    }

    /// Throws a body away as it comes: before authentication it takes no memory. Returns whether it ended within the limit.
    async fn discard(self, body: &mut Incoming) -> bool {
        let mut left = self.bytes_max;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return false };
            left = rest;
        }
        true
    }
}
