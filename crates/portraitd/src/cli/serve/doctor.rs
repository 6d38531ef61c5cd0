//! `portraitd doctor`: checks everything that a server needs, and names a remedy for each problem.

use super::assessment::Assessment;
use super::assessment::Verdict::{self, Bad, Good, Warning};
use super::backups;
use super::config::Layers;
use super::healthcheck;
use super::instance::AdminFile;
use super::journal;
use crate::cli::language::localized;
use crate::cli::output::{count, when};
use crate::config::Config;
use crate::config::load::Loaded;
use crate::open_store;
use crate::preflight;
use portraitd_api::clock::SystemClock;
use portraitd_http::address::{Address, Addresses};
use portraitd_http::bind_error::BindError;
use portraitd_http::certificate::Certificate;
use portraitd_model::Clock;
use portraitd_mysql::{FORMAT, HostReport, OpenError};
use portraitd_sqlite::{check_wal, is_in_use};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;
use std::net::TcpListener;
use std::path::Path;

/// Check whether a server can run here
///
/// Checks the configuration, certificates, the data directory, disk space, backups, the clock, ports
/// and limits, with the same file, variables and flags as serve. It asks the database or the storage of
/// the backups, if there is one. Exit code 1 when a check fails.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    layers: Layers,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct CheckResult {
    what: &'static str,
    verdict: Verdict,
    sentence: String,
}

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    let mut results = Vec::new();
    let mut note =
        |what, (verdict, sentence): Assessment| results.push(CheckResult { what, verdict, sentence });
    match args.layers.load(command_line) {
        Err(error) => note("configuration", (Bad, format!("{error:#}"))),
        Ok(Loaded { config, warnings, .. }) => {
            note("configuration", (Good, "every key and every value is valid".into()));
            for warning in warnings {
                note("environment", (Warning, warning));
            }
            let data = config.server.data.as_path();
            note("certificates", certificates(&config));
            note("network", network(&config));
            note("data directory", directory(&config, data));
            note("disk", disk(data));
            if let Some(journal) = journal::assess(data) {
                note("journal", journal);
            }
            if let Some(backups) = backups::assess(&config) {
                note("backups", backups);
            }
            for host in database(&config) {
                note("database", host);
            }
            note("clock", clock());
            note("open files", open_files(config.server.connections_max));
            note("server", server(&config, data));
        }
    }
    let bad = results.iter().filter(|result| result.verdict == Bad).count();
    if args.json {
        crate::cli::output::print_json(&results)?;
    } else {
        for CheckResult { what, verdict, sentence } in &results {
            let mark = match verdict {
                Good => "ok  ",
                Warning => "warn",
                Bad => "BAD ",
            };
            crate::cli::output::say(format_args!("{mark}  {what}: {sentence}"));
        }
    }
    anyhow::ensure!(
        bad == 0,
        localized!("{bad} of {} checks failed", "{bad} 项检查未通过，共 {} 项", results.len())
    );
    Ok(())
}

fn certificates(config: &Config) -> Assessment {
    const DAYS_LEFT: i64 = 14;
    let pairs: Vec<_> = [config.tls.public(), config.tls.admin()].into_iter().flatten().collect();
    let now = i64::try_from(SystemClock.now().seconds().0).unwrap_or(i64::MAX);
    for (chain, key) in &pairs {
        let days = match Certificate::load(chain, key) {
            Ok(certificate) => (certificate.not_after() - now) / 86_400,
            Err(error) => return (Bad, format!("{error:#}")),
        };
        if days < 0 {
            return (Bad, format!("{} has expired; renew it", chain.display()));
        }
        if days < DAYS_LEFT {
            return (
                Warning,
                format!("{} expires in {}; renew it", chain.display(), count(days.unsigned_abs(), "day")),
            );
        }
    }
    (Good, if pairs.is_empty() { "none is configured" } else { "every certificate is valid" }.into())
}

fn network(config: &Config) -> Assessment {
    let (public, admin) = (config.tls.public().is_some(), config.tls.admin().is_some());
    if let Err(error) = preflight::check_network(config, public, admin) {
        return (Bad, format!("{error:#}"));
    }
    let mut metrics = config.server.metrics_listen.iter().flat_map(Addresses::iter);
    match config.server.listen.iter().find(|address| address.is_exposed(public)) {
        Some(address) => (
            Warning,
            format!(
                "server.listen = {address} accepts plain HTTP from other machines; configure [tls], or put a proxy with TLS in front"
            ),
        ),
        None => match metrics.find(|address| address.is_exposed(admin)) {
            Some(address) => (
                Good,
                format!(
                    "other machines reach no API without TLS; they can read metrics at server.metrics_listen = {address}"
                ),
            ),
            None => (Good, "no listener can be reached from other machines without TLS".into()),
        },
    }
}

fn directory(config: &Config, data: &Path) -> Assessment {
    let shown = data.display();
    if !data.exists() {
        return (Warning, format!("{shown} does not exist yet; serve creates it"));
    }
    if let Err(error) = preflight::check_files(config, data) {
        return (Bad, format!("{error:#}"));
    }
    match rustix::fs::access(data, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => (Good, format!("{shown} can be written, and other users can't read it")),
        Err(error) => (
            Bad,
            format!("this user can't write to {shown} ({error}); chown it to the user that runs the service"),
        ),
    }
}

