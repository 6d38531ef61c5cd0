//! What is known of a call once it was answered: plain data for the log, the measurements and an exporter of traces.

use crate::envelope::{Answer, ApiError};
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use portraitd_model::{Command, SdkAppId};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// How long the steps of a call took; those that were not reached took none.
#[derive(Default)]
pub struct Steps {
    /// Authentication.
    pub auth: Duration,
    /// Reading the body.
    pub body: Duration,
    /// Decoding, checking, the store and encoding.
    pub work: Duration,
    /// The store's part of it, in microseconds.
    pub store_micros: AtomicU64,
}

/// Measures how long a step takes.
pub(crate) async fn timed<T>(took: &mut Duration, step: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let outcome = step.await;
    *took = began.elapsed();
    outcome
}

/// A request that was answered.
pub struct CallRecord<'a> {
    /// The request without its body. Its query holds the UserSig and is never logged.
    pub head: &'a Parts,
    /// `None` when the path names none.
    pub command: Option<Command>,
    /// As the query says; `None` when it names none.
    pub sdk_app_id: Option<SdkAppId>,
    /// How long its steps took.
    pub steps: &'a Steps,
    /// What the caller is told.
    pub outcome: &'a Result<Answer, ApiError>,
    /// From the end of the request's head to the answer.
    pub elapsed: Duration,
    /// What the answer names it by, in `X-Request-Id`.
    pub request_id: &'a HeaderValue,
}

/// Takes note of calls that were answered.
pub trait CallExporter: Send + Sync + std::fmt::Debug {
    /// Never waits, and never fails: a call does not depend on it.
    fn export(&self, call: &CallRecord<'_>);
}
