//! The gateway: answers `/v4` requests. Clients can see which of two errors is answered, so the order of the checks is in one
//! function, `Gateway::decide`.

use crate::admission::AdmissionControl;
use crate::authenticate::Authenticator;
use crate::body::BodyLimits;
use crate::call_context::{CallContext, Caller, Services};
use crate::call_record::{CallRecord, CallTimings, StepTimer};
use crate::called_command::CalledCommand;
use crate::client_address::client_address;
use crate::endpoints;
use crate::envelope::{Answer, ApiError, Explained, Style, respond};
use crate::framing;
use crate::hook::{AdmittedCall, CallHook, CallHooks, FinishedCall, RefusedSig};
use crate::host_policy::{HostPolicy, called_host};
use crate::openapi;
use crate::query::Query;
use crate::rate_limit::Exceeded;
use crate::registry::App;
use crate::request_id::RequestIds;
use crate::request_log::is_access_logged;
use crate::telemetry::Telemetry;
use crate::time_limit::within;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use ipnet::IpNet;
use portraitd_model::{Command, ErrorCode, Language, SdkAppId, Service};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The settings of the gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The language of explanations.
    pub language: Language,
    /// Whether `ErrorDisplay` explains errors, for apps without a setting of their own.
    pub error_detail: bool,
    /// The limits of request bodies.
    pub body: BodyLimits,
    /// The most requests in progress at once.
    pub requests_max: usize,
    /// The most bytes of their bodies, and of their larger answers.
    pub request_memory_bytes_max: usize,
    /// The longest time from the end of the body to the answer; 60008 after that.
    pub answer_timeout: Duration,
    /// A request that takes at least this long is logged as slow; zero = never.
    pub slow_threshold: Duration,
    /// Whether the apps' frequency limits are enforced.
    pub frequency_limits: bool,
    /// The most failed UserSig checks a second from one address; 0 = no limit.
    pub usersig_failures_per_ip: u32,
    /// Which `Host` and `Origin` headers are allowed.
    pub hosts: HostPolicy,
    /// The proxies whose `X-Forwarded-For` is used.
    pub trusted_proxies: Vec<IpNet>,
}

/// Answers `/v4` requests.
pub struct Gateway {
    /// The services shared by all calls.
    pub services: Services,
    config: GatewayConfig,
    telemetry: Arc<Telemetry>,
    authenticator: Authenticator,
    admission: AdmissionControl,
    request_ids: RequestIds,
    /// `None` in `serve`.
    hooks: Option<Arc<dyn CallHooks>>,
}

/// What the steps of a call have found out so far, so that an error is answered and logged with it.
struct CallProgress {
    command: Option<CalledCommand>,
    app: Option<Arc<App>>,
    sdk_app_id: Option<SdkAppId>,
    /// For the access log.
    identifier: Option<String>,
    body_read: bool,
    close: bool,
    hook: Option<Box<dyn CallHook>>,
    timings: CallTimings,
    timer: StepTimer,
}

impl CallProgress {
    fn new(started: Instant, hook: Option<Box<dyn CallHook>>) -> Self {
        Self {
            command: None,
            app: None,
            sdk_app_id: None,
            identifier: None,
            body_read: false,
            close: false,
            hook,
            timings: CallTimings::default(),
            timer: StepTimer::started(started),
        }
    }
}

impl Gateway {
    /// Returns a gateway; `seed` is the random prefix of this process's request ids.
    pub fn new(
        services: Services,
        config: GatewayConfig,
        telemetry: Arc<Telemetry>,
        hooks: Option<Arc<dyn CallHooks>>,
        seed: u64,
    ) -> Self {
        let authenticator = Authenticator::new(config.usersig_failures_per_ip);
        let admission = AdmissionControl::new(config.requests_max, config.request_memory_bytes_max);
        let request_ids = RequestIds::new(seed);
        Self { services, config, telemetry, authenticator, admission, request_ids, hooks }
    }

