//! The traits through which the emulator takes part in calls. `serve` has no hooks.

use crate::envelope::{Answer, ApiError};
use crate::registry::Registry;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use portraitd_model::{Diagnosis, Language, OtherCommand, SdkAppId, UnixSeconds};
use std::sync::Arc;
use std::time::Duration;

/// Creates a hook for every call of a gateway.
pub trait CallHooks: Send + Sync {
    /// Called when a request has arrived.
    fn begin(self: Arc<Self>) -> Box<dyn CallHook>;
}

/// Takes part in one call, and keeps its own state from one method to the next.
pub trait CallHook: Send + Sync {
    /// Returns the cloud's command at a path that portraitd does not have, if it is answered with success here.
    fn other_command(&self, path: &str) -> Option<&'static OtherCommand>;

    /// Called when a UserSig was refused; says why. `None` when there is nothing to add to the code.
    fn diagnose<'a>(&'a self, refused: RefusedSig<'a>) -> BoxFuture<'a, Option<Diagnosis>>;

    /// Called when the caller is authenticated and the body was read. Returns the answer: that of `execute`, or another.
    fn around_execute<'a>(
        &'a mut self,
        call: AdmittedCall<'a>,
        execute: BoxFuture<'a, Result<Answer, ApiError>>,
    ) -> BoxFuture<'a, Result<Answer, ApiError>>;

    /// Called before the response is sent, also for requests that were refused before [`CallHook::around_execute`].
    fn after_response(self: Box<Self>, call: &FinishedCall<'_>, response: &mut Response<Full<Bytes>>);
}

/// A UserSig that was refused, and what it was to be good for.
#[derive(Clone, Copy)]
pub struct RefusedSig<'a> {
    /// The app in the query.
    pub app: SdkAppId,
    /// The text in the query.
    pub usersig: &'a str,
    /// The account in the query.
    pub identifier: &'a str,
    /// The server's time.
    pub now: UnixSeconds,
    /// Every app, with its keys.
    pub registry: &'a Registry,
}

/// A call whose caller is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct AdmittedCall<'a> {
    /// The path of the command that is called, as the tables have it.
    pub command_path: &'static str,
    /// The host name that the request is for, without the port; `None` when it has none.
    pub host: Option<&'a str>,
    /// The app that is called.
    pub app: SdkAppId,
    /// The whole body, not decoded.
    pub body: &'a Bytes,
}

/// A call with its outcome.
pub struct FinishedCall<'a> {
    /// The request's head.
    pub head: &'a Parts,
    /// The path of the command, as the tables have it; `None` when the request's path is that of none.
    pub command_path: Option<&'static str>,
    /// The app in the query; `None` when there is none.
    pub app: Option<SdkAppId>,
    /// The answer or error.
    pub outcome: &'a Result<Answer, ApiError>,
    /// The time from the end of the request's head to the answer, without what was spent on the body of a refused request.
    pub elapsed: Duration,
    /// The language of explanations.
    pub language: Language,
}
