//! A running server: the public and the admin listener over one store, from start to graceful stop.

use crate::backup::counters::BackupCounters;
use crate::backup::scheduler::{self, SchedulerParts};
use crate::cli::command_hint::on_directory;
use crate::config::Config;
use crate::follow_nodes::follow_nodes;
use crate::log_refusals::log_refusals;
use crate::metrics;
use crate::share_usage::share_usage;
use crate::sockets::Sockets;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use portraitd_admin::auth::{Access, Authenticator, Tokens};
use portraitd_admin::call_target::CallTarget;
use portraitd_admin::log_control::LogControl;
use portraitd_admin::origin::AdminHosts;
use portraitd_admin::router::{self, AdminListener};
use portraitd_admin::secret::{self, AdminToken};
use portraitd_admin::series::Series;
use portraitd_admin::state;
use portraitd_api::call_context::Services;
use portraitd_api::deletions;
use portraitd_api::envelope::{self, BROKEN_HTTP_EXPLAINED, Explained, Style};
use portraitd_api::gateway::Gateway;
use portraitd_api::hook::CallHooks;
use portraitd_api::large_reads::LargeReads;
use portraitd_api::registry::Registry;
use portraitd_api::telemetry::Telemetry;
use portraitd_emulator::control;
use portraitd_emulator::control::state::ControlState;
use portraitd_emulator::emulator::Emulator;
use portraitd_emulator::public_service::PublicService;
use portraitd_http::accept;
use portraitd_http::certificate::Certificate;
use portraitd_http::config::ListenerConfig;
use portraitd_http::connection::Handler;
use portraitd_http::connection_limit::ConnectionLimits;
use portraitd_http::socket::Socket;
use portraitd_http::stats::Counts;
use portraitd_http::tls::Tls;
use portraitd_model::{Clock, Language};
use portraitd_store::Store;
use portraitd_webhook::deliverer::Webhooks;
use portraitd_webhook::event_ids::EventIds;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// TLS of the listeners, with any certificate resolver; `None` is plain HTTP.
#[derive(Default)]
pub(crate) struct ServerTls {
    pub(crate) public: Option<Tls>,
    pub(crate) admin: Option<Tls>,
    /// The certificates that `/metrics` shows, with the names of their listeners.
    pub(crate) watched: Vec<(&'static str, Arc<Certificate>)>,
}

/// Everything that a server is made of.
pub(crate) struct ServerParts<'a> {
    pub(crate) config: &'a Config,
    /// The data directory of the store; `None` in memory.
    pub(crate) data: Option<&'a Path>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Arc<dyn LogControl>,
    pub(crate) admin_token: AdminToken,
    pub(crate) tls: ServerTls,
    /// `None` in `serve`.
    pub(crate) emulator: Option<Arc<Emulator>>,
}

