//! A running server: two listeners over one store, from start to graceful end.

use crate::admin::{self, Gate, Tokens};
use crate::api;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::listener::{self, Counts, Socket};
use crate::registry::Registry;
use crate::secret::{self, AdminToken};
use crate::webhook::{EventIds, Webhooks};
use anyhow::Context;
use portrait_model::Clock;
use portrait_store::Store;
use rustls::ServerConfig;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the listeners speak TLS; `None` is plain HTTP. Made by [`listener::tls_config`], of any certificate resolver.
#[derive(Default)]
pub(crate) struct ServerTls {
    pub(crate) public: Option<Arc<ServerConfig>>,
    pub(crate) admin: Option<Arc<ServerConfig>>,
}

/// A server that accepts requests.
pub(crate) struct Server {
    /// Where the public API listens: `http://…`, `https://…` or `unix:/path`.
    pub(crate) urls: Vec<String>,
    /// Where the admin API listens.
    pub(crate) admin_urls: Vec<String>,
    store: Arc<dyn Store>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    delivering: JoinHandle<()>,
}

impl Server {
    /// Opens every address and starts to serve. `data` is the store's directory, `None` in memory.
    pub(crate) async fn start(
        config: &Config,
        data: Option<&Path>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        token: AdminToken,
        tls: ServerTls,
    ) -> anyhow::Result<Self> {
        let mode = config.server.unix_mode.0;
        let public = Socket::open(&config.server.listen, tls.public.as_ref(), mode).await?;
        let control = Socket::open(&config.server.admin_listen, tls.admin.as_ref(), mode).await?;
        let urls = public.iter().map(Socket::url).collect::<Result<_, _>>()?;
        let admin_urls = control.iter().map(Socket::url).collect::<Result<_, _>>()?;
        let registry = Arc::new(Registry::load(Arc::clone(&store)).await.context("can't read the apps")?);
        say_if_empty(&registry);
        let (stop, stopped) = watch::channel(false);
        let webhooks = config.webhook.read(data.map(Path::to_owned))?;
        let webhooks =
            Webhooks::new(webhooks, Arc::clone(&store), Arc::clone(&registry), Arc::clone(&clock))?;
        let webhooks = Arc::new(webhooks);
        let event_ids = Arc::new(EventIds::new(secret::random_u64()?));
        let tokens = Tokens::load(Arc::clone(&store), token).await.context("can't read the admin tokens")?;
        let admin = admin::State::new(
            Arc::clone(&store),
            Arc::clone(&registry),
            Arc::clone(&clock),
            Arc::clone(&event_ids),
            Some(Arc::clone(&webhooks)),
            Gate::Tokens(Arc::new(tokens)),
        );
        let delivering = tokio::spawn(webhooks.run(stopped.clone()));
        let seed = secret::random_u64()?;
        let gateway = Gateway::new(Arc::clone(&store), registry, clock, event_ids, config.gateway(), seed);
        let gateway = Arc::new(gateway);

        let answer = move |request, peer: IpAddr| {
            let gateway = Arc::clone(&gateway);
            async move { gateway.answer(request, peer).await }
        };
        let admin = admin::router(admin);
        let answer_admin = move |request, peer: IpAddr| {
            let admin = admin.clone();
            async move { admin::answer(admin, request, peer).await }
        };
        let limits = config.listener();
        let serve_public = listener::serve(
            public,
            limits,
            config.seating(),
            Arc::new(Counts::default()),
            stopped.clone(),
            answer,
            api::tls_only,
        );
        let serve_control = listener::serve(
            control,
            limits,
            Config::admin_seating(),
            Arc::new(Counts::default()),
            stopped,
            answer_admin,
            admin::tls_only,
        );
        let listeners = vec![tokio::spawn(serve_public), tokio::spawn(serve_control)];
        Ok(Self { urls, admin_urls, store, stop, listeners, delivering })
    }

    /// The first TCP socket of the public API that speaks `http` or `https`.
    pub(crate) fn socket(&self, scheme: &str) -> Option<SocketAddr> {
        self.urls.iter().find_map(|url| url.strip_prefix(scheme)?.strip_prefix("://")?.parse().ok())
    }

    /// Stops accepting, lets what is in flight finish, and closes the store.
    pub(crate) async fn stop(self) {
        // Without receivers both listeners have ended already.
        let _ = self.stop.send(true);
        for task in self.listeners.into_iter().chain([self.delivering]) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the server ended badly");
            }
        }
        self.store.close().await;
    }
}

fn say_if_empty(registry: &Registry) {
    if registry.all().is_empty() {
        tracing::warn!(
            "there is no app yet, so every call is answered with 70020: portraitd app create SDKAPPID --data DIR"
        );
    }
}
