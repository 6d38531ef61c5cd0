//! How much the server has in hand: calls, and the bytes of their bodies and answers. Beyond its bounds it says so at
//! once (60008), so that those it serves are served well and memory stays bounded.
//!
//! Only callers who were let in count. What a stranger sends is looked at and thrown away; nobody can fill these
//! bounds without a UserSig.

use crate::envelope::ApiError;
use bytes::Bytes;
use portraitd_model::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is in hand.
#[derive(Debug)]
pub(crate) struct AdmissionControl {
    calls: Arc<Gauge>,
    bodies: Arc<Gauge>,
    /// Apart from the bodies: answers that nobody reads must not keep requests out.
    answers: Arc<Gauge>,
}

#[derive(Debug)]
struct Gauge {
    taken: AtomicUsize,
    max: usize,
}

/// A part of what may be in hand; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gauge: Arc<Gauge>,
    taken: usize,
}

impl AdmissionControl {
    /// At most so many calls, so many bytes of their bodies, and as many of their answers.
    pub(crate) fn new(calls_max: usize, bytes_max: usize) -> Self {
        let gauge = |max| Arc::new(Gauge { taken: AtomicUsize::new(0), max });
        Self { calls: gauge(calls_max), bodies: gauge(bytes_max), answers: gauge(bytes_max) }
    }

    /// One more call.
    pub(crate) fn call(&self) -> Result<Permit, ApiError> {
        let mut share = Permit { gauge: Arc::clone(&self.calls), taken: 0 };
        share.grow(1)?;
        Ok(share)
    }

    /// Room for a body, empty yet.
    pub(crate) fn room(&self) -> Permit {
        Permit { gauge: Arc::clone(&self.bodies), taken: 0 }
    }

    /// An answer that counts until the last byte of it is sent. Small ones are not counted: each connection has one at
    /// most.
    pub(crate) fn hold(&self, answer: Bytes) -> Result<Bytes, ApiError> {
        const SMALL: usize = 16 * 1024;
        if answer.len() <= SMALL {
            return Ok(answer);
        }
        let mut share = Permit { gauge: Arc::clone(&self.answers), taken: 0 };
        share.grow(answer.len())?;
        Ok(Bytes::from_owner(Held { answer, _share: share }))
    }
}

/// An answer on its way.
struct Held {
    answer: Bytes,
    _share: Permit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

impl Permit {
    /// Takes so much more, or nothing.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), ApiError> {
        let max = self.gauge.max;
        let take = |taken: usize| taken.checked_add(more).filter(|taken| *taken <= max);
        if self.gauge.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return Err(ApiError::with_detail(
                ErrorCode::Timeout,
                "the server has as many requests in hand as it can serve; send the request again",
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
    fn what_is_in_hand_is_bounded_and_given_back() {
        let load = AdmissionControl::new(2, 100_000);
        let calls = [load.call().unwrap(), load.call().unwrap()];
        assert_eq!(load.call().err().map(|error| error.code()), Some(ErrorCode::Timeout));
        drop(calls);
        assert!(load.call().is_ok());
        let mut body = load.room();
        assert!(body.grow(60_000).is_ok() && body.grow(60_000).is_err() && body.grow(40_000).is_ok());
        drop(body);
        let answer = load.hold(Bytes::from(vec![7; 90_000])).unwrap();
        let part = answer.slice(10..20);
        drop(answer);
        assert!(load.hold(Bytes::from(vec![0; 20_000])).is_err(), "a part of the answer is still to be sent");
        assert!(load.hold(Bytes::from_static(b"small")).is_ok(), "small answers always go");
        assert!(load.room().grow(100_000).is_ok(), "bodies have room of their own");
        drop(part);
        assert!(load.hold(Bytes::from(vec![0; 20_000])).is_ok());
    }
}
