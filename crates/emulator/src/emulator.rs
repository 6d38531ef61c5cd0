//! The emulator: what `portraitd dev` can do beyond serving, so that tests can rehearse what the cloud never lets them.
//! Only `dev` makes an [`Emulator`]; in `serve` there is none, and nothing here can be reached.

use crate::broken_response::ResponseFault;
use crate::call_log::{RecordedCall, Trace};
use crate::clock::EmulatorClock;
use crate::fault::rule::Effect;
use crate::fault::{CallMatch, Faults};
use crate::ring_buffer::Ring;
use crate::sandbox::Sandbox;
use crate::webhook_inbox::InboxEntry;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::header::HeaderValue;
use portraitd_api::envelope::{Answer, ApiError};
use portraitd_api::hook::{AdmittedCall, CallHook, CallHooks, FinishedCall};
use portraitd_model::{Clock, ErrorCode, SdkAppId};
use std::sync::{Arc, OnceLock};

/// Names the fault rule that a call met.
const FAULT: &str = "x-portraitd-fault";

/// Everything that tests can set and look at.
pub struct Emulator {
    pub(crate) clock: Arc<EmulatorClock>,
    /// The fault rules in force.
    pub faults: Faults,
    pub(crate) calls: Ring<RecordedCall>,
    pub(crate) inbox: Ring<InboxEntry>,
    /// `None` where the data is kept on a disk.
    pub sandbox: Option<Sandbox>,
    /// The app that `dev` made.
    pub(crate) app: SdkAppId,
    /// Where its ports are and who may call it: set once all of them listen.
    pub environment: OnceLock<serde_json::Value>,
}

impl Emulator {
    /// Makes one without faults in which nothing was called. `app` is the one that throw-away apps are made like.
    pub fn new(clock: Arc<EmulatorClock>, sandbox: Option<Sandbox>, app: SdkAppId) -> Self {
        Self {
            clock,
            faults: Faults::default(),
            calls: Ring::default(),
            inbox: Ring::default(),
            sandbox,
            app,
            environment: OnceLock::new(),
        }
    }
}

impl CallHooks for Emulator {
    fn begin(self: Arc<Self>) -> Box<dyn CallHook> {
        Box::new(EmulatedCall { emulator: self, trace: Trace::default() })
    }
}

/// A call that faults may change, and that is noted for assertions.
struct EmulatedCall {
    emulator: Arc<Emulator>,
    trace: Trace,
}

impl CallHook for EmulatedCall {
    fn around_execute<'a>(
        &'a mut self,
        call: AdmittedCall<'a>,
        execute: BoxFuture<'a, Result<Answer, ApiError>>,
    ) -> BoxFuture<'a, Result<Answer, ApiError>> {
        let users = crate::call_log::users_of(call.body);
        let met = CallMatch { command: call.command.name(), app: call.app, users: &users };
        let fault = self.emulator.faults.pick(&met);
        self.trace = Trace { body: call.body.clone(), users, fault };
        let Some(fired) = fault else { return execute };
        Box::pin(async move {
            tokio::time::sleep(fired.delay).await;
            match fired.effect {
                Effect::Code(code) => Err(ApiError::new(code)),
                // It is never sent.
                Effect::CloseBefore => Err(ApiError::new(ErrorCode::Timeout)),
                Effect::Answer(_) | Effect::Late => execute.await,
            }
        })
    }

    fn after_response(self: Box<Self>, call: &FinishedCall<'_>, response: &mut Response<Full<Bytes>>) {
        let Self { emulator, trace } = *self;
        let answer = response.body().clone().collect().now_or_never();
        let answer = answer.and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let (at, request_id) = (emulator.clock.now(), request_id.unwrap_or_default());
        emulator.calls.push(RecordedCall::of(call, &trace, at, request_id, &answer));
        let Some(fired) = trace.fault else { return };
        response.headers_mut().insert(FAULT, HeaderValue::from(fired.rule));
        let manner = match fired.effect {
            Effect::CloseBefore => ResponseFault::Cut,
            Effect::Answer(manner) => manner,
            Effect::Code(_) | Effect::Late => return,
        };
        response.extensions_mut().insert(Leaving { manner, answer });
    }
}

/// How an answer is to leave, and the whole of it.
#[derive(Clone)]
pub(crate) struct Leaving {
    pub(crate) manner: ResponseFault,
    pub(crate) answer: Bytes,
}
