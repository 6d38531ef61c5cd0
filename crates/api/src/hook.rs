//! The traits through which the emulator takes part in calls. `serve` has no hooks.

use crate::envelope::{Answer, ApiError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use portraitd_model::{Command, Language, SdkAppId};
use std::sync::Arc;
use std::time::Instant;

/// Creates a hook for every call of a gateway.
pub trait CallHooks: Send + Sync {
    /// Called when a request has arrived.
    fn begin(self: Arc<Self>) -> Box<dyn CallHook>;
}

/// Takes part in one call, and keeps its own state from one method to the next.
pub trait CallHook: Send {
    /// Called when the caller is authenticated and the body was read. Returns the answer: that of `execute`, or another.
    fn around_execute<'a>(
        &'a mut self,
        call: AdmittedCall<'a>,
        execute: BoxFuture<'a, Result<Answer, ApiError>>,
    ) -> BoxFuture<'a, Result<Answer, ApiError>>;

    /// Called before the response is sent, also for requests that were refused before [`CallHook::around_execute`].
    fn after_response(self: Box<Self>, call: &FinishedCall<'_>, response: &mut Response<Full<Bytes>>);
}

/// A call whose caller is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct AdmittedCall<'a> {
    /// The command that is called.
    pub command: Command,
    /// The app that is called.
    pub app: SdkAppId,
    /// The whole body, not decoded.
    pub body: &'a Bytes,
}

/// A call with its outcome.
pub struct FinishedCall<'a> {
    /// The request's head.
    pub head: &'a Parts,
    /// `None` when the path names none.
    pub command: Option<Command>,
    /// The app in the query; `None` when there is none.
    pub app: Option<SdkAppId>,
    /// The answer or error.
    pub outcome: &'a Result<Answer, ApiError>,
    /// When the request's head was read.
    pub started: Instant,
    /// The language of explanations.
    pub language: Language,
}
