//! The way of a request, from the socket's bytes to the answer. Which error wins is visible on the wire, so the
//! order of the checks stands in one function: `Gateway::decide`.

use crate::admission::AdmissionControl;
use crate::authenticate::Authenticator;
use crate::body::BodyLimits;
use crate::call_context::{CallContext, Services};
use crate::call_record::{CallRecord, Steps, timed};
use crate::client_address::client_address;
use crate::endpoints;
use crate::envelope::{Answer, ApiError, Style, respond};
use crate::framing;
use crate::hook::{AdmittedCall, CallHook, CallHooks, FinishedCall};
use crate::host_policy::HostPolicy;
use crate::openapi;
use crate::query::Query;
use crate::rate_limit::Exceeded;
use crate::registry::App;
use crate::request_id::RequestIds;
use crate::telemetry::Telemetry;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use ipnet::IpNet;
use portraitd_model::{Command, ErrorCode, Language, SdkAppId};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How the gateway behaves.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The language of explanations.
    pub language: Language,
    /// Whether `ErrorDisplay` explains errors, for apps that do not say themselves.
    pub error_detail: bool,
    /// The bounds of request bodies.
    pub body: BodyLimits,
    /// Requests that are worked on at once.
    pub requests_max: usize,
    /// Memory for their bodies, and as much again for larger answers.
    pub request_memory_bytes_max: usize,
    /// From the end of the body to the answer; after that, 60008.
    pub answer_timeout: Duration,
    /// From where on a request is logged as slow; zero = never.
    pub slow_threshold: Duration,
    /// Whether the apps' frequency limits are on.
    pub frequency_limits: bool,
    /// Failed UserSig checks a second from one address; 0 = no limit.
    pub usersig_failures_per_ip: u32,
    /// Which `Host` and `Origin` headers are let in.
    pub hosts: HostPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// Answers `/v4`.
pub struct Gateway {
    /// What the gateway's calls work with.
    pub services: Services,
    config: GatewayConfig,
    telemetry: Arc<Telemetry>,
    authenticator: Authenticator,
    load: AdmissionControl,
    request_ids: RequestIds,
    /// `None` in `serve`.
    hooks: Option<Arc<dyn CallHooks>>,
}

/// What is known of a call so far; filled in on the way, so that a failure can be answered and logged with it.
#[derive(Default)]
struct Progress {
    command: Option<Command>,
    app: Option<Arc<App>>,
    sdk_app_id: Option<SdkAppId>,
    body_read: bool,
    close: bool,
    hook: Option<Box<dyn CallHook>>,
    steps: Steps,
}

impl Gateway {
    /// `seed` tells this process's request ids from another's.
    pub fn new(
        services: Services,
        config: GatewayConfig,
        telemetry: Arc<Telemetry>,
        hooks: Option<Arc<dyn CallHooks>>,
        seed: u64,
    ) -> Self {
        let authenticator = Authenticator::new(config.usersig_failures_per_ip);
        let load = AdmissionControl::new(config.requests_max, config.request_memory_bytes_max);
        let request_ids = RequestIds::new(seed);
        Self { services, config, telemetry, authenticator, load, request_ids, hooks }
    }

