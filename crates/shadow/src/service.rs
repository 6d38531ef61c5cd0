//! The way of a call: to the side that answers, back to the caller, to the other side, and into the report.

use crate::account_locks::{Access, AccountLocks};
use crate::answer::{ProtocolAnswer, Verdict};
use crate::call::{Call, without_connection};
use crate::compare::{Context, compare};
use crate::digest::Digests;
use crate::memory::Memory;
use crate::named::{Named, is_write};
use crate::no_answer::{explain, explain_body, no_answer};
use crate::outcome::MadeCall;
use crate::report::{OnFirst, Report};
use crate::report_view::{NotCompared, ReportView};
use crate::side::{Side, Sides};
use crate::unsettled::{LATE_EXECUTION, Moment, Unsettled};
use crate::upstream::{NoReply, Reply, Upstream};
use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response};
use portraitd_http::request_body::RequestBody;
use portraitd_http::server_url::ServerUrl;
use portraitd_model::{Bilingual, Clock, Command, Language, SdkAppId, bilingual};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// The most calls in progress; a further one waits.
const CALLS_MAX: usize = 1024;
/// How long a call waits to be in progress, and then for calls of its accounts, before it is not compared.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// The most bytes of a request's body.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The longest time from a request's head to the end of its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The memory of all bodies, of requests and of answers.
const MEMORY_BYTES_MAX: usize = 256 << 20;

/// Codes that depend on when a UserSig was checked: it has expired, or its user was kicked.
const SIG_TIME_CODES: [u64; 2] = [70001, 70052];

/// What shadow mode is made of.
pub struct ShadowParts<'a> {
    /// Both sides.
    pub urls: Sides<ServerUrl>,
    /// Certificates that are trusted beside the system's.
    pub ca: Option<&'a Path>,
    /// The side whose answers callers get at first.
    pub answers_from: Side,
    /// How long an answer of either side may take.
    pub time_limit: Duration,
    /// Random bytes: the salt of the digests, and the name of this run.
    pub random: [u8; 32],
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The language of explanations.
    pub language: Language,
    /// Called with the first difference of each kind, command and member.
    pub on_first: OnFirst,
}

/// Forwards calls to both sides and compares their answers.
pub struct Shadow {
    pub(crate) sides: Sides<Upstream>,
    here_answers: AtomicBool,
    time_limit: Duration,
    locks: AccountLocks,
    unsettled: Mutex<Unsettled>,
    report: Report,
    digests: Digests,
    memory: Memory,
    calls: Arc<Semaphore>,
    via: HeaderValue,
    clock: Arc<dyn Clock>,
    language: Language,
}

/// A caller that waits for its answer.
struct WaitingCaller(oneshot::Sender<Response<Full<Bytes>>>);

impl Shadow {
    /// Returns shadow mode for these sides; calls nothing yet.
    pub fn new(parts: ShadowParts<'_>) -> anyhow::Result<Self> {
        let ShadowParts { urls, ca, answers_from, time_limit, random, clock, language, on_first } = parts;
        let memory = Memory::new(MEMORY_BYTES_MAX);
        let upstream = |url| Upstream::new(url, ca, memory.clone(), time_limit);
        let digests = Digests::new(random);
        let via = format!("1.1 portraitd-shadow-{}", digests.text("the name of this run"));
        Ok(Self {
            sides: Sides { cloud: upstream(urls.cloud)?, here: upstream(urls.here)? },
            here_answers: AtomicBool::new(answers_from == Side::Here),
            time_limit,
            locks: AccountLocks::new(),
            unsettled: Mutex::default(),
            report: Report::new(clock.now(), on_first),
            digests,
            memory,
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            via: HeaderValue::from_str(&via).context("Via")?,
            clock,
            language,
        })
    }

    /// Returns the side whose answers callers get.
    pub fn answers_from(&self) -> Side {
        if self.here_answers.load(Ordering::SeqCst) { Side::Here } else { Side::Cloud }
    }

    /// Lets callers get the answers of this side from the next call on. Calls in progress end as they began.
    pub(crate) fn answer_from(&self, side: Side) {
        self.here_answers.store(side == Side::Here, Ordering::SeqCst);
    }

    /// Returns what was counted so far.
    pub fn report(&self) -> ReportView {
        let unsettled = self.unsettled().count();
        self.report.view(self.clock.now(), self.answers_from(), unsettled)
    }

    /// Begins to count from zero, and takes both sides for equal.
    pub(crate) fn clear(&self) {
        self.unsettled().clear();
        self.report.clear(self.clock.now());
    }

    /// Waits until every call has been made on both sides, up to this long. Call it when no more requests come.
    pub async fn finish(&self, at_most: Duration) {
        let all = u32::try_from(CALLS_MAX).unwrap_or(u32::MAX);
        if timeout(at_most, self.calls.acquire_many(all)).await.is_err() {
            let sentence = bilingual!(
                "calls were still in progress; their second side may lack them",
                "仍有请求未完成，其另一边可能缺少这些请求"
            );
            tracing::warn!("{}", sentence.pick(self.language));
        }
    }