fn disk(data: &Path) -> Assessment {
    const BYTES_MIN: u64 = 2 << 30;
    let place = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(place) {
        Err(error) => (Warning, format!("the free space can't be read: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let (mib, percent) = (free >> 20, disk.f_bavail.saturating_mul(100) / disk.f_blocks.max(1));
            if free < BYTES_MIN || percent < 5 {
                return (
                    Warning,
                    format!(
                        "{mib} MiB ({percent} %) are free; the journal needs 512 MiB, and the write-ahead log up to 1 GiB during a backup: free some space"
                    ),
                );
            }
            (Good, format!("{mib} MiB ({percent} %) are free"))
        }
    }
}

/// Every host of the database, if the data is in one.
fn database(config: &Config) -> Vec<Assessment> {
    let url = match open_store::database(config) {
        Ok(Some(url)) => url,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![(Bad, format!("{error:#}"))],
    };
    let runtime = match crate::cli::runtime::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return vec![(Bad, format!("{error:#}"))],
    };
    let reports = runtime.block_on(portraitd_mysql::examine(&url));
    let one_works = reports.iter().any(|report| report.found.is_ok());
    reports.into_iter().map(|report| of_host(report, one_works)).collect()
}

fn of_host(HostReport { host, found }: HostReport, another_works: bool) -> Assessment {
    match found {
        Ok(version) => (
            Good,
            format!(
                "{host} can be used: {version}, tables of format {FORMAT}, durable commits, rights, a clock like ours"
            ),
        ),
        // It would be used after a failover.
        Err(OpenError::Refused { reason, .. }) => {
            let remedy = remedy(&reason).map(|remedy| format!("; {remedy}")).unwrap_or_default();
            (Bad, format!("{host}: {reason}{remedy}"))
        }
        Err(OpenError::Unreachable { reason, .. }) => {
            let remedy =
                remedy(&reason).unwrap_or("start it, and check its address, its port and the firewall");
            (if another_works { Warning } else { Bad }, format!("{reason}; {remedy}"))
        }
    }
}

/// What to do about what a host said, where it does not say so itself.
fn remedy(reason: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 9] = [
        ("(error 1044)", "grant the user rights on this database"),
        (
            "(error 1045)",
            "correct user or password in store.url or its file, or make the user in the database",
        ),
        ("(error 1698)", "let the user log in with a password"),
        ("(error 1049)", "create the database, then: portraitd store migrate"),
        ("(error 1129)", "the host has locked this machine out after failed connections: FLUSH HOSTS there"),
        ("(error 1130)", "let the user connect from this machine"),
        ("read-only", "let it take writes (read_only = 0), or name the host that does"),
        ("not part of its cluster", "bring the host back into its cluster"),
        ("TLS", "correct ?tls and tls_ca in store.url, or the host's certificate"),
    ];
    KNOWN.iter().find(|(part, _)| reason.contains(part)).map(|(_, remedy)| *remedy)
}

fn clock() -> Assessment {
    let now = SystemClock.now().seconds();
    if now < preflight::FIRST_DAY {
        return (
            Bad,
            "it is years behind, so expired UserSigs would be accepted; set it, and run NTP".into(),
        );
    }
    (Good, format!("it shows {}; compare it with another machine", when(now.0 * 1_000)))
}

fn open_files(connections_max: usize) -> Assessment {
    /// Files for the store, the admin API and webhooks.
    const OTHERS: u64 = 512;
    let wanted = connections_max as u64 + OTHERS;
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < wanted => (
            Warning,
            format!(
                "the limit is {limit}, and server.connections_max = {connections_max} needs {wanted}; raise LimitNOFILE in the unit, or ulimit -n"
            ),
        ),
        _ => (Good, "the limit is high enough for server.connections_max".into()),
    }
}

/// Asks the server that runs on the data directory; when none does, checks whether one could listen.
fn server(config: &Config, data: &Path) -> Assessment {
    if data.is_dir() && is_in_use(data) {
        let asked = AdminFile::read(data)
            .and_then(|file| crate::cli::runtime::runtime()?.block_on(healthcheck::ready(file)));
        return match asked {
            Ok(None) => (Good, "it runs and can write".into()),
            Ok(Some(problem)) => (Warning, format!("it runs and can write, but {problem}")),
            Err(error) => (Bad, format!("it runs, but {error:#}")),
        };
    }
    if let Err(error) = check_wal(data) {
        return (Bad, error.to_string());
    }
    let server = &config.server;
    let metrics = server.metrics_listen.iter().flat_map(Addresses::iter);
    for address in server.listen.iter().chain(server.admin_listen.iter()).chain(metrics) {
        if let Address::Tcp { socket, .. } = address
            && let Err(error) = TcpListener::bind(socket)
        {
            return (Bad, BindError::new(*socket, error).to_string());
        }
    }
    (Good, "none runs on this data directory, and its ports are free".into())
}
