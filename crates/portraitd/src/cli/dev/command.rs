//! `portraitd dev`: a working emulator with one command.

use super::banner;
use super::fixtures;
use super::fixtures::{Start, StartArgs};
use super::hosting;
use crate::cli::secret_argument::secret;
use crate::cli::serve::instance::{AdminFile, StopSignals, admin_token, url_here};
use crate::config::Config;
use crate::config::log::LogFormat;
use crate::config::server::LanguageName;
use crate::logging::start_log;
use crate::open_store::open_store;
use crate::server::Server;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portraitd_admin::secret::{AdminToken, random_token, random_u64};
use portraitd_emulator::clock::EmulatorClock;
use portraitd_emulator::emulator::Emulator;
use portraitd_emulator::sandbox::Sandbox;
use portraitd_emulator::{fault, seed};
use portraitd_model::{Clock, SdkAppId, SignRequest, sign};
use portraitd_store::{MemoryStore, Store};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DEFAULT_LOG: &str = "warn";

/// Start an emulator for development and CI
///
/// Creates an app with a key, an admin, three sample accounts (alice, bob, carol) and the custom
/// field `Tag_Profile_Custom_Test`, then prints what to paste. Without --data nothing is kept after exit.
///
/// UserSigs are checked as in production. Frequency limits are off, and ErrorDisplay explains errors.
/// Only requests to local names are let in, since any web page could send one to your machine.
#[derive(Debug, clap::Args)]
// Flattened into `run`, which has a group of the same name.
#[command(verbatim_doc_comment)]
#[group(skip)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "PORTRAITD_SERVER_LISTEN")]
    listen: SocketAddr,
    /// Where the admin API listens
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0",
        env = "PORTRAITD_SERVER_ADMIN_LISTEN"
    )]
    admin_listen: SocketAddr,
    /// Keep everything in this directory instead of in memory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    start: StartArgs,
    /// Write everything to this file when it ends, in the form that its name says (.jsonl, .toml)
    #[arg(long, value_name = "FILE")]
    export_on_exit: Option<PathBuf>,
    /// Make calls go wrong by the rules in this file (TOML; docs/EMULATOR.md)
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// The admin API's token; a random one unless given. @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "TOKEN", value_parser = secret, conflicts_with = "data")]
    admin_token: Option<String>,
    /// Switch the cloud's frequency limits on (60007, 60011, 70050)
    #[arg(long)]
    limits: bool,
    /// Answer ErrorDisplay empty, as the cloud does
    #[arg(long)]
    no_error_detail: bool,
    /// Also let in requests for this Host or Origin (repeatable)
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    #[command(flatten)]
    hosting: hosting::Args,
    /// The language of what is printed and of error details
    #[arg(long, value_enum, default_value_t, env = "PORTRAITD_SERVER_LANGUAGE")]
    language: LanguageName,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t, env = "PORTRAITD_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug (one line a request) or trace
    #[arg(long, value_name = "LEVEL", default_value = DEFAULT_LOG, env = "PORTRAITD_LOG_FILTER")]
    log: String,
    /// Print one line of JSON instead of the page
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        config.server.listen = self.hosting.listen(self.listen);
        config.server.admin_listen = self.admin_listen.into();
        config.server.language = self.language;
        config.server.error_detail = !self.no_error_detail;
        config.server.allow_hosts = Some(self.allow_host.clone());
        config.limits.enabled = self.limits;
        if !self.limits {
            config.limits.usersig_failures_per_ip = 0;
        }
        // A receiver under development is on this machine or near it.
        config.webhook.allow_networks =
            vec![IpNet::from(Ipv4Net::default()), IpNet::from(Ipv6Net::default())];
        config.log.format = self.log_format;
        config.log.filter.clone_from(&self.log);
        if self.log == DEFAULT_LOG {
            // A client that does not trust the certificate often says no more than "connection failed".
            config.log.filter.push_str(",portraitd_http::tls=debug");
        }
        config
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    start_log(&args.config().log)?;
    crate::cli::runtime::runtime()?.block_on(dev(args))
}

async fn dev(args: Args) -> anyhow::Result<()> {
    let signals = StopSignals::new()?;
    let running = Running::start(&args).await?;
    running.page.print(args.json, args.language.language(), args.data.as_deref())?;
    signals.asked_to_stop().await;
    running.stop(&args).await
}

