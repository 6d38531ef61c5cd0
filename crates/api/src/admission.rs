//! Limits of the calls in flight and of the memory for their bodies and answers; beyond a limit a call is refused at once
//! (60008). Only authenticated calls count, so the limits can't be used up without a UserSig.

use crate::envelope::ApiError;
use bytes::Bytes;
use portraitd_model::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The calls in flight and their memory.
#[derive(Debug)]
pub(crate) struct AdmissionControl {
    calls: Arc<Gauge>,
    bodies: Arc<Gauge>,
    /// Separate from bodies: answers that clients do not read must not block requests.
    answers: Arc<Gauge>,
}

#[derive(Debug)]
struct Gauge {
    taken: AtomicUsize,
    max: usize,
}

/// A share of a limit; returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gauge: Arc<Gauge>,
    taken: usize,
}

impl AdmissionControl {
    /// Returns limits of `calls_max` calls, `bytes_max` bytes of bodies, and `bytes_max` bytes of answers.
    pub(crate) fn new(calls_max: usize, bytes_max: usize) -> Self {
        let gauge = |max| Arc::new(Gauge { taken: AtomicUsize::new(0), max });
        Self { calls: gauge(calls_max), bodies: gauge(bytes_max), answers: gauge(bytes_max) }
    }

    /// Acquires the permit of one call.
    pub(crate) fn acquire_call(&self) -> Result<Permit, ApiError> {
        let mut permit = Permit { gauge: Arc::clone(&self.calls), taken: 0 };
        permit.acquire(1)?;
        Ok(permit)
    }

    /// Returns an empty permit for the memory of a body.
    pub(crate) fn body_memory(&self) -> Permit {
        Permit { gauge: Arc::clone(&self.bodies), taken: 0 }
    }

    /// Acquires the memory of an answer until its last byte is sent. Small answers are not counted: each connection has at
    /// most one.
    pub(crate) fn track_answer(&self, answer: Bytes) -> Result<Bytes, ApiError> {
        const SMALL: usize = 16 * 1024;
        if answer.len() <= SMALL {
            return Ok(answer);
        }
        let mut permit = Permit { gauge: Arc::clone(&self.answers), taken: 0 };
        permit.acquire(answer.len())?;
        Ok(Bytes::from_owner(TrackedAnswer { answer, _permit: permit }))
    }
}

/// An answer with the permit of its memory.
struct TrackedAnswer {
    answer: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for TrackedAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

impl Permit {
    /// Acquires this much more, or nothing: then the error is 60008.
    pub(crate) fn acquire(&mut self, more: usize) -> Result<(), ApiError> {
        let max = self.gauge.max;
        let take = |taken: usize| taken.checked_add(more).filter(|taken| *taken <= max);
        if self.gauge.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return Err(ApiError::with_detail(
                ErrorCode::Timeout,
                "the server has reached its limit of requests in progress; send the request again",
                "服务器正在处理的请求已达上限，请重试",
            ));
        }
        self.taken += more;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gauge.taken.fetch_sub(self.taken, Ordering::Relaxed);
    }
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
