//! The way of a request, from the socket's bytes to the answer. Which error wins is visible on the wire, so the
//! order of the checks stands in one function: [`Gateway::decide`].

use crate::api::{self, Answer, ApiError, Caller, Ctx, Endpoint, Service, Style, respond};
use crate::beside::Beside;
use crate::client_address::client_address;
use crate::emulator::{Emulator, Ended, Trace};
use crate::framing;
use crate::host::HostPolicy;
use crate::limit::{Exceeded, FailureLimit};
use crate::load::{Load, Share};
use crate::openapi;
use crate::query::Query;
use crate::registry::{App, Registry};
use crate::request_ids::RequestIds;
use crate::request_log::{Steps, Told, timed};
use crate::telemetry::Telemetry;
use crate::verified::verify;
use crate::webhook::EventIds;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response};
use ipnet::IpNet;
use portrait_model::{Clock, ErrorCode, Language, Role, SdkAppId, SigError, UnixSeconds, UserId};
use portrait_store::Store;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How the gateway behaves.
#[derive(Clone, Debug)]
pub(crate) struct GatewayConfig {
    pub(crate) language: Language,
    /// Whether `ErrorDisplay` explains errors, for apps that do not say themselves.
    pub(crate) error_detail: bool,
    pub(crate) body_bytes_max: usize,
    /// Requests that are worked on at once.
    pub(crate) requests_max: usize,
    /// Memory for their bodies, and as much again for larger answers.
    pub(crate) request_memory_bytes_max: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) answer_timeout: Duration,
    /// From where on a request is logged as slow; zero = never.
    pub(crate) slow_threshold: Duration,
    /// Whether the apps' frequency limits are on.
    pub(crate) frequency_limits: bool,
    /// Failed UserSig checks a second from one address; 0 = no limit.
    pub(crate) usersig_failures_per_ip: u32,
    pub(crate) hosts: HostPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// Answers `/v4`.
pub(crate) struct Gateway {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) event_ids: Arc<EventIds>,
    pub(crate) beside: Beside,
    config: GatewayConfig,
    telemetry: Arc<Telemetry>,
    failures: FailureLimit,
    load: Load,
    request_ids: RequestIds,
    /// `None` in `serve`.
    emulator: Option<Arc<Emulator>>,
}

/// What is known of a call so far; filled in on the way, so that a failure can be answered and logged with it.
#[derive(Default)]
struct Progress {
    endpoint: Option<&'static Endpoint>,
    place: Option<usize>,
    app: Option<Arc<App>>,
    sdk_app_id: Option<SdkAppId>,
    body_read: bool,
    close: bool,
    /// For the emulator alone.
    trace: Trace,
    steps: Steps,
}