    /// Answers one HTTP request. Errors are answers too.
    pub async fn answer<B>(&self, request: Request<B>, peer: IpAddr) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        if let Some(document) = openapi::endpoint::respond(&head, &self.config.hosts) {
            return document;
        }
        let client = client_address(peer, &head.headers, &self.config.trusted_proxies);
        let hook = self.hooks.clone().map(CallHooks::begin);
        let mut progress = CallProgress::new(started, hook);
        // A panic is a bug; it may fail this call, but not the process.
        let decided =
            AssertUnwindSafe(self.decide(&head, &mut body, client, &mut progress)).catch_unwind().await;
        let mut outcome = decided.unwrap_or_else(|_| {
            progress.close = true;
            let service = progress.command.and_then(CalledCommand::service);
            Err(ApiError::new(service.map_or(ErrorCode::Timeout, Service::internal)))
        });
        let mut draining = Duration::ZERO;
        if outcome.is_err() && !progress.body_read {
            draining = self.drain(&head, &mut body, &mut progress.close).await;
        }
        let language = self.language(&head);
        let style = self.style(progress.app.as_deref(), language);
        let command = progress.command.and_then(CalledCommand::own);
        let service = command.map(Command::service);
        let (response_head, body) = respond(&mut outcome, service, style).into_parts();
        let mut response = match self.admission.track_answer(body) {
            Ok(body) => Response::from_parts(response_head, body),
            Err(busy) => {
                outcome = Err(busy);
                respond(&mut outcome, service, style)
            }
        }
        .map(Full::new);
        let request_id = self.request_ids.next();
        let headers = response.headers_mut();
        headers.insert("x-request-id", request_id.clone());
        if progress.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let usage = progress.app.as_ref().map_or(&self.services.registry.appless_usage, |app| &app.usage);
        usage.record(command, outcome.as_ref().err().map(ApiError::code), self.services.clock.now());
        let elapsed = started.elapsed().saturating_sub(draining);
        let record = CallRecord {
            head: &head,
            command,
            sdk_app_id: progress.sdk_app_id,
            client,
            identifier: progress.identifier.take(),
            timings: &progress.timings,
            outcome: &outcome,
            elapsed,
            request_id: &request_id,
        };
        record.log(self.config.slow_threshold, &self.telemetry);
        if let Some(hook) = progress.hook {
            let call = FinishedCall {
                head: &head,
                command_path: progress.command.map(CalledCommand::path),
                app: progress.sdk_app_id,
                outcome: &outcome,
                elapsed,
                language,
            };
            hook.after_response(&call, &mut response);
        }
        response
    }

    /// Reads what a refused client goes on to send. Returns how long it took: as long as the client liked, which is no part of
    /// the call.
    async fn drain(
        &self,
        head: &Parts,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        close: &mut bool,
    ) -> Duration {
        let refused = Instant::now();
        *close |= !self.config.body.drain(head, body).await;
        refused.elapsed()
    }

    /// Returns the language of the explanation. In `dev`, `Accept-Language` is heard; a call made in this process names its
    /// own.
    fn language(&self, head: &Parts) -> Language {
        let named = head.extensions.get::<Language>().copied();
        let asked = || {
            self.hooks.as_ref()?;
            Language::accepted(head.headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
        };
        named.or_else(asked).unwrap_or(self.config.language)
    }

    /// Returns how answers to a call of this app are written.
    fn style(&self, app: Option<&App>, language: Language) -> Style {
        let of_app = app.and_then(|app| app.settings.error_detail);
        let explained = match (of_app.unwrap_or(self.config.error_detail), &self.hooks) {
            (false, _) => Explained::Nowhere,
            (true, None) => Explained::WhereTheCloudDoes,
            (true, Some(_)) => Explained::Everywhere,
        };
        Style { language, explained }
    }

    /// 60002 when the request's framing is ambiguous or its `Host` or `Origin` is not allowed.
    pub fn check_host(&self, head: &Parts) -> Result<(), ApiError> {
        framing::check(head)?;
        self.config.hosts.check(head)
    }

    /// Checks and executes a call. The order of the checks is the contract's.
    async fn decide(
        &self,
        head: &Parts,
        body: &mut (impl Body<Data = Bytes> + Unpin),
        client: IpAddr,
        progress: &mut CallProgress,
    ) -> Result<Answer, ApiError> {
        self.check_host(head).inspect_err(|_| progress.close = true)?;
        // A GET with a body is accepted: a published Python client sends `account_check` that way.
        if head.method != Method::POST && (head.method != Method::GET || body.is_end_stream()) {
            // Any text without spaces can be one, of the length of a whole head.
            let method: String = head.method.as_str().chars().take(20).collect();
            return Err(ApiError::with_detail(
                ErrorCode::HttpParse,
                format!("the method is {method}; use POST with a JSON body"),
                format!("请求方法为 {method}，请使用 POST 并携带 JSON 包体"),
            ));
        }
        let command = called_command(head.uri.path(), progress)?;
        let query = Query::parse(head.uri.query().unwrap_or_default())?;
        progress.sdk_app_id = query.sdk_app_id;
        progress.identifier = is_access_logged().then(|| query.identifier.clone().into_owned());
        let app = query.sdk_app_id.and_then(|id| self.services.registry.app(id));
        let app = app.ok_or(ApiError::new(ErrorCode::NoSuchApp))?;
        progress.app = Some(Arc::clone(&app));
        let (services, telemetry) = (&self.services, &*self.telemetry);
        let authenticating =
            self.authenticator.authenticate(services, telemetry, &app, command.service(), &query, client);
        let authenticated = authenticating.await;
        progress.timings.auth = progress.timer.lap();
        let caller = match (authenticated, &progress.hook) {
            (Err(error), Some(hook)) => return Err(self.diagnosed(error, &**hook, &app, &query).await),
            (caller, _) => caller?,
        };
        if let CalledCommand::Own(command) = command {
            self.check_frequency(&app, command)?;
        }
        let (_call, mut memory) = (self.admission.acquire_call()?, self.admission.body_memory());
        // Until the whole body is read, the connection can't be used for another request.
        (progress.close, progress.body_read) = (true, true);
        let body = self.config.body.read(body, &mut memory).await;
        progress.close = body.is_err();
        progress.timings.body = progress.timer.lap();
        self.execute(command, app, caller, head, &body?, progress).await
    }

    /// Executes an authenticated call, unless a hook answers in its place.
    async fn execute(
        &self,
        command: CalledCommand,
        app: Arc<App>,
        caller: Caller,
        head: &Parts,
        body: &Bytes,
        progress: &mut CallProgress,
    ) -> Result<Answer, ApiError> {
        let (services, sdk_app_id) = (&self.services, app.settings.id);
        let store_micros = &progress.timings.store_micros;
        let executing = async move {
            match command {
                CalledCommand::Own(command) => {
                    let context =
                        CallContext { services, app, caller, service: command.service(), store_micros };
                    endpoints::execute(command, context, body).await
                }
                CalledCommand::Other(command) => endpoints::others::run(command, body),
            }
        };
        let executing = within(self.config.answer_timeout, executing);
        let executing = executing.map(|answer| answer.unwrap_or(Err(ApiError::new(ErrorCode::Timeout))));
        let answer = match &mut progress.hook {
            None => executing.await,
            Some(hook) => {
                let (command_path, host) = (command.path(), called_host(head));
                let call = AdmittedCall { command_path, host, app: sdk_app_id, body };
                hook.around_execute(call, executing.boxed()).await
            }
        };
        progress.timings.work = progress.timer.lap();
        answer
    }

    /// Adds to the refusal of a UserSig why it was refused, as far as the hook can say.
    async fn diagnosed(
        &self,
        error: ApiError,
        hook: &dyn CallHook,
        app: &App,
        query: &Query<'_>,
    ) -> ApiError {
        if !error.is_bad_sig() {
            return error;
        }
        let refused = RefusedSig {
            app: app.settings.id,
            usersig: &query.usersig,
            identifier: &query.identifier,
            now: self.services.clock.now().seconds(),
            registry: &self.services.registry,
        };
        match hook.diagnose(refused).await {
            Some(diagnosis) => error.diagnosed(diagnosis),
            None => error,
        }
    }

    /// Checks the frequency limits; after authentication, so that calls without a UserSig do not count.
    fn check_frequency(&self, app: &App, command: Command) -> Result<(), ApiError> {
        if !self.config.frequency_limits {
            return Ok(());
        }
        let limits = &app.settings.limits;
        let per_second = limits.get(command.name()).copied().unwrap_or(command.row().per_second);
        let total = limits.get("total").copied().unwrap_or(0);
        let now_ns = self.services.clock.ticks_ns();
        // Each of several nodes allows its part.
        let nodes = self.services.registry.nodes.load(Ordering::Relaxed).max(1);
        let (per_second, total) = (per_second.div_ceil(nodes), total.div_ceil(nodes));
        app.cells.admit(command, per_second, total, now_ns).map_err(|exceeded| match exceeded {
            Exceeded::Command => ApiError::new(ErrorCode::ApiFrequency),
            Exceeded::App => ApiError::new(ErrorCode::AppFrequency),
        })
    }
}

/// Finds the command at a path: one of portraitd's, or another of the cloud's that a hook has. 60009 for any other path.
fn called_command(path: &str, progress: &mut CallProgress) -> Result<CalledCommand, ApiError> {
    let own = Command::at_path(path).map(CalledCommand::Own);
    let other = || progress.hook.as_ref()?.other_command(path).map(CalledCommand::Other);
    progress.command = own.or_else(other);
    progress.command.ok_or_else(|| ApiError::unknown_path(path))
}
