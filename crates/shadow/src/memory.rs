//! The memory that bodies may take: those of requests, and those of answers, however many calls are in progress.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit of the budget in bytes.
const UNIT: usize = 1024;

/// A budget that all calls share.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

/// A body, with the part of the budget that it takes until it is dropped.
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    _part: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyError {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// All calls together take the whole budget.
    MemoryShort,
    /// The connection ended before the body did.
    Incomplete,
}

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes_max / UNIT).min(Semaphore::MAX_PERMITS))))
    }

    /// Reads a body of at most `bytes_max` bytes.
    pub(crate) async fn read(
        &self,
        mut body: impl Body<Data = Bytes> + Unpin,
        bytes_max: usize,
    ) -> Result<HeldBody, BodyError> {
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(BodyError::TooLarge(bytes_max));
        }
        let (mut read, mut part): (BytesMut, Option<OwnedSemaphorePermit>) = (BytesMut::new(), None);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
            if read.len() + frame.len() > bytes_max {
                return Err(BodyError::TooLarge(bytes_max));
            }
            let units = u32::try_from(frame.len().div_ceil(UNIT)).map_err(|_| BodyError::MemoryShort)?;
            let more = Arc::clone(&self.0).try_acquire_many_owned(units);
            let more = more.map_err(|_| BodyError::MemoryShort)?;
            match &mut part {
                Some(part) => part.merge(more),
                None => part = Some(more),
            }
            read.extend_from_slice(&frame);
        }
        Ok(HeldBody { bytes: read.freeze(), _part: part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[tokio::test]
    async fn all_bodies_share_the_budget() {
        let memory = Memory::new(4 * UNIT);
        let body = |bytes: usize| Full::new(Bytes::from(vec![0; bytes]));
        let held = memory.read(body(3 * UNIT), 3 * UNIT).await.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(held.bytes.len(), 3 * UNIT);
        let error = async |bytes, most| memory.read(body(bytes), most).await.err();
        assert_eq!(error(2 * UNIT, 2 * UNIT).await, Some(BodyError::MemoryShort));
        assert_eq!(error(UNIT + 1, UNIT).await, Some(BodyError::TooLarge(UNIT)));
        drop(held);
        assert_eq!(error(4 * UNIT, 4 * UNIT).await, None);
    }
}