impl Gateway {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        event_ids: Arc<EventIds>,
        config: GatewayConfig,
        telemetry: Arc<Telemetry>,
        seed: u64,
    ) -> Self {
        let failures = FailureLimit::new(config.usersig_failures_per_ip);
        let load = Load::new(config.requests_max, config.request_memory_bytes_max);
        Self {
            store,
            registry,
            clock,
            event_ids,
            beside: Beside::new(),
            config,
            telemetry,
            failures,
            load,
            request_ids: RequestIds::new(seed),
            emulator: None,
        }
    }

    pub(crate) fn with_emulator(self, emulator: Option<Arc<Emulator>>) -> Self {
        Self { emulator, ..self }
    }

    /// Answers one HTTP request. Never fails: whatever goes wrong is in the answer.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        if let Some(document) = openapi::served(&head, &self.config.hosts) {
            return document;
        }
        let peer = client_address(peer, &head.headers, &self.config.trusted_proxies);
        let mut progress = Progress::default();
        // A panic is a bug of ours; it may cost one caller one answer, not the process.
        let decided =
            AssertUnwindSafe(self.decide(&head, &mut body, peer, &mut progress)).catch_unwind().await;
        let mut outcome = decided.unwrap_or_else(|_| {
            progress.close = true;
            Err(ApiError::new(
                progress.endpoint.map_or(ErrorCode::Timeout, |endpoint| endpoint.service.internal()),
            ))
        });
        if outcome.is_err() && !progress.body_read {
            progress.close |= !self.drain(&head, &mut body).await;
        }
        let error_detail = progress.app.as_ref().and_then(|app| app.settings.error_detail);
        let style = Style {
            language: self.config.language,
            error_detail: error_detail.unwrap_or(self.config.error_detail),
        };
        let service = progress.endpoint.map(|endpoint| endpoint.service);
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
        let usage = progress.app.as_ref().map_or(&self.registry.unclaimed, |app| &app.usage);
        usage.record(progress.place, outcome.as_ref().err().map(ApiError::code), self.clock.now());
        let told = Told {
            head: &head,
            place: progress.place,
            sdk_app_id: progress.sdk_app_id,
            steps: &progress.steps,
            outcome: &outcome,
            elapsed: started.elapsed(),
            request_id: &request_id,
        };
        told.log(self.config.slow_threshold, &self.telemetry);
        if let Some(emulator) = &self.emulator {
            let ended = Ended {
                head: &head,
                command: progress.endpoint.map(|endpoint| endpoint.command),
                app: progress.sdk_app_id,
                trace: &progress.trace,
                outcome: &outcome,
                started,
                language: self.config.language,
            };
            emulator.ended(&ended, &mut response);
        }
        response
    }

    /// 60002 when the request is for somebody else.
    pub(crate) fn admits_host(&self, head: &hyper::http::request::Parts) -> Result<(), ApiError> {
        framing::unambiguous(head)?;
        self.config.hosts.admit(head)
    }

    /// The checks in the contract's order, each in its own place.
    async fn decide(
        &self,
        head: &hyper::http::request::Parts,
        body: &mut Incoming,
        peer: IpAddr,
        progress: &mut Progress,
    ) -> Result<Answer, ApiError> {
        self.admits_host(head).inspect_err(|_| progress.close = true)?;
        // A GET with a body is served: a published Python client sends `account_check` so.
        if head.method != Method::POST && (head.method != Method::GET || body.is_end_stream()) {
            return Err(ApiError::said(
                ErrorCode::HttpParse,
                format!("the method is {}; use POST with a JSON body", head.method),
                format!("请求方法为 {}，请使用 POST 并携带 JSON 包体", head.method),
            ));
        }
        let (index, endpoint) = api::find(head.uri.path()).ok_or(ApiError::new(ErrorCode::NoSuchResource))?;
        (progress.endpoint, progress.place) = (Some(endpoint), Some(index));
        let query = Query::parse(head.uri.query().unwrap_or_default())?;
        progress.sdk_app_id = query.sdk_app_id;
        let app = query.sdk_app_id.and_then(|id| self.registry.app(id));
        let app = app.ok_or(ApiError::new(ErrorCode::NoSuchApp))?;
        progress.app = Some(Arc::clone(&app));
        let caller = self.authenticate(&app, endpoint.service, &query, peer);
        let caller = timed(&mut progress.steps.auth, caller).await?;
        self.admit(&app, index, endpoint)?;
        let (_call, mut room) = (self.load.call()?, self.load.room());
        let began = Instant::now();
        let bytes = self.read(body, &mut room, progress).await;
        progress.steps.body = began.elapsed();
        let (bytes, began) = (bytes?, Instant::now());
        let store_micros = &progress.steps.store_micros;
        let ctx = Ctx { gateway: self, app, caller, service: endpoint.service, store_micros };
        let sdk_app_id = ctx.app.settings.id;
        let answering = timeout(self.config.answer_timeout, endpoint.answer(ctx, &bytes));
        let answering = answering.map(|answer| answer.unwrap_or(Err(ApiError::new(ErrorCode::Timeout))));
        let answer = match &self.emulator {
            None => answering.await,
            Some(emulator) => {
                let call = (endpoint.command, sdk_app_id);
                emulator.rehearse(call, &bytes, answering, &mut progress.trace).await
            }
        };
        progress.steps.work = began.elapsed();
        answer
    }

    async fn authenticate(
        &self,
        app: &App,
        service: Service,
        query: &Query<'_>,
        peer: IpAddr,
    ) -> Result<Caller, ApiError> {
        if !app.settings.enabled {
            return Err(ApiError::new(ErrorCode::AppDisabled));
        }
        if !app.allows_ip(peer) {
            return Err(ApiError::new(ErrorCode::SourceIp));
        }
        let known = app.verified.get(&query.usersig);
        self.telemetry.verified(known.is_some());
        // A UserSig that was verified before costs no work: a neighbour's failures do not shut its caller out.
        if known.is_none() && !self.failures.allows(peer, &*self.clock) {
            return Err(ApiError::new(ErrorCode::SigTooOften));
        }
        let now = self.clock.now().seconds();
        let sig = verify(app, query, known, now).inspect_err(|_| self.failures.record(peer, &*self.clock))?;
        let is_admin = app.settings.is_admin(&query.identifier);
        if self.kicked_at(app, service, &query.identifier, is_admin).await? >= Some(sig.issued_at()) {
            self.failures.record(peer, &*self.clock);
            return Err(SigError::Kicked.into());
        }
        let role = match () {
            () if is_admin => Role::Admin,
            () if app.settings.self_service && service == Service::Profile => Role::User,
            () => return Err(ApiError::new(service.admin_required())),
        };
        Ok(Caller { identifier: query.identifier.clone().into_owned(), role, address: peer })
    }

    /// When the caller was last kicked. Admins cost no I/O.
    async fn kicked_at(
        &self,
        app: &App,
        service: Service,
        identifier: &str,
        is_admin: bool,
    ) -> Result<Option<UnixSeconds>, ApiError> {
        let Ok(user) = UserId::parse(identifier) else { return Ok(None) };
        if is_admin {
            return Ok(app.kicked_admins.get(&user).copied());
        }
        let states = api::within(self.store.states(app.settings.id, vec![user])).await;
        let states = states.map_err(|error| ApiError::store(service.internal(), error))?;
        Ok(states.first().copied().flatten().and_then(|state| state.kicked_at))
    }

    /// Frequency limits come after authentication: a stranger must not use up an app's allowance.
    fn admit(&self, app: &App, index: usize, endpoint: &Endpoint) -> Result<(), ApiError> {
        if !self.config.frequency_limits {
            return Ok(());
        }
        let limits = &app.settings.limits;
        let per_second = limits.get(endpoint.command).copied().unwrap_or(endpoint.per_second);
        let total = limits.get("total").copied().unwrap_or(0);
        app.cells.admit(index, per_second, total, self.clock.ticks_ns()).map_err(|exceeded| match exceeded {
            Exceeded::Endpoint => ApiError::new(ErrorCode::ApiFrequency),
            Exceeded::App => ApiError::new(ErrorCode::AppFrequency),
        })
    }

    /// Reads the body, bounded in size and time. When it can't be read to its end the connection is of no more use.
    async fn read(
        &self,
        body: &mut Incoming,
        room: &mut Share,
        progress: &mut Progress,
    ) -> Result<Bytes, ApiError> {
        progress.close = true;
        progress.body_read = true;
        let late = |_| ApiError::new(ErrorCode::Timeout);
        let bytes = timeout(self.config.body_timeout, self.collect(body, room)).await.map_err(late)??;
        progress.close = false;
        Ok(bytes)
    }

    async fn collect(&self, body: &mut Incoming, room: &mut Share) -> Result<Bytes, ApiError> {
        let bytes_max = self.config.body_bytes_max;
        let too_large = || {
            ApiError::said(
                ErrorCode::HttpParse,
                format!("the body is larger than {bytes_max} bytes"),
                format!("包体超过 {bytes_max} 字节"),
            )
        };
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large());
        }
        let (mut first, mut rest): (Option<Bytes>, BytesMut) = (None, BytesMut::new());
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame.map_err(|_| ApiError::new(ErrorCode::HttpParse))?.into_data() else {
                continue;
            };
            if first.as_ref().map_or(0, Bytes::len) + rest.len() + frame.len() > bytes_max {
                return Err(too_large());
            }
            room.grow(frame.len())?;
            // Nearly every body is one frame: it is used where it lies.
            match &first {
                None => first = Some(frame),
                Some(_) => rest.extend_from_slice(&frame),
            }
        }
        let first = first.unwrap_or_default();
        if rest.is_empty() {
            return Ok(first);
        }
        let mut whole = BytesMut::from(first);
        whole.unsplit(rest);
        Ok(whole.freeze())
    }

    /// Takes in the rest of a refused request, so that the caller reads the answer instead of a reset; says
    /// whether all of it came, so that the connection can go on.
    async fn drain(&self, head: &hyper::http::request::Parts, body: &mut Incoming) -> bool {
        const PATIENCE: Duration = Duration::from_secs(1);
        if body.is_end_stream() {
            return true;
        }
        // Who waits for "100 Continue" has sent nothing yet, and is told by the answer not to.
        if head.headers.contains_key(header::EXPECT) {
            return false;
        }
        timeout(PATIENCE, self.discard(body)).await.unwrap_or(false)
    }

    /// Throws a body away as it comes: a stranger's takes no memory. Says whether it ended within the limit.
    async fn discard(&self, body: &mut Incoming) -> bool {
        let mut left = self.config.body_bytes_max;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return false };
            left = rest;
        }
        true
    }
}
