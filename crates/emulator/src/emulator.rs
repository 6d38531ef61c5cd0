//! The state of an emulator, and its hook into `/v4` calls: it injects faults and records every call. Only `dev` makes an
//! [`Emulator`]; `serve` has no hook.

use crate::broken_response::ResponseFault;
use crate::call_log::{CallTrace, RecordedCall};
use crate::clock::EmulatorClock;
use crate::command_name::Others;
use crate::diagnosis::Diagnoses;
use crate::fault::rule::Effect;
use crate::fault::{CallMatch, Faults};
use crate::odd_usersig::OddUserSigs;
use crate::proxy::callers::ProxiedCallers;
use crate::refused::RefusedRequest;
use crate::refused::log::RefusedLog;
use crate::ring_buffer::RingBuffer;
use crate::sandbox::Sandbox;
use crate::webhook_inbox::InboxEntry;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::header::HeaderValue;
use portraitd_api::envelope::{Answer, ApiError};
use portraitd_api::hook::{AdmittedCall, CallHook, CallHooks, FinishedCall, RefusedSig};
use portraitd_model::{Clock, Diagnosis, ErrorCode, OtherCommand, SdkAppId};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, watch};

/// The response header with the id of the fault rule that fired.
const FAULT: &str = "x-portraitd-fault";
/// The most live streams at once.
pub(crate) const STREAMS_MAX: usize = 16;

/// The state that the control API reads and changes.
pub struct Emulator {
    pub(crate) clock: Arc<EmulatorClock>,
    /// The fault rules.
    pub faults: Faults,
    pub(crate) calls: RingBuffer<RecordedCall>,
    /// The requests that were not answered with success, and what never became a request.
    pub refused: RefusedLog,
    pub(crate) inbox: RingBuffer<InboxEntry>,
    /// `None` when the data is kept on disk.
    pub sandbox: Option<Sandbox>,
    /// The app that `dev` prints.
    pub(crate) app: SdkAppId,
    /// The addresses and credentials that `portraitd env` prints; set when every port listens.
    pub environment: OnceLock<serde_json::Value>,
    /// Counts the changes of faults, clock and data; notifies the live streams.
    pub(crate) changes: watch::Sender<u64>,
    /// The callers on the proxy's connections.
    pub(crate) callers: Arc<ProxiedCallers>,
    /// A permit for each live stream.
    pub(crate) streams: Arc<Semaphore>,
    /// What the rest of the cloud's commands are answered.
    pub(crate) others: Others,
    diagnoses: Diagnoses,
    odd_usersigs: OddUserSigs,
}

impl Emulator {
    /// Returns an emulator without faults and recorded calls. `app` is the default template of throw-away apps.
    pub fn new(clock: Arc<EmulatorClock>, sandbox: Option<Sandbox>, app: SdkAppId, others: Others) -> Self {
        Self {
            clock,
            faults: Faults::default(),
            calls: RingBuffer::default(),
            refused: RefusedLog::default(),
            inbox: RingBuffer::default(),
            sandbox,
            app,
            environment: OnceLock::new(),
            changes: watch::Sender::default(),
            callers: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            others,
            diagnoses: Diagnoses::default(),
            odd_usersigs: OddUserSigs::default(),
        }
    }

    /// Returns how many requests to `/v4` have arrived since the start, whatever became of them.
    pub fn calls_received(&self) -> u64 {
        self.calls.last_number()
    }
}

impl CallHooks for Emulator {
    fn begin(self: Arc<Self>) -> Box<dyn CallHook> {
        Box::new(EmulatedCall { emulator: self, trace: CallTrace::default() })
    }
}

/// The hook of one call.
struct EmulatedCall {
    emulator: Arc<Emulator>,
    trace: CallTrace,
}

impl CallHook for EmulatedCall {
    fn other_command(&self, path: &str) -> Option<&'static OtherCommand> {
        match self.emulator.others {
            Others::Ok => OtherCommand::at_path(path),
            Others::Refuse => None,
        }
    }

    fn diagnose<'a>(&'a self, refused: RefusedSig<'a>) -> BoxFuture<'a, Option<Diagnosis>> {
        Box::pin(self.emulator.diagnoses.find(refused))
    }

    fn around_execute<'a>(
        &'a mut self,
        call: AdmittedCall<'a>,
        execute: BoxFuture<'a, Result<Answer, ApiError>>,
    ) -> BoxFuture<'a, Result<Answer, ApiError>> {
        let users = crate::recorded_body::named_users(call.body);
        let AdmittedCall { command_path, host, app, .. } = call;
        let call_match = CallMatch { command_path, host, app, users: &users };
        let fault = self.emulator.faults.first_firing(&call_match);
        self.trace = CallTrace { body: call.body.clone(), users, fault };
        let Some(fired) = fault else { return execute };
        Box::pin(async move {
            tokio::time::sleep(fired.delay).await;
            match fired.effect {
                Effect::Code(code, _) => Err(code.error()),
                // The connection is closed instead, so this error is never sent.
                Effect::CloseBefore => Err(ApiError::new(ErrorCode::Timeout)),
                Effect::Respond(_) | Effect::DelayOnly => execute.await,
            }
        })
    }

    fn after_response(self: Box<Self>, call: &FinishedCall<'_>, response: &mut Response<Full<Bytes>>) {
        let Self { emulator, trace } = *self;
        let answer = response.body().clone().collect().now_or_never();
        let answer = answer.and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let (at, request_id) = (emulator.clock.now(), request_id.unwrap_or_default());
        let recorded = RecordedCall::of(call, &trace, at, request_id, &answer);
        if let Some(refused) = RefusedRequest::of_call(&recorded, call.outcome.as_ref().err()) {
            emulator.refused.add(refused);
        } else if let Some(odd) =
            emulator.odd_usersigs.warning(call.head.uri.query().unwrap_or_default(), call.app, at)
        {
            emulator.refused.add(odd);
        }
        emulator.calls.push(recorded);
        let Some(fired) = trace.fault else { return };
        response.headers_mut().insert(FAULT, HeaderValue::from(fired.rule));
        let fault = match fired.effect {
            Effect::CloseBefore => ResponseFault::Close,
            Effect::Respond(fault) | Effect::Code(_, Some(fault)) => fault,
            Effect::Code(_, None) | Effect::DelayOnly => return,
        };
        response.extensions_mut().insert(PendingFault { fault, body: answer });
    }
}

/// A fault that the listener applies to a response, and the complete body of that response.
#[derive(Clone)]
pub(crate) struct PendingFault {
    pub(crate) fault: ResponseFault,
    pub(crate) body: Bytes,
}