/// A server that accepts requests.
pub(crate) struct Server {
    /// Where the public API listens: `http://…`, `https://…` or `unix:/path`.
    pub(crate) urls: Vec<String>,
    /// Where the admin API listens.
    pub(crate) admin_urls: Vec<String>,
    /// Where the metrics and the probes alone listen.
    pub(crate) metrics_urls: Vec<String>,
    store: Arc<dyn Store>,
    /// Cancels every task when dropped.
    stop: Option<DropGuard>,
    /// Each with its name for the log.
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

impl Server {
    /// Opens every address and starts to serve.
    pub(crate) async fn start(parts: ServerParts<'_>) -> anyhow::Result<Self> {
        let ServerParts { config, data, store, clock, log, admin_token, tls, emulator } = parts;
        let sockets = Sockets::open(config, tls.public.as_ref(), tls.admin.as_ref()).await?;
        let [urls, admin_urls, metrics_urls] = sockets.urls()?;
        let (registry, stop) = (load_apps(&store, data).await?, CancellationToken::new());
        let stop_guard = stop.clone().drop_guard();
        let mut tasks = vec![("deletion notes", spawn_cleanup(&store, &registry, &clock, &stop))];
        let webhook_config = config.webhook.read(data.map(Path::to_owned))?;
        let targets = registry.webhook_targets();
        let webhooks = Webhooks::new(webhook_config, Arc::clone(&store), targets, Arc::clone(&clock))?;
        let (webhooks, event_ids) = (Arc::new(webhooks), Arc::new(EventIds::new(secret::random_u64()?)));
        let (in_dev, admin_hosts) = (emulator.is_some(), admin_hosts(config, &tls));
        let telemetry = Telemetry::new(tls.watched);
        #[cfg(feature = "otel")]
        let telemetry = exported(telemetry, config, &stop, &mut tasks)?;
        let telemetry = Arc::new(telemetry);
        let public = Listener::public(sockets.public, config, &telemetry, in_dev);
        let admin = Listener::admin(sockets.admin, config, &telemetry);
        let probes = Listener::metrics(sockets.metrics, config, &telemetry);
        let tokens = Tokens::load(Arc::clone(&store), admin_token, Arc::clone(&clock)).await;
        let tokens = Arc::new(tokens.context("can't read the admin tokens")?);
        let authenticator = Authenticator::Tokens(Arc::clone(&tokens));
        tasks.extend(spawn_sharing(&store, &registry, &authenticator, &stop));
        // `dev` shows each of them.
        let refusals = (!in_dev).then(|| tokio::spawn(log_refusals(Arc::clone(&registry), stop.clone())));
        tasks.extend(refusals.map(|task| ("log of refusals", task)));
        tasks.push(("webhooks", tokio::spawn(Arc::clone(&webhooks).run(stop.clone()))));
        let start_id = format!("{:016x}", secret::random_u64()?);
        let control_state = emulator.clone().map(|emulator| ControlState {
            emulator,
            registry: Arc::clone(&registry),
            url: own_url(&urls).into(),
            start_id: start_id.into(),
            stop: stop.clone(),
        });
        let services = Services {
            store: Arc::clone(&store),
            registry: Arc::clone(&registry),
            clock: Arc::clone(&clock),
            event_ids: Arc::clone(&event_ids),
            large_reads: LargeReads::new(),
        };
        let hooks = emulator.map(|emulator| -> Arc<dyn CallHooks> { emulator });
        let seed = secret::random_u64()?;
        let gateway = Gateway::new(services, config.gateway(), Arc::clone(&telemetry), hooks, seed);
        let gateway = Arc::new(gateway);
        let calls = call_target(in_dev, &urls, &gateway);
        let counters = BackupCounters::of(config);
        let metrics = metrics::renderer(&store, &webhooks, &registry, &telemetry, &tokens, &counters);
        let series = Arc::new(Series::default());
        tasks.push(("series", series.recording(Arc::clone(&metrics), Arc::clone(&clock), stop.clone())));
        let (public_url, started) = (shown_url(&urls), clock.now());
        let running = state::RunningServer { webhooks, metrics, series, log, public_url, calls, started };
        let (who, at) = (authenticator.clone(), Arc::clone(&clock));
        let admin_state = state::State::new(Arc::clone(&store), registry, at, event_ids, Some(running), who);
        let admin_state = if in_dev { admin_state.with_weak_keys() } else { admin_state };
        let parts = SchedulerParts { store: Arc::clone(&store), admin: admin_state.clone(), clock, counters };
        tasks.extend(scheduler::start(config, data, parts, &stop));
        tasks.extend(probes.map(|listener| serve_probes(listener, admin_state.clone(), &stop)));
        let apis = Apis {
            gateway,
            authenticator,
            admin: admin_state,
            admin_hosts,
            control: control_state,
            // Data that is kept is no test data: to change it from a browser, one signs in.
            is_open: data.is_none(),
            console: config.has_console(),
        };
        tasks.extend(apis.serve(public, admin, &stop));
        Ok(Self { urls, admin_urls, metrics_urls, store, stop: Some(stop_guard), tasks })
    }

    /// The first TCP socket of the public API that speaks `http` or `https`.
    pub(crate) fn socket(&self, scheme: &str) -> Option<SocketAddr> {
        self.urls.iter().find_map(|url| url.strip_prefix(scheme)?.strip_prefix("://")?.parse().ok())
    }

    /// Stops accepting, and waits for requests in progress.
    pub(crate) async fn finish(&mut self) {
        drop(self.stop.take());
        for (name, task) in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(task = name, %error, "a task of the server failed");
            }
        }
    }

    /// Stops the server, and closes the store.
    pub(crate) async fn stop(mut self) {
        self.finish().await;
        self.store.close().await;
    }
}

