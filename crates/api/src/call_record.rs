//! The record of an answered call: plain data for the log, the metrics and an exporter of traces.

use crate::envelope::{Answer, ApiError};
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use portraitd_model::{Command, SdkAppId};
use std::mem;
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// How long the steps of a call took; a step that was not reached took no time.
#[derive(Default)]
pub struct CallTimings {
    /// Authentication, and the checks before it.
    pub auth: Duration,
    /// Reading the body.
    pub body: Duration,
    /// Decoding, checking, the store and encoding.
    pub work: Duration,
    /// The store's part of `work`, in microseconds.
    pub store_micros: AtomicU64,
}

/// Times steps that follow one another: each reading of the clock ends one and begins the next.
pub(crate) struct StepTimer(Instant);

impl StepTimer {
    pub(crate) fn started(at: Instant) -> Self {
        Self(at)
    }

    /// Returns how long the step took that ends now.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(mem::replace(&mut self.0, now))
    }
}

/// An answered request.
pub struct CallRecord<'a> {
    /// The request's head. Its query contains the UserSig and is never logged.
    pub head: &'a Parts,
    /// `None` when the path names none.
    pub command: Option<Command>,
    /// The app in the query; `None` when there is none.
    pub sdk_app_id: Option<SdkAppId>,
    /// The caller's address; behind a trusted proxy, the one that the proxy reports.
    pub client: IpAddr,
    /// The account that the call names as its caller, authenticated or not; `None` without an access log.
    pub identifier: Option<String>,
    /// How long its steps took.
    pub timings: &'a CallTimings,
    /// The answer or error.
    pub outcome: &'a Result<Answer, ApiError>,
    /// The time from the end of the request's head to the answer, without what was spent on the body of a refused request.
    pub elapsed: Duration,
    /// The id in the answer's `X-Request-Id`.
    pub request_id: &'a HeaderValue,
}

/// Exports answered calls.
pub trait CallExporter: Send + Sync + std::fmt::Debug {
    /// Exports one call. Must neither block nor fail: the answer is sent after it returns.
    fn export(&self, call: &CallRecord<'_>);
}