/// An emulator that serves, and what there is to know of it.
pub(super) struct Running {
    pub(super) page: banner::Page,
    server: Server,
    proxy: Option<hosting::Proxy>,
    emulator: Arc<Emulator>,
    store: Arc<dyn Store>,
    app: SdkAppId,
}

impl Running {
    pub(super) async fn start(args: &Args) -> anyhow::Result<Self> {
        if let Some(file) = &args.export_on_exit {
            // Now, not after a day's work.
            seed::Form::of(file)?;
        }
        let prepared = args.hosting.prepare(&args.allow_host)?;
        let (memory, store): (_, Arc<dyn Store>) = if let Some(data) = &args.data {
            (None, open_store(data, args.config().store())?)
        } else {
            let memory = Arc::new(MemoryStore::new());
            (Some(Arc::clone(&memory)), memory)
        };
        let token = match &args.admin_token {
            Some(token) => fixtures::admin_token(token)?,
            None => args.data.as_deref().map_or_else(random_token, admin_token)?,
        };
        let clock = Arc::new(EmulatorClock::default());
        let Start { app, key, admin } = fixtures::prepare(store.as_ref(), &args.start, clock.now()).await?;
        let emulator = Emulator::new(Arc::clone(&clock), memory.map(Sandbox::new), app);
        load_faults(args.faults.as_deref(), &emulator, store.as_ref()).await?;
        let emulator = Arc::new(emulator);
        let server = Server::start(
            &args.config(),
            args.data.as_deref(),
            Arc::clone(&store),
            Arc::<EmulatorClock>::clone(&clock),
            AdminToken::new(&token),
            prepared.server_tls()?,
            Some(Arc::clone(&emulator)),
        )
        .await?;
        let proxy = args.hosting.open_proxy(&prepared, &server, args.language.language()).await?;
        if let Some(data) = &args.data {
            AdminFile::write(data, &server.admin_urls, None)?;
        }
        let (time, expire) = (clock.now().seconds(), banner::USERSIG_SECONDS);
        let usersig = sign(&key, SignRequest { app, identifier: admin, time, expire, userbuf: None });
        let page = banner::Page {
            url: url_here(&server.urls),
            tls_url: server.socket("https").map(|address| format!("https://{}", hosting::here(address))),
            proxy_url: proxy.as_ref().map(hosting::Proxy::url),
            certificates: prepared.directory(),
            admin_url: url_here(&server.admin_urls),
            admin_token: token,
            sdkappid: app.0,
            key: key.expose().to_owned(),
            admin: admin.to_string(),
            usersig,
        };
        // Nobody else sets it.
        let _ = emulator.environment.set(page.environment()?);
        Ok(Self { page, server, proxy, emulator, store, app })
    }

    /// Lets what is in flight finish, leaves everything in a file when that was asked for, and ends.
    pub(super) async fn stop(mut self, args: &Args) -> anyhow::Result<()> {
        self.server.finish().await;
        if let Some(proxy) = self.proxy {
            proxy.stop().await;
        }
        for idle in self.emulator.faults.idle() {
            tracing::warn!("{idle}");
        }
        let exported = match &args.export_on_exit {
            Some(file) => export(file, &self.emulator, self.store.as_ref(), self.app).await,
            None => Ok(()),
        };
        self.server.stop().await;
        if let Some(data) = &args.data {
            AdminFile::remove(data);
        }
        exported
    }
}

async fn load_faults(file: Option<&Path>, emulator: &Emulator, store: &dyn Store) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let apps: Vec<SdkAppId> = store.catalog().await?.iter().map(|record| record.settings.id).collect();
    let added = emulator.faults.add(fault::file::read(file, &apps)?, true, random_u64()?);
    added.map(drop).map_err(anyhow::Error::msg)
}

/// Leaves everything in a file; throw-away apps are not part of it.
async fn export(file: &Path, emulator: &Emulator, store: &dyn Store, app: SdkAppId) -> anyhow::Result<()> {
    let image = match &emulator.sandbox {
        Some(sandbox) => sandbox.kept(),
        None => portraitd_store::Image::of(store).await?,
    };
    seed::write(file, &image, app)
}
