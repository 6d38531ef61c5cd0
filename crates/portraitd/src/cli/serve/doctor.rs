//! `portraitd doctor`: looks at everything that a server needs, and says what to do about what is missing.

use super::config::Layers;
use super::healthcheck;
use super::instance::AdminFile;
use crate::config::Config;
use crate::config::load::Loaded;
use crate::preflight;
use portraitd_api::clock::SystemClock;
use portraitd_http::address::Address;
use portraitd_http::certificate::Certificate;
use portraitd_model::Clock;
use portraitd_sqlite::{check_wal, is_in_use};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use std::net::TcpListener;
use std::path::Path;

/// Look for what would keep a server from running well
///
/// Checks the configuration, certificates, the data directory, disk space, the clock, ports and limits, with the
/// same file, variables and flags as serve. Exit code 1 when something must be mended.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    layers: Layers,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What one look found.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    sentence: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Good,
    Warning,
    Bad,
}

use Verdict::{Bad, Good, Warning};

type Look = (Verdict, String);

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    let mut note = |what, (verdict, sentence): Look| findings.push(Finding { what, verdict, sentence });
    match args.layers.load(command_line) {
        Err(error) => note("configuration", (Bad, format!("{error:#}"))),
        Ok(Loaded { config, warnings, .. }) => {
            note("configuration", (Good, "every key is known and every value fits".into()));
            for warning in warnings {
                note("environment", (Warning, warning));
            }
            let data = config.server.data.as_path();
            note("certificates", certificates(&config));
            note("network", network(&config));
            note("data directory", directory(&config, data));
            note("disk", disk(data));
            note("clock", clock());
            note("open files", open_files(config.server.connections_max));
            note("server", server(&config, data));
        }
    }
    let bad = findings.iter().filter(|finding| finding.verdict == Bad).count();
    if args.json {
        crate::cli::output::print_json(&findings)?;
    } else {
        for Finding { what, verdict, sentence } in &findings {
            let mark = match verdict {
                Good => "ok  ",
                Warning => "warn",
                Bad => "BAD ",
            };
            crate::cli::output::say(format_args!("{mark}  {what}: {sentence}"));
        }
    }
    anyhow::ensure!(bad == 0, "{bad} of {} must be mended", findings.len());
    Ok(())
}

fn certificates(config: &Config) -> Look {
    const DAYS_LEFT: i64 = 14;
    let pairs: Vec<_> = [config.tls.public(), config.tls.admin()].into_iter().flatten().collect();
    let now = i64::try_from(SystemClock.now().seconds().0).unwrap_or(i64::MAX);
    for (chain, key) in &pairs {
        let days = match Certificate::load(chain, key) {
            Ok(certificate) => (certificate.not_after() - now) / 86_400,
            Err(error) => return (Bad, format!("{error:#}")),
        };
        if days < 0 {
            return (Bad, format!("{} has ended; renew it", chain.display()));
        }
        if days < DAYS_LEFT {
            return (Warning, format!("{} ends in {days} days; renew it", chain.display()));
        }
    }
    (Good, if pairs.is_empty() { "none are set" } else { "they can be used" }.into())
}

fn network(config: &Config) -> Look {
    let (public, admin) = (config.tls.public().is_some(), config.tls.admin().is_some());
    if let Err(error) = preflight::check_network(config, public, admin) {
        return (Bad, format!("{error:#}"));
    }
    match config.server.listen.iter().find(|address| address.is_exposed(public)) {
        Some(address) => (
            Warning,
            format!(
                "{address} takes plain HTTP from other machines; set [tls], or put a proxy with TLS in front"
            ),
        ),
        None => (Good, "nothing is open to other machines without TLS".into()),
    }
}

fn directory(config: &Config, data: &Path) -> Look {
    let shown = data.display();
    if !data.exists() {
        return (Warning, format!("{shown} is not there yet; serve makes it"));
    }
    if let Err(error) = preflight::check_files(config, data) {
        return (Bad, format!("{error:#}"));
    }
    match rustix::fs::access(data, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => (Good, format!("{shown} can be written, and is closed to others")),
        Err(error) => {
            (Bad, format!("{shown} can't be written by this user ({error}): chown it to the service's"))
        }
    }
}

fn disk(data: &Path) -> Look {
    const BYTES_MIN: u64 = 2 << 30;
    let place = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(place) {
        Err(error) => (Warning, format!("can't tell how full it is: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let (mib, percent) = (free >> 20, disk.f_bavail.saturating_mul(100) / disk.f_blocks.max(1));
            if free < BYTES_MIN || percent < 5 {
                return (
                    Warning,
                    format!("{mib} MiB ({percent} %) are free; the log alone may take 2 GiB: make room"),
                );
            }
            (Good, format!("{mib} MiB ({percent} %) are free"))
        }
    }
}

fn clock() -> Look {
    let now = SystemClock.now().seconds();
    if now < preflight::FIRST_DAY {
        return (Bad, "it is years behind, so expired UserSigs would be taken: set it, and run NTP".into());
    }
    (Good, format!("{} seconds since 1970; compare with another machine's", now.0))
}

fn open_files(connections_max: usize) -> Look {
    /// For the store, the listeners and webhooks.
    const OTHERS: u64 = 512;
    let wanted = connections_max as u64 + OTHERS;
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < wanted => (
            Warning,
            format!(
                "{limit} are allowed, {connections_max} connections need {wanted}: LimitNOFILE in the unit, or ulimit -n"
            ),
        ),
        _ => (Good, "as many as connections_max needs".into()),
    }
}

/// Asks the server that runs there, or looks whether one could listen.
fn server(config: &Config, data: &Path) -> Look {
    if data.is_dir() && is_in_use(data) {
        let asked = AdminFile::read(data)
            .and_then(|file| crate::cli::runtime::runtime()?.block_on(healthcheck::ready(file)));
        return match asked {
            Ok(()) => (Good, "it runs, and can write".into()),
            Err(error) => (Bad, format!("it runs, but: {error:#}")),
        };
    }
    if let Err(error) = check_wal(data) {
        return (Bad, error.to_string());
    }
    for address in config.server.listen.iter().chain(config.server.admin_listen.iter()) {
        if let Address::Tcp { socket, .. } = address
            && let Err(error) = TcpListener::bind(socket)
        {
            return (Bad, portraitd_http::bind_error::explain(*socket, &error));
        }
    }
    (Good, "none runs on this data, and its ports are free".into())
}
