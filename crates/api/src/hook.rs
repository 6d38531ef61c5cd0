//! Where something may take part in calls: `dev`'s emulator does, `serve` has nothing here.

use crate::envelope::{Answer, ApiError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use portraitd_model::{Command, Language, SdkAppId};
use std::sync::Arc;
use std::time::Instant;

/// Takes part in every call of a gateway.
pub trait CallHooks: Send + Sync {
    /// A request has come.
    fn begin(self: Arc<Self>) -> Box<dyn CallHook>;
}

/// Takes part in one call. What it learns on the way it keeps itself.
pub trait CallHook: Send {
    /// The caller was let in and the body was read. Gives the answer: that of `execute`, or another.
    fn around_execute<'a>(
        &'a mut self,
        call: AdmittedCall<'a>,
        execute: BoxFuture<'a, Result<Answer, ApiError>>,
    ) -> BoxFuture<'a, Result<Answer, ApiError>>;

    /// The answer is ready to leave. Also of requests that were refused before [`CallHook::around_execute`].
    fn after_response(self: Box<Self>, call: &FinishedCall<'_>, response: &mut Response<Full<Bytes>>);
}

/// A call whose caller was let in.
#[derive(Clone, Copy, Debug)]
pub struct AdmittedCall<'a> {
    /// The command that is called.
    pub command: Command,
    /// The app that is called.
    pub app: SdkAppId,
    /// The whole body, not decoded yet.
    pub body: &'a Bytes,
}

/// A call that was decided.
pub struct FinishedCall<'a> {
    /// The request without its body.
    pub head: &'a Parts,
    /// `None` when the path names none.
    pub command: Option<Command>,
    /// As the query says; `None` when it names none.
    pub app: Option<SdkAppId>,
    /// What the caller is told.
    pub outcome: &'a Result<Answer, ApiError>,
    /// When the request's head had been read.
    pub started: Instant,
    /// Of explanations.
    pub language: Language,
}
