//! `portraitd dev`: starts an emulator, prints its credentials, and stops it on a signal.

use super::cloud_names;
use super::emulator_info::{self, EmulatorInfo};
use super::fixtures;
use super::fixtures::{FixtureArgs, PreparedApp};
use super::listen_address::listen_address;
use super::refused_calls::{RefusedPrinter, refused_calls_summary};
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::note;
use crate::cli::secret_argument::secret;
use crate::cli::serve::instance::{AdminFile, StopSignals, admin_token, url_here};
use crate::config::Config;
use crate::config::log::LogFormat;
use crate::logging::{RunningLog, start_log};
use crate::open_store::{ensure_no_node, open_directory};
use crate::server::{Server, ServerParts};
use anyhow::Context;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portraitd_admin::secret::{AdminToken, random_token, random_u64};
use portraitd_emulator::clock::EmulatorClock;
use portraitd_emulator::command_name::Others;
use portraitd_emulator::emulator::Emulator;
use portraitd_emulator::sandbox::Sandbox;
use portraitd_emulator::{fault, seed};
use portraitd_model::{AppKey, Clock, SdkAppId, SignRequest, sign};
use portraitd_store::{MemoryStore, Store};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DEFAULT_LOG: &str = "warn";

/// Start an emulator for development and CI
///
/// Creates an app with a key, an admin, three sample accounts (alice, bob, carol) and the custom
/// field `Tag_Profile_Custom_Test`, then prints commands to paste. Without --data no data is kept
/// after exit.
///
/// UserSigs are checked as in production. Frequency limits are off, and ErrorDisplay explains errors.
/// Each refused call is shown in one line on standard error, equal ones counted (not with --json).
/// Only requests to local names are accepted, because any web page could send one to your machine.
#[derive(Debug, clap::Args)]
// No group: these are flattened into `run`, which has a group of the same name.
#[command(verbatim_doc_comment)]
#[group(skip)]
pub(crate) struct Args {
    /// The address of the API; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "PORTRAITD_SERVER_LISTEN", value_parser = listen_address)]
    listen: SocketAddr,
    /// The address of the admin API; port 0 takes a free port
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0",
        env = "PORTRAITD_SERVER_ADMIN_LISTEN",
        value_parser = listen_address
    )]
    admin_listen: SocketAddr,
    /// Keep the data in this directory instead of in memory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    fixtures: FixtureArgs,
    /// Write the data to this file on exit, in the format of its extension (.jsonl, .toml)
    #[arg(long, value_name = "FILE")]
    export_on_exit: Option<PathBuf>,
    /// Inject faults by the rules in this file (TOML; docs/EMULATOR.md)
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// The admin API's token [default: random]. @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "TOKEN", value_parser = secret, conflicts_with = "data")]
    admin_token: Option<String>,
    /// Enforce the cloud's frequency limits (60007, 60011, 70050)
    #[arg(long)]
    limits: bool,
    /// Leave ErrorDisplay empty, as the cloud does
    #[arg(long)]
    no_error_detail: bool,
    /// What the rest of the cloud's REST commands are answered
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    others: Others,
    /// Also accept requests for this Host or Origin (repeatable)
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    #[command(flatten)]
    pub(super) cloud: cloud_names::CloudArgs,
    /// The format of log lines
    #[arg(long, value_enum, default_value_t, env = "PORTRAITD_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug (one line a request) or trace
    #[arg(long, value_name = "LEVEL", default_value = DEFAULT_LOG, env = "PORTRAITD_LOG_FILTER")]
    log: String,
    /// Print one line of JSON instead of text, and no refused calls
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        config.server.listen = self.cloud.listen(self.listen);
        config.server.admin_listen = self.admin_listen.into();
        config.server.language = language().into();
        config.server.error_detail = !self.no_error_detail;
        config.server.allow_hosts = Some(self.allow_host.clone());
        config.limits.enabled = self.limits;
        if !self.limits {
            config.limits.usersig_failures_per_ip = 0;
        }
        // A webhook receiver under development is on this machine or in a private network.
        config.webhook.allow_networks =
            vec![IpNet::from(Ipv4Net::default()), IpNet::from(Ipv6Net::default())];
        config.log.format = self.log_format;
        config.log.filter.clone_from(&self.log);
        if self.log == DEFAULT_LOG && self.json {
            // The terminal shows these among the refused calls, which JSON leaves out. The client often reports no more than
            // "connection failed".
            config.log.filter.push_str(",portraitd_http::tls=debug,portraitd_emulator::proxy=debug");
        }
        config
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let log = Arc::new(start_log(&args.config().log)?);
    crate::cli::runtime::runtime()?.block_on(dev(args, log))
}

async fn dev(args: Args, log: Arc<RunningLog>) -> anyhow::Result<()> {
    let signals = StopSignals::new()?;
    let running = RunningEmulator::start(&args, log).await?;
    // Before the addresses are printed, so that no call is missed. A program that reads the JSON asks the control API.
    let printer = (!args.json)
        .then(|| RefusedPrinter::start(Arc::clone(&running.emulator), language()))
        .transpose()
        .context("can't start a thread")?;
    running.info.print(args.json, language(), args.data.as_deref())?;
    if !args.json && AppKey::weakness(&running.info.key).is_some() {
        let (bytes, least) = (running.info.key.len(), AppKey::STRONG_BYTES_MIN);
        note(localized!(
            "The key is {bytes} bytes long: that will do for an emulator. Real apps have at least {least} bytes (portraitd app create).\n",
            "密钥长 {bytes} 字节：用于模拟器没有问题；正式应用的密钥至少 {least} 字节（portraitd app create）。\n"
        ));
    }
    signals.asked_to_stop().await;
    let stopped = running.stop(&args).await;
    if let Some(printer) = printer {
        printer.stop();
    }
    stopped
}

