//! The emulator: what `portraitd dev` can do beyond serving, so that tests can rehearse what the cloud never lets them.
//! Only `dev` makes an [`Emulator`]; in `serve` there is none, and nothing here can be reached.

mod calls;
mod clock;
pub(crate) mod control;
pub(crate) mod fault;
mod front;
mod inbox;
mod manner;
mod ring;
mod sandbox;
pub(crate) mod seed;

pub(crate) use calls::{Ended, Trace};
pub(crate) use clock::EmulatorClock;
pub(crate) use front::Front;
pub(crate) use sandbox::Sandbox;

use crate::api::{Answer, ApiError};
use bytes::Bytes;
use calls::Called;
use fault::{Effect, Faults, Met};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::header::HeaderValue;
use inbox::Told;
use manner::Manner;
use portrait_model::{Clock, ErrorCode, SdkAppId};
use ring::Ring;
use std::sync::{Arc, OnceLock};

/// Names the fault rule that a call met.
const FAULT: &str = "x-portraitd-fault";

/// Everything that tests can set and look at.
pub(crate) struct Emulator {
    pub(crate) clock: Arc<EmulatorClock>,
    pub(crate) faults: Faults,
    calls: Ring<Called>,
    inbox: Ring<Told>,
    /// `None` where the data is kept on a disk.
    pub(crate) sandbox: Option<Sandbox>,
    /// The app that `dev` made.
    app: SdkAppId,
    /// Where its ports are and who may call it: set once all of them listen.
    pub(crate) environment: OnceLock<serde_json::Value>,
}

impl Emulator {
    pub(crate) fn new(clock: Arc<EmulatorClock>, sandbox: Option<Sandbox>, app: SdkAppId) -> Self {
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

    /// Answers a call that was let in and whose body was read: as a fault wants it, or as `answering` does.
    pub(crate) async fn rehearse(
        &self,
        (command, app): (&str, SdkAppId),
        body: &Bytes,
        answering: impl Future<Output = Result<Answer, ApiError>>,
        trace: &mut Trace,
    ) -> Result<Answer, ApiError> {
        trace.body = body.clone();
        trace.users = calls::users_of(body);
        trace.fault = self.faults.pick(&Met { command, app, users: &trace.users });
        let Some(fired) = trace.fault else { return answering.await };
        tokio::time::sleep(fired.delay).await;
        match fired.effect {
            Effect::Code(code) => Err(ApiError::new(code)),
            // Nobody hears it.
            Effect::CloseBefore => Err(ApiError::new(ErrorCode::Timeout)),
            Effect::Answer(_) | Effect::Late => answering.await,
        }
    }

    /// Notes a call at its end, and how its answer is to leave.
    pub(crate) fn ended(&self, ended: &Ended<'_>, response: &mut Response<Full<Bytes>>) {
        let answer = response.body().clone().collect().now_or_never();
        let answer = answer.and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        self.calls.push(Called::of(ended, self.clock.now(), request_id.unwrap_or_default(), &answer));
        let Some(fired) = ended.trace.fault else { return };
        response.headers_mut().insert(FAULT, HeaderValue::from(fired.rule));
        let manner = match fired.effect {
            Effect::CloseBefore => Manner::Cut,
            Effect::Answer(manner) => manner,
            Effect::Code(_) | Effect::Late => return,
        };
        response.extensions_mut().insert(Leaving { manner, answer });
    }
}

/// How an answer is to leave, and the whole of it.
#[derive(Clone)]
struct Leaving {
    manner: Manner,
    answer: Bytes,
}
