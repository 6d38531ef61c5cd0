//! Limits of the calls in flight and of the memory for their bodies and answers; beyond a limit a call is refused at once
//! (60008). Only authenticated calls count, so the limits can't be used up without a UserSig.

use crate::envelope::ApiError;
use bytes::Bytes;
use portraitd_model::ErrorCode;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};

/// The calls in flight and their memory. One permit of `bodies` and of `answers` stands for one byte.
#[derive(Debug)]
pub(crate) struct AdmissionControl {
    calls: Semaphore,
    bodies: Semaphore,
    /// Separate from bodies: answers that clients do not read must not block requests.
    answers: Arc<Semaphore>,
}

/// The memory acquired for a body; returned when dropped.
#[derive(Debug)]
pub(crate) struct BodyMemory<'a> {
    semaphore: &'a Semaphore,
    permit: Option<SemaphorePermit<'a>>,
}

impl AdmissionControl {
    /// Returns limits of `calls_max` calls, `bytes_max` bytes of bodies, and `bytes_max` bytes of answers.
    pub(crate) fn new(calls_max: usize, bytes_max: usize) -> Self {
        let semaphore = |max: usize| Semaphore::new(max.min(Semaphore::MAX_PERMITS));
        Self {
            calls: semaphore(calls_max),
            bodies: semaphore(bytes_max),
            answers: Arc::new(semaphore(bytes_max)),
        }
    }

    /// Acquires the permit of one call.
    pub(crate) fn acquire_call(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.calls.try_acquire().map_err(limit_reached)
    }

    /// Returns no memory yet, for a body that is about to be read.
    pub(crate) fn body_memory(&self) -> BodyMemory<'_> {
        BodyMemory { semaphore: &self.bodies, permit: None }
    }

    /// Acquires the memory of an answer until its last byte is sent. Small answers are not counted: each connection has at
    /// most one.
    pub(crate) fn track_answer(&self, answer: Bytes) -> Result<Bytes, ApiError> {
        const SMALL: usize = 16 * 1024;
        if answer.len() <= SMALL {
            return Ok(answer);
        }
        let permit = Arc::clone(&self.answers).try_acquire_many_owned(permits(answer.len())?);
        let permit = permit.map_err(limit_reached)?;
        Ok(Bytes::from_owner(TrackedAnswer { answer, _permit: permit }))
    }
}

/// An answer with the permit of its memory.
struct TrackedAnswer {
    answer: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for TrackedAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

impl BodyMemory<'_> {
    /// Acquires this many bytes more, or none: then the error is 60008.
    pub(crate) fn acquire(&mut self, bytes: usize) -> Result<(), ApiError> {
        let permit = self.semaphore.try_acquire_many(permits(bytes)?).map_err(limit_reached)?;
        match &mut self.permit {
            Some(acquired) => acquired.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }
}

/// A semaphore counts one acquisition in 32 bits. No frame and no answer is that large; it would be refused.
fn permits(bytes: usize) -> Result<u32, ApiError> {
    u32::try_from(bytes).map_err(|_| limit_reached(TryAcquireError::NoPermits))
}

fn limit_reached(_: TryAcquireError) -> ApiError {
    ApiError::with_detail(
        ErrorCode::Timeout,
        "the server has reached its limit of requests in progress; send the request again",
        "服务器正在处理的请求已达上限，请重试",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_memory_are_limited_and_returned() {
        let admission = AdmissionControl::new(2, 100_000);
        let calls = [admission.acquire_call().unwrap(), admission.acquire_call().unwrap()];
        assert_eq!(admission.acquire_call().err().map(|error| error.code()), Some(ErrorCode::Timeout));
        drop(calls);
        assert!(admission.acquire_call().is_ok());
        let mut body = admission.body_memory();
        assert!(
            body.acquire(60_000).is_ok() && body.acquire(60_000).is_err() && body.acquire(40_000).is_ok()
        );
        drop(body);
        let answer = admission.track_answer(Bytes::from(vec![7; 90_000])).unwrap();
        let part = answer.slice(10..20);
        drop(answer);
        assert!(
            admission.track_answer(Bytes::from(vec![0; 20_000])).is_err(),
            "a part of the answer is not sent yet"
        );
        assert!(
            admission.track_answer(Bytes::from_static(b"small")).is_ok(),
            "small answers are always allowed"
        );
        assert!(admission.body_memory().acquire(100_000).is_ok(), "bodies have a limit of their own");
        drop(part);
        assert!(admission.track_answer(Bytes::from(vec![0; 20_000])).is_ok());
    }
}
