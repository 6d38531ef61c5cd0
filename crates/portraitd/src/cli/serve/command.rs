//! `portraitd serve`: the production service.

use super::certificates::Certificates;
use super::config::Layers;
use super::instance::{AdminFile, StopSignals, admin_token};
use super::notify::ServiceState;
use super::reload::Reload;
use crate::config::Config;
use crate::config::load::Loaded;
use crate::logging::{RunningLog, start_log};
use crate::open_store::{OpenStore, open_store};
use crate::preflight;
use crate::server::{Server, ServerParts};
use portraitd_admin::secret::AdminToken;
use portraitd_api::clock::SystemClock;
use portraitd_model::Clock;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Run the service on a data directory
///
/// Settings are read from the file, then from PORTRAITD_… environment variables, then from flags; a
/// later source overrides an earlier one. `portraitd config --example` prints a file with every
/// setting, its default, unit and limits; `portraitd config show` prints the values in effect.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    layers: Layers,
    /// Print the addresses as one line of JSON once the server listens
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, command_line: clap::Command) -> anyhow::Result<()> {
    let Args { layers, json } = args;
    let Loaded { config, warnings, .. } = layers.load(&command_line)?;
    let log = Arc::new(start_log(&config.log)?);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    crate::cli::runtime::runtime()?.block_on(async {
        let reload = Reload::new(layers, command_line, Arc::clone(&log), config.clone())?;
        serve(config, reload, log, json).await
    })
}

async fn serve(mut config: Config, reload: Reload, log: Arc<RunningLog>, json: bool) -> anyhow::Result<()> {
    let mut signals = StopSignals::new()?;
    let data = config.server.data.clone();
    let certificates = Certificates::load(&config)?;
    let tls = certificates.server_tls()?;
    preflight::forbid_core_dumps();
    preflight::raise_open_files(&mut config);
    preflight::check_network(&config, tls.public.is_some(), tls.admin.is_some())?;
    preflight::check_clock(SystemClock.now().seconds());
    let mut watching = JoinSet::new();
    certificates.watch_files(&mut watching);
    // It may wait for a database for as long as that is away.
    let opened = tokio::select! {
        opened = open_store(&config, &data) => opened?,
        () = signals.next() => return Ok(()),
    };
    let OpenStore { store, lock } = opened;
    let admin_token = AdminToken::new(&admin_token(&data)?);
    preflight::check_files(&config, &data)?;
    let apps = store.catalog().await?;
    preflight::check_keys(&config, &apps)?;
    preflight::warn_of_weak_keys(&data, &apps);
    drop(apps);
    let server = Server::start(ServerParts {
        config: &config,
        data: Some(&data),
        store,
        clock: Arc::new(SystemClock),
        log,
        admin_token,
        tls,
        emulator: None,
    })
    .await?;
    AdminFile::write(&data, &server.admin_urls, config.tls.admin_certificate.as_deref())?;
    announce(&server, config.has_console(), json);
    ServiceState::Ready.tell();
    watching.spawn(reload.watch(certificates));
    signals.asked_to_stop().await;
    ServiceState::Stopping.tell();
    server.stop().await;
    AdminFile::remove(&data);
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

fn announce(server: &Server, has_console: bool, json: bool) {
    let Server { urls, admin_urls, metrics_urls, .. } = server;
    let reachable = admin_urls.iter().find(|url| has_console && url.starts_with("http"));
    let console = reachable.map(|url| format!("{url}/console/"));
    let metrics = Some(metrics_urls.join(", ")).filter(|urls| !urls.is_empty());
    let (all, all_admin) = (urls.join(", "), admin_urls.join(", "));
    tracing::info!(url = all, admin_url = all_admin, metrics_url = metrics, console, "portraitd listens");
    if json {
        let (url, admin_url) = (urls.first(), admin_urls.first());
        crate::cli::output::say(serde_json::json!({
            "url": url, "admin_url": admin_url, "urls": urls, "admin_urls": admin_urls, "metrics_urls": metrics_urls
        }));
    }
}