/// An emulator that serves, with its addresses and credentials.
pub(super) struct RunningEmulator {
    pub(super) info: EmulatorInfo,
    server: Server,
    proxy: Option<cloud_names::RunningProxy>,
    emulator: Arc<Emulator>,
    store: Arc<dyn Store>,
    app: SdkAppId,
}

impl RunningEmulator {
    /// Returns the address of the HTTP port and that of the HTTPS port.
    pub(super) fn ports(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (plain, tls) = self.server.socket("http").zip(self.server.socket("https"))?;
        Some((cloud_names::reachable(plain), cloud_names::reachable(tls)))
    }

    /// Returns how many calls have arrived.
    pub(super) fn calls_received(&self) -> u64 {
        self.emulator.calls_received()
    }

    pub(super) async fn start(args: &Args, log: Arc<RunningLog>) -> anyhow::Result<Self> {
        if let Some(file) = &args.export_on_exit {
            // An unusable name is an error now, not after the work that would be exported.
            seed::SeedFormat::from_path(file)?;
        }
        let certificates = args.cloud.prepare(&args.allow_host)?;
        let (memory, store): (_, Arc<dyn Store>) = if let Some(data) = &args.data {
            ensure_no_node(data)?;
            (None, open_directory(data, args.config().store())?)
        } else {
            let memory = Arc::new(MemoryStore::new());
            (Some(Arc::clone(&memory)), memory)
        };
        let token = match &args.admin_token {
            Some(token) => fixtures::admin_token(token)?,
            None => args.data.as_deref().map_or_else(random_token, admin_token)?,
        };
        let clock = Arc::new(EmulatorClock::default());
        let PreparedApp { app, key, admin } =
            fixtures::prepare(store.as_ref(), &args.fixtures, clock.now()).await?;
        let emulator = Emulator::new(Arc::clone(&clock), memory.map(Sandbox::new), app, args.others);
        load_faults(args, &emulator, store.as_ref()).await?;
        let emulator = Arc::new(emulator);
        let server = Server::start(ServerParts {
            config: &args.config(),
            data: args.data.as_deref(),
            store: Arc::clone(&store),
            clock: Arc::<EmulatorClock>::clone(&clock),
            log,
            admin_token: AdminToken::new(&token),
            tls: certificates.server_tls()?,
            emulator: Some(Arc::clone(&emulator)),
        })
        .await?;
        let proxy = args.cloud.open_proxy(&certificates, &server, Arc::clone(&emulator), language()).await?;
        if let Some(data) = &args.data {
            AdminFile::write(data, &server.admin_urls, None)?;
        }
        let (time, expire) = (clock.now().seconds(), emulator_info::USERSIG_SECONDS);
        let usersig = sign(&key, SignRequest { app, identifier: admin, time, expire, userbuf: None });
        let info = EmulatorInfo {
            url: url_here(&server.urls),
            tls_url: server
                .socket("https")
                .map(|address| format!("https://{}", cloud_names::reachable(address))),
            proxy_url: proxy.as_ref().map(cloud_names::RunningProxy::url),
            certificates: certificates.directory(),
            admin_url: url_here(&server.admin_urls),
            admin_token: token,
            sdkappid: app.0,
            key: key.expose().to_owned(),
            admin: admin.to_string(),
            usersig,
        };
        // This is the only place that sets it.
        let _ = emulator.environment.set(info.environment()?);
        Ok(Self { info, server, proxy, emulator, store, app })
    }

    /// Writes the refused requests to standard error, unless all is well.
    pub(super) fn show_refused_calls_unless(&self, well: bool) {
        let summary = refused_calls_summary(&self.emulator, language());
        if let Some(summary) = summary.filter(|_| !well) {
            note(format_args!("{summary}"));
        }
    }

    /// Lets calls in flight finish, exports the data when `--export-on-exit` is set, and stops.
    pub(super) async fn stop(mut self, args: &Args) -> anyhow::Result<()> {
        self.server.finish().await;
        if let Some(proxy) = self.proxy {
            proxy.stop().await;
        }
        for rule in self.emulator.faults.unused_rules() {
            tracing::warn!("{rule}");
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

async fn load_faults(args: &Args, emulator: &Emulator, store: &dyn Store) -> anyhow::Result<()> {
    let Some(file) = &args.faults else { return Ok(()) };
    let apps: Vec<SdkAppId> = store.catalog().await?.iter().map(|record| record.settings.id).collect();
    let rules = fault::file::read(file, &apps, args.others, language())?;
    let added = emulator.faults.add(rules, true, random_u64()?);
    added.map(drop).map_err(|sentence| anyhow::Error::msg(sentence.pick(language()).to_owned()))
}

/// Writes the data to a file, without throw-away apps.
async fn export(file: &Path, emulator: &Emulator, store: &dyn Store, app: SdkAppId) -> anyhow::Result<()> {
    let image = match &emulator.sandbox {
        Some(sandbox) => sandbox.export_image(),
        None => portraitd_store::Image::of(store).await?,
    };
    seed::write(file, &image, app)
}
