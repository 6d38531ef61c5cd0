//! The record of an answered call: plain data for the log, the metrics and an exporter of traces.

use crate::envelope::{Answer, ApiError};
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use portraitd_model::{Command, SdkAppId};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// How long the steps of a call took; a step that was not reached took no time.
#[derive(Default)]
pub struct CallTimings {
    /// Authentication.
    pub auth: Duration,
    /// Reading the body.
    pub body: Duration,
    /// Decoding, checking, the store and encoding.
    pub work: Duration,
    /// The store's part of `work`, in microseconds.
    pub store_micros: AtomicU64,
}

/// Runs a step and sets how long it took.
pub(crate) async fn timed<T>(elapsed: &mut Duration, step: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let output = step.await;
    *elapsed = began.elapsed();
    output
}

/// An answered request.
pub struct CallRecord<'a> {
    /// The request's head. Its query contains the UserSig and is never logged.
    pub head: &'a Parts,
    /// `None` when the path names none.
    pub command: Option<Command>,
    /// The app in the query; `None` when there is none.
    pub sdk_app_id: Option<SdkAppId>,
    /// How long its steps took.
    pub timings: &'a CallTimings,
    /// The answer or error.
    pub outcome: &'a Result<Answer, ApiError>,
    /// The time from the end of the request's head to the answer.
    pub elapsed: Duration,
    /// The id in the answer's `X-Request-Id`.
    pub request_id: &'a HeaderValue,
}

/// Exports answered calls.
pub trait CallExporter: Send + Sync + std::fmt::Debug {
    /// Exports one call. Must neither block nor fail: the answer is sent after it returns.
    fn export(&self, call: &CallRecord<'_>);
}
