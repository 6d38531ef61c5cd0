//! Reading of request bodies, with limits of size and time.

use crate::admission::BodyMemory;
use crate::envelope::ApiError;
use crate::time_limit::within;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header;
use hyper::http::request::Parts;
use portraitd_model::ErrorCode;
use std::time::Duration;

/// The limits of a request body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The largest body in bytes.
    pub bytes_max: usize,
    /// The longest time from the end of the headers to the end of the body.
    pub timeout: Duration,
}

impl BodyLimits {
    /// Reads a whole body and acquires its bytes from `memory`. 60002 when it is too large or incomplete, 60008 when it takes
    /// too long or memory is short. After an error the connection has to be closed.
    pub(crate) async fn read(
        self,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        memory: &mut BodyMemory<'_>,
    ) -> Result<Bytes, ApiError> {
        let late = |_| ApiError::new(ErrorCode::Timeout);
        within(self.timeout, self.collect(body, memory)).await.map_err(late)?
    }

    async fn collect(
        self,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        memory: &mut BodyMemory<'_>,
    ) -> Result<Bytes, ApiError> {
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
            memory.acquire(frame.len())?;
            // Nearly every body is one frame, which is used without a copy.
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

    /// Reads and discards the body of a refused request, so that the client receives the answer and not a connection reset.
    /// Returns whether the body ended, so that the connection can be used again.
    pub(crate) async fn drain(self, head: &Parts, body: &mut (impl Body<Data = Bytes> + Unpin)) -> bool {
        const TIMEOUT: Duration = Duration::from_secs(1);
        if body.is_end_stream() {
            return true;
        }
        // A client that waits for "100 Continue" has sent no body, and the answer tells it not to.
        if head.headers.contains_key(header::EXPECT) {
            return false;
        }
        within(TIMEOUT, self.discard(body)).await.unwrap_or(false)
    }

    /// Discards a body frame by frame: before authentication a body takes no memory. Returns whether it ended within the
    /// size limit.
    async fn discard(self, body: &mut (impl Body<Data = Bytes> + Unpin)) -> bool {
        let mut left = self.bytes_max;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return false };
            left = rest;
        }
        true
    }
}