/// What the listeners answer.
struct Apis {
    gateway: Arc<Gateway>,
    authenticator: Authenticator,
    admin: state::State,
    admin_hosts: AdminHosts,
    /// `None` in `serve`.
    control: Option<ControlState>,
    /// Whether callers on this machine need no token for the admin API of an emulator's public listener.
    is_open: bool,
    console: bool,
}

impl Apis {
    /// Serves the public and the admin listener. An emulator has the admin API and the control API on both.
    fn serve(
        self,
        public: Listener,
        admin: Listener,
        stop: &CancellationToken,
    ) -> [(&'static str, JoinHandle<()>); 2] {
        let Self { gateway, authenticator, admin: admin_state, admin_hosts, control, is_open, console } =
            self;
        let listener = AdminListener { local_without_token: false, hosts: admin_hosts, console };
        let mut admin_router = router::router(admin_state.clone(), listener);
        let public = match control {
            None => public.serve(stop.clone(), move |request, peer: IpAddr| {
                let gateway = Arc::clone(&gateway);
                async move { gateway.answer(request, peer).await }
            }),
            Some(state) => {
                let guarded = Access { authenticator: authenticator.clone(), local_without_token: false };
                admin_router = admin_router.merge(control::router(state.clone(), guarded));
                let open = Access { authenticator, local_without_token: true };
                let emulator = Arc::clone(&state.emulator);
                let open_control = control::router(state, open).fallback(control::not_found);
                let listener =
                    AdminListener { local_without_token: is_open, hosts: AdminHosts::Any, console };
                let open_admin = router::router(admin_state, listener);
                let service = PublicService::new(gateway, open_control, open_admin, console, emulator);
                public.serve(stop.clone(), service)
            }
        };
        let answer = move |request, peer: IpAddr| router::answer(admin_router.clone(), request, peer);
        [("public listener", public), ("admin listener", admin.serve(stop.clone(), answer))]
    }
}

/// Serves the metrics and the probes alone.
fn serve_probes(
    listener: Listener,
    state: state::State,
    stop: &CancellationToken,
) -> (&'static str, JoinHandle<()>) {
    let router = router::probe_router(state);
    let answer = move |request, peer: IpAddr| router::answer(router.clone(), request, peer);
    ("metrics listener", listener.serve(stop.clone(), answer))
}

/// Starts to export traces, if the settings or the environment name a collector.
#[cfg(feature = "otel")]
fn exported(
    telemetry: Telemetry,
    config: &Config,
    stop: &CancellationToken,
    tasks: &mut Vec<(&'static str, JoinHandle<()>)>,
) -> anyhow::Result<Telemetry> {
    let (setting, grace) = (config.log.otlp_endpoint.as_deref(), config.listener().shutdown_timeout);
    let Some((traces, exporting)) = crate::otel::start(setting, stop.clone(), grace)? else {
        return Ok(telemetry);
    };
    tasks.push(("trace exporter", exporting));
    Ok(telemetry.exporting(Arc::new(traces)))
}

/// What concerns the other servers of a shared store; ends at once for a store of one process.
fn spawn_sharing(
    store: &Arc<dyn Store>,
    registry: &Arc<Registry>,
    authenticator: &Authenticator,
    stop: &CancellationToken,
) -> [(&'static str, JoinHandle<()>); 2] {
    let parts = || (Arc::clone(store), Arc::clone(registry));
    let (followed, apps) = parts();
    let follow = follow_nodes(followed, apps, authenticator.clone(), stop.clone());
    let (tables, apps) = parts();
    let usage = share_usage(tables, apps, stop.clone());
    [("other nodes", tokio::spawn(follow)), ("usage of all nodes", tokio::spawn(usage))]
}

fn spawn_cleanup(
    store: &Arc<dyn Store>,
    registry: &Arc<Registry>,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let (store, registry, clock) = (Arc::clone(store), Arc::clone(registry), Arc::clone(clock));
    tokio::spawn(deletions::clean_up_notes(store, registry, clock, stop.clone()))
}

async fn load_apps(store: &Arc<dyn Store>, data: Option<&Path>) -> anyhow::Result<Arc<Registry>> {
    let registry = Registry::load(Arc::clone(store)).await.context("can't read the apps")?;
    if let (true, Some(data)) = (registry.all().is_empty(), data) {
        let create = on_directory("app create SDKAPPID", data);
        tracing::warn!("there is no app yet, so every call is answered with 70020; create one: {create}");
    }
    let registry = Arc::new(registry);
    let words = Arc::clone(&registry);
    // The start does not wait for it.
    tokio::task::spawn_blocking(move || words.prepare_words());
    Ok(registry)
}

/// Under which names the admin API answers.
fn admin_hosts(config: &Config, tls: &ServerTls) -> AdminHosts {
    match tls.admin {
        Some(_) => AdminHosts::Any,
        None => AdminHosts::Private(config.server.admin_hosts.clone()),
    }
}

/// How this machine reaches the public API over plain HTTP.
fn own_url(urls: &[String]) -> String {
    urls.iter().find(|url| url.starts_with("http://")).map(|url| reachable(url)).unwrap_or_default()
}

/// A URL of the public API, for people.
fn shown_url(urls: &[String]) -> Option<String> {
    urls.iter().find(|url| url.starts_with("http")).map(|url| reachable(url))
}

/// Addresses that stand for every one can't be connected to.
fn reachable(url: &str) -> String {
    url.replacen("://0.0.0.0:", "://127.0.0.1:", 1).replacen("://[::]:", "://127.0.0.1:", 1)
}

/// Where this process reaches the public API over plain HTTP; `None` when it listens on Unix sockets or with TLS alone.
fn own_socket(urls: &[String]) -> Option<SocketAddr> {
    own_url(urls).strip_prefix("http://")?.parse().ok()
}

/// Where the console's tried calls go: an emulator's over HTTP, so that its faults apply.
fn call_target(in_dev: bool, urls: &[String], gateway: &Arc<Gateway>) -> CallTarget {
    match (in_dev, own_socket(urls)) {
        (true, Some(socket)) => CallTarget::Emulator(socket),
        _ => CallTarget::Gateway(Arc::clone(gateway)),
    }
}

/// The answer to plain HTTP on the public API's TLS port. A function and no closure: each connection calls it.
fn plain_http_refusal(is_explained: bool, language: Language) -> fn() -> Response<Full<Bytes>> {
    const fn style(language: Language, explained: Explained) -> Style {
        Style { language, explained }
    }
    match (is_explained, language) {
        (false, _) => || envelope::tls_only(style(Language::English, Explained::Nowhere)),
        (true, Language::English) => || envelope::tls_only(style(Language::English, Explained::Everywhere)),
        (true, Language::Chinese) => || envelope::tls_only(style(Language::Chinese, Explained::Everywhere)),
    }
}

/// The open sockets of one API, with their limits.
struct Listener {
    sockets: Vec<Socket>,
    config: ListenerConfig,
    connection_limits: ConnectionLimits,
    counts: Arc<Counts>,
    /// The answer to plain HTTP on a TLS port.
    refuse_plain: fn() -> Response<Full<Bytes>>,
}

impl Listener {
    fn public(sockets: Vec<Socket>, config: &Config, telemetry: &Telemetry, in_dev: bool) -> Self {
        let mut listener = config.listener();
        let is_explained = in_dev && config.server.error_detail;
        if is_explained {
            listener.broken_http = BROKEN_HTTP_EXPLAINED;
        }
        Self {
            sockets,
            config: listener,
            connection_limits: config.connection_limits(),
            counts: Arc::clone(&telemetry.public),
            refuse_plain: plain_http_refusal(is_explained, config.server.language.language()),
        }
    }

    fn admin(sockets: Vec<Socket>, config: &Config, telemetry: &Telemetry) -> Self {
        Self {
            sockets,
            config: config.listener(),
            connection_limits: Config::admin_connection_limits(),
            counts: Arc::clone(&telemetry.admin),
            refuse_plain: router::tls_only,
        }
    }

    /// `None` without sockets.
    fn metrics(sockets: Vec<Socket>, config: &Config, telemetry: &Telemetry) -> Option<Self> {
        (!sockets.is_empty()).then(|| Self {
            connection_limits: Config::metrics_connection_limits(),
            counts: Arc::clone(&telemetry.metrics),
            ..Self::admin(sockets, config, telemetry)
        })
    }

    fn serve(self, stop: CancellationToken, answer: impl Handler) -> JoinHandle<()> {
        let Self { sockets, config, connection_limits, counts, refuse_plain } = self;
        tokio::spawn(accept::serve(sockets, config, connection_limits, counts, stop, answer, refuse_plain))
    }
}

#[cfg(test)]
mod tests;