    /// Tells the operator what changed.
    pub(crate) fn tell(&self, sentence: &Bilingual) {
        tracing::info!("{}", sentence.pick(self.language));
    }

    /// Answers one request.
    pub async fn answer(
        self: Arc<Self>,
        request: Request<RequestBody>,
        peer: IpAddr,
    ) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if self.is_own(&head.headers) {
            return self.refused(&bilingual!(
                "the call has come back to portraitd shadow: one of its two addresses leads to itself",
                "请求回到了 portraitd shadow：其两个地址之一指向它自身"
            ));
        }
        let body = match timeout(BODY_TIMEOUT, self.memory.read(body, BODY_BYTES_MAX)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => return self.refused(&explain_body(error)),
            Err(_) => {
                return self.refused(&bilingual!("the body did not arrive in time", "未及时收到请求体"));
            }
        };
        let waiting = timeout(WAIT_MAX, Arc::clone(&self.calls).acquire_owned());
        let Ok(Ok(permit)) = waiting.await else {
            return self.refused(&bilingual!(
                "{CALLS_MAX} calls are in progress; none ended in time",
                "已有 {CALLS_MAX} 个请求在处理中，且均未及时完成"
            ));
        };
        let call = Call::new(head, body.bytes.clone(), peer);
        let (send, answered) = oneshot::channel();
        let shadow = Arc::clone(&self);
        // A task of its own: when the caller disconnects, the call must still be made on the other side.
        tokio::spawn(async move {
            shadow.carry_out(&call, WaitingCaller(send)).await;
            drop((body, permit));
        });
        answered
            .await
            .unwrap_or_else(|_| no_answer(self.language, &bilingual!("an internal error", "内部错误")))
    }

    async fn carry_out(&self, call: &Call, caller: WaitingCaller) {
        let Some(command) = call.command else {
            let reply = self.ask(Side::Cloud, call).await;
            caller.answer(self.response(Side::Cloud, reply));
            return self.report.forwarded(call.path());
        };
        let named = Named::of(command, call.app, &call.body);
        let access = if is_write(command) { Access::Write } else { Access::Read };
        let accounts = named.accounts.iter().map(|account| (account.as_str(), access));
        // A kick of the caller decides over its UserSig.
        let identifier = call.identifier.as_deref().map(|identifier| (identifier, Access::Read));
        let acquiring = self.locks.acquire(call.app, accounts.chain(identifier));
        let Ok(held) = timeout(WAIT_MAX, acquiring).await else {
            return self.call_alone(command, &named, call, caller).await;
        };
        self.call_both(command, &named, call, caller).await;
        drop(held);
    }

    /// Makes a call on the side that answers alone: other calls hold its accounts, and callers must not wait for long.
    async fn call_alone(&self, command: Command, named: &Named, call: &Call, caller: WaitingCaller) {
        let (first, now) = (self.answers_from(), self.now());
        // Before it is sent: what compares meanwhile must know.
        let made = made_call(command, named, call, now, now);
        made.note_unknown(&mut self.unsettled(), now.instant + self.time_limit + LATE_EXECUTION);
        let reply = self.ask(first, call).await;
        caller.answer(self.response(first, reply));
        self.report.not_compared(command, NotCompared::Busy);
    }

    async fn call_both(&self, command: Command, named: &Named, call: &Call, caller: WaitingCaller) {
        let (first, began) = (self.answers_from(), self.now());
        let reply = self.ask(first, call).await;
        let (verdict, was_sent) = (Verdict::of(&reply), may_have_arrived(&reply));
        caller.answer(self.response(first, reply));
        let made = || made_call(command, named, call, began, self.now());
        let in_a_while = || Instant::now() + LATE_EXECUTION;
        let of_first = match verdict {
            Verdict::Definite(answer) => answer,
            Verdict::Limited(_) => return self.report.not_compared(command, limit_of(first)),
            Verdict::Unknown => {
                if was_sent {
                    made().note_unknown(&mut self.unsettled(), in_a_while());
                }
                return self.report.not_compared(command, unknown_of(first));
            }
        };
        if first == Side::Here && is_write(command) && !of_first.is_done() {
            // Done there, it would be a change that the caller takes for refused.
            return self.report.not_compared(command, NotCompared::HereRefused);
        }
        let second = first.other();
        let reply = self.ask_for_comparison(second, call).await;
        let of_second = match (Verdict::of(&reply), second) {
            (Verdict::Definite(answer), _) | (Verdict::Limited(answer), Side::Here) => answer,
            (Verdict::Limited(_), Side::Cloud) => {
                made().note_unknown(&mut self.unsettled(), Instant::now());
                return self.report.not_compared(command, NotCompared::CloudLimit);
            }
            (Verdict::Unknown, _) => {
                let was_sent = may_have_arrived(&reply);
                if was_sent || of_first.is_done() {
                    let not_before = if was_sent { in_a_while() } else { Instant::now() };
                    made().note_unknown(&mut self.unsettled(), not_before);
                }
                return self.report.not_compared(command, unknown_of(second));
            }
        };
        self.compare(&made(), call, &Sides::in_order(first, of_first, of_second));
    }

    /// Compares two answers, and notes what they tell about the accounts.
    fn compare(&self, made: &MadeCall<'_>, call: &Call, answers: &Sides<ProtocolAnswer>) {
        let Sides { cloud, here } = answers;
        let (unsettled, is_sig_settled) = {
            let unsettled = self.unsettled();
            let by_time = [cloud.code, here.code].iter().any(|code| SIG_TIME_CODES.contains(code));
            let sig = call.identifier.as_deref().zip(call.sig_times).filter(|_| by_time);
            let now = made.ended.unix_seconds;
            let settled = sig.is_none_or(|(user, sig)| unsettled.is_sig_settled(made.app, user, sig, now));
            (unsettled.of(made.app, &made.named.accounts), settled)
        };
        let context = Context {
            named: made.named,
            app: SdkAppId(made.app),
            digests: &self.digests,
            unsettled: &unsettled,
            is_sig_settled,
        };
        let compared = compare(&context, cloud, here);
        if compared.is_cut {
            let sentence = bilingual!(
                "one call has more differences than are counted",
                "一次调用的差异多于可计数的上限"
            );
            tracing::warn!(command = made.command.name(), "{}", sentence.pick(self.language));
        }
        {
            let mut unsettled = self.unsettled();
            if is_write(made.command) {
                made.note_write(&mut unsettled, &Sides { cloud, here });
            } else if cloud.code == here.code {
                made.note_read(&mut unsettled, cloud, &compared.accounts);
            }
        }
        let codes = Sides { cloud: cloud.code, here: here.code };
        self.report.compared(made.command, self.clock.now(), codes, compared);
    }

    async fn ask(&self, side: Side, call: &Call) -> Result<Reply, NoReply> {
        let request = self.request(side, call)?;
        self.sides.get(side).call(request).await
    }

    async fn ask_for_comparison(&self, side: Side, call: &Call) -> Result<Reply, NoReply> {
        let request = self.request(side, call)?;
        self.sides.get(side).call_unless_paused(request).await
    }

    fn request(&self, side: Side, call: &Call) -> Result<Request<Full<Bytes>>, NoReply> {
        let url = &self.sides.get(side).url;
        let request = match side {
            Side::Cloud => call.to_cloud(url, &self.via),
            Side::Here => call.to_here(url, &self.via),
        };
        request.map_err(|_| NoReply::Unsent)
    }

    /// Returns what the caller gets: the answer as it came, save the headers of the connection.
    fn response(&self, side: Side, reply: Result<Reply, NoReply>) -> Response<Full<Bytes>> {
        let Reply { mut head, body } = match reply {
            Ok(reply) => reply,
            Err(reason) => return no_answer(self.language, &explain(side, reason, self.time_limit)),
        };
        without_connection(&mut head.headers);
        let mut response = Response::new(Full::new(body.bytes));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        response
    }

    /// Answers a request that is not forwarded, and closes its connection.
    fn refused(&self, why: &Bilingual) -> Response<Full<Bytes>> {
        self.report.not_forwarded();
        tracing::debug!("a request was not forwarded: {}", why.english());
        let mut response = no_answer(self.language, why);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// Whether this process has forwarded a request before.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let own = self.via.as_bytes();
        let mut via = headers.get_all(header::VIA).iter();
        via.any(|value| value.as_bytes().windows(own.len()).any(|part| part == own))
    }

    fn now(&self) -> Moment {
        Moment { instant: Instant::now(), unix_seconds: self.clock.now().seconds().0 }
    }

    fn unsettled(&self) -> MutexGuard<'_, Unsettled> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingCaller {
    /// Gives the caller its answer, if it has not gone.
    fn answer(self, response: Response<Full<Bytes>>) {
        let _ = self.0.send(response);
    }
}

fn made_call<'a>(
    command: Command,
    named: &'a Named,
    call: &Call,
    began: Moment,
    ended: Moment,
) -> MadeCall<'a> {
    MadeCall { command, app: call.app.unwrap_or_default(), named, began, ended }
}

/// Whether a side may have got the call.
fn may_have_arrived(reply: &Result<Reply, NoReply>) -> bool {
    !matches!(reply, Err(NoReply::Unsent | NoReply::NotConnected | NoReply::Paused))
}

fn limit_of(side: Side) -> NotCompared {
    match side {
        Side::Cloud => NotCompared::CloudLimit,
        Side::Here => NotCompared::HereLimit,
    }
}

fn unknown_of(side: Side) -> NotCompared {
    match side {
        Side::Cloud => NotCompared::CloudUnknown,
        Side::Here => NotCompared::HereUnknown,
    }
}