    /// Answers one HTTP request. Never fails: whatever goes wrong is in the answer.
    pub async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        if let Some(document) = openapi::served::served(&head, &self.config.hosts) {
            return document;
        }
        let peer = client_address(peer, &head.headers, &self.config.trusted_proxies);
        let hook = self.hooks.clone().map(CallHooks::begin);
        let mut progress = Progress { hook, ..Progress::default() };
        // A panic is a bug of ours; it may cost one caller one answer, not the process.
        let decided =
            AssertUnwindSafe(self.decide(&head, &mut body, peer, &mut progress)).catch_unwind().await;
        let mut outcome = decided.unwrap_or_else(|_| {
            progress.close = true;
            Err(ApiError::new(
                progress.command.map_or(ErrorCode::Timeout, |command| command.service().internal()),
            ))
        });
        if outcome.is_err() && !progress.body_read {
            progress.close |= !self.config.body.drain(&head, &mut body).await;
        }
        let error_detail = progress.app.as_ref().and_then(|app| app.settings.error_detail);
        let style = Style {
            language: self.config.language,
            error_detail: error_detail.unwrap_or(self.config.error_detail),
        };
        let service = progress.command.map(Command::service);
        let (head_of_answer, body) = respond(&outcome, service, style).into_parts();
        let body = self.load.hold(body);
        let mut response = match body {
            Ok(body) => Response::from_parts(head_of_answer, body),
            Err(busy) => {
                outcome = Err(busy);
                respond(&outcome, service, style)
            }
        }
        .map(Full::new);
        let request_id = self.request_ids.next();
        let headers = response.headers_mut();
        headers.insert("x-request-id", request_id.clone());
        if progress.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let usage = progress.app.as_ref().map_or(&self.services.registry.unclaimed, |app| &app.usage);
        usage.record(progress.command, outcome.as_ref().err().map(ApiError::code), self.services.clock.now());
        let told = CallRecord {
            head: &head,
            command: progress.command,
            sdk_app_id: progress.sdk_app_id,
            steps: &progress.steps,
            outcome: &outcome,
            elapsed: started.elapsed(),
            request_id: &request_id,
        };
        told.log(self.config.slow_threshold, &self.telemetry);
        if let Some(hook) = progress.hook {
            let call = FinishedCall {
                head: &head,
                command: progress.command,
                app: progress.sdk_app_id,
                outcome: &outcome,
                started,
                language: self.config.language,
            };
            hook.after_response(&call, &mut response);
        }
        response
    }

    /// 60002 when the request is for somebody else.
    pub fn admits_host(&self, head: &Parts) -> Result<(), ApiError> {
        framing::unambiguous(head)?;
        self.config.hosts.admit(head)
    }

    /// The checks in the contract's order, each in its own place.
    async fn decide(
        &self,
        head: &Parts,
        body: &mut Incoming,
        peer: IpAddr,
        progress: &mut Progress,
    ) -> Result<Answer, ApiError> {
        self.admits_host(head).inspect_err(|_| progress.close = true)?;
        // A GET with a body is served: a published Python client sends `account_check` so.
        if head.method != Method::POST && (head.method != Method::GET || body.is_end_stream()) {
            return Err(ApiError::with_detail(
                ErrorCode::HttpParse,
                format!("the method is {}; use POST with a JSON body", head.method),
                format!("请求方法为 {}，请使用 POST 并携带 JSON 包体", head.method),
            ));
        }
        let command = Command::at_path(head.uri.path()).ok_or(ApiError::new(ErrorCode::NoSuchResource))?;
        progress.command = Some(command);
        let query = Query::parse(head.uri.query().unwrap_or_default())?;
        progress.sdk_app_id = query.sdk_app_id;
        let app = query.sdk_app_id.and_then(|id| self.services.registry.app(id));
        let app = app.ok_or(ApiError::new(ErrorCode::NoSuchApp))?;
        progress.app = Some(Arc::clone(&app));
        let known = (&self.services, &*self.telemetry);
        let caller = self.authenticator.authenticate(known, &app, command.service(), &query, peer);
        let caller = timed(&mut progress.steps.auth, caller).await?;
        self.admit(&app, command)?;
        let (_call, mut room) = (self.load.call()?, self.load.room());
        let began = Instant::now();
        // Until all of it is read the connection is of no more use.
        (progress.close, progress.body_read) = (true, true);
        let body = self.config.body.read(body, &mut room).await;
        progress.close = body.is_err();
        progress.steps.body = began.elapsed();
        let (body, began) = (body?, Instant::now());
        let sdk_app_id = app.settings.id;
        let (services, store_micros) = (&self.services, &progress.steps.store_micros);
        let context = CallContext { services, app, caller, service: command.service(), store_micros };
        let executing = timeout(self.config.answer_timeout, endpoints::execute(command, context, &body));
        let executing = executing.map(|answer| answer.unwrap_or(Err(ApiError::new(ErrorCode::Timeout))));
        let answer = match &mut progress.hook {
            None => executing.await,
            Some(hook) => {
                let call = AdmittedCall { command, app: sdk_app_id, body: &body };
                hook.around_execute(call, executing.boxed()).await
            }
        };
        progress.steps.work = began.elapsed();
        answer
    }

    /// Frequency limits come after authentication: a stranger must not use up an app's allowance.
    fn admit(&self, app: &App, command: Command) -> Result<(), ApiError> {
        if !self.config.frequency_limits {
            return Ok(());
        }
        let limits = &app.settings.limits;
        let per_second = limits.get(command.name()).copied().unwrap_or(command.row().per_second);
        let total = limits.get("total").copied().unwrap_or(0);
        let now_ns = self.services.clock.ticks_ns();
        app.cells.admit(command, per_second, total, now_ns).map_err(|exceeded| match exceeded {
            Exceeded::Command => ApiError::new(ErrorCode::ApiFrequency),
            Exceeded::App => ApiError::new(ErrorCode::AppFrequency),
        })
    }
}
