//! `portraitd doctor`: checks everything that a server needs, and names a remedy for each problem.

use super::assessment::Assessment;
use super::assessment::Verdict::{self, Bad, Good, Warning};
use super::backups;
use super::config::Layers;
use super::healthcheck;
use super::instance::AdminFile;
use super::journal;
use crate::cli::language::causes::{describe, with_causes};
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{count, when};
use crate::config::Config;
use crate::config::listeners::Listener;
use crate::config::load::Loaded;
use crate::open_store;
use crate::preflight;
use portraitd_api::clock::SystemClock;
use portraitd_http::address::Address;
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
        Err(error) => note("configuration", (Bad, with_causes(&error))),
        Ok(Loaded { config, warnings, .. }) => {
            note(
                "configuration",
                (Good, localized!("every key and every value is valid", "所有配置项及其值均有效")),
            );
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
                Good => language().pick("ok  ", "正常"),
                Warning => language().pick("warn", "警告"),
                Bad => language().pick("BAD ", "错误"),
            };
            let name = name_of(what);
            crate::cli::output::say(localized!("{mark}  {name}: {sentence}", "{mark}  {name}：{sentence}"));
        }
    }
    anyhow::ensure!(
        bad == 0,
        localized!("{bad} of {} checks failed", "{bad} 项检查未通过，共 {} 项", results.len())
    );
    Ok(())
}

/// The name of a check, in the language of the command line.
fn name_of(what: &'static str) -> &'static str {
    const CHINESE: [(&str, &str); 12] = [
        ("configuration", "配置"),
        ("environment", "环境变量"),
        ("certificates", "证书"),
        ("network", "网络"),
        ("data directory", "数据目录"),
        ("disk", "磁盘"),
        ("journal", "重做日志"),
        ("backups", "备份"),
        ("database", "数据库"),
        ("clock", "时钟"),
        ("open files", "打开文件数"),
        ("server", "服务"),
    ];
    let chinese = CHINESE.iter().find(|(english, _)| *english == what).map_or(what, |(_, chinese)| chinese);
    language().pick(what, chinese)
}

fn certificates(config: &Config) -> Assessment {
    const DAYS_LEFT: i64 = 14;
    let pairs: Vec<_> = [config.tls.public(), config.tls.admin()].into_iter().flatten().collect();
    let now = i64::try_from(SystemClock.now().seconds().0).unwrap_or(i64::MAX);
    for (chain, key) in &pairs {
        let days = match Certificate::load(chain, key) {
            Ok(certificate) => (certificate.not_after() - now) / 86_400,
            Err(error) => return (Bad, with_causes(&error)),
        };
        if days < 0 {
            return (Bad, localized!("{} has expired; renew it", "{} 已过期；请更新", chain.display()));
        }
        if days < DAYS_LEFT {
            let (chain, left) = (chain.display(), count(days.unsigned_abs(), "day"));
            return (
                Warning,
                localized!("{chain} expires in {left}; renew it", "{chain} 将在 {days} 天后过期；请更新"),
            );
        }
    }
    let sentence = if pairs.is_empty() {
        localized!("none is configured", "未配置证书")
    } else {
        localized!("every certificate is valid", "所有证书均有效")
    };
    (Good, sentence)
}

fn network(config: &Config) -> Assessment {
    let (public, admin) = (config.tls.public().is_some(), config.tls.admin().is_some());
    if let Err(error) = preflight::check_network(config, public, admin) {
        return (Bad, with_causes(&error));
    }
    let [on_public, _, on_metrics] = config.listeners();
    match on_public.addresses().find(|address| address.is_exposed(public)) {
        Some(address) => (
            Warning,
            localized!(
                "server.listen = {address} accepts plain HTTP from other machines; configure [tls], or put a proxy with TLS in front",
                "server.listen = {address} 接受来自其他机器的明文 HTTP；请配置 [tls]，或在前面放置支持 TLS 的代理"
            ),
        ),
        None => match on_metrics.addresses().find(|address| address.is_exposed(admin)) {
            Some(address) => (
                Good,
                localized!(
                    "other machines reach no API without TLS; they can read metrics at server.metrics_listen = {address}",
                    "其他机器不经 TLS 无法访问任何 API；可在 server.metrics_listen = {address} 读取指标"
                ),
            ),
            None => (
                Good,
                localized!(
                    "no listener can be reached from other machines without TLS",
                    "其他机器不经 TLS 无法访问任何监听地址"
                ),
            ),
        },
    }
}

fn directory(config: &Config, data: &Path) -> Assessment {
    let shown = data.display();
    if !data.exists() {
        return (
            Warning,
            localized!("{shown} does not exist yet; serve creates it", "{shown} 尚不存在；serve 会创建它"),
        );
    }
    if let Err(error) = preflight::check_files(config, data) {
        return (Bad, with_causes(&error));
    }
    match rustix::fs::access(data, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => (
            Good,
            localized!(
                "{shown} can be written, and other users can't read it",
                "{shown} 可写入，且其他用户无法读取"
            ),
        ),
        Err(error) => (
            Bad,
            localized!(
                "this user can't write to {shown} ({error}); chown it to the user that runs the service",
                "当前用户无法写入 {shown}（{error}）；请用 chown 将其所有者改为运行服务的用户"
            ),
        ),
    }
}

fn disk(data: &Path) -> Assessment {
    const BYTES_MIN: u64 = 2 << 30;
    let place = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(place) {
        Err(error) => {
            (Warning, localized!("the free space can't be read: {error}", "无法读取剩余空间：{error}"))
        }
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let (mib, percent) = (free >> 20, disk.f_bavail.saturating_mul(100) / disk.f_blocks.max(1));
            if free < BYTES_MIN || percent < 5 {
                return (
                    Warning,
                    localized!(
                        "{mib} MiB ({percent} %) are free; the journal needs 512 MiB, and the write-ahead log up to 1 GiB during a backup: free some space",
                        "剩余 {mib} MiB（{percent} %）；重做日志需要 512 MiB，备份期间预写日志最多需要 1 GiB：请释放空间"
                    ),
                );
            }
            (Good, localized!("{mib} MiB ({percent} %) are free", "剩余 {mib} MiB（{percent} %）"))
        }
    }
}

/// Every host of the database, if the data is in one.
fn database(config: &Config) -> Vec<Assessment> {
    let url = match open_store::database(config) {
        Ok(Some(url)) => url,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![(Bad, with_causes(&error))],
    };
    let runtime = match crate::cli::runtime::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return vec![(Bad, with_causes(&error))],
    };
    let reports = runtime.block_on(portraitd_mysql::examine(&url));
    let one_works = reports.iter().any(|report| report.found.is_ok());
    reports.into_iter().map(|report| of_host(report, one_works)).collect()
}

fn of_host(HostReport { host, found }: HostReport, another_works: bool) -> Assessment {
    match found {
        Ok(version) => (
            Good,
            localized!(
                "{host} can be used: {version}, tables of format {FORMAT}, durable commits, rights, a clock like ours",
                "{host} 可用：{version}，表的格式为 {FORMAT}，提交可持久化，权限足够，时钟一致"
            ),
        ),
        // It would be used after a failover.
        Err(OpenError::Refused { reason, .. }) => {
            let remedy = remedy(&reason).map(|remedy| localized!("; {remedy}", "；{remedy}"));
            (Bad, format!("{host}: {reason}{}", remedy.unwrap_or_default()))
        }
        Err(OpenError::Unreachable { reason, .. }) => {
            let remedy = remedy(&reason).unwrap_or(language().pick(
                "start it, and check its address, its port and the firewall",
                "请启动它，并检查其地址、端口与防火墙",
            ));
            (
                if another_works { Warning } else { Bad },
                localized!("{reason}; {remedy}", "{reason}；{remedy}"),
            )
        }
    }
}

/// What to do about what a host said, where it does not say so itself.
fn remedy(reason: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str, &str); 9] = [
        ("(error 1044)", "grant the user rights on this database", "请授予该用户对此数据库的权限"),
        (
            "(error 1045)",
            "correct user or password in store.url or its file, or make the user in the database",
            "请更正 store.url 或其密码文件中的用户与密码，或在数据库中创建该用户",
        ),
        ("(error 1698)", "let the user log in with a password", "请允许该用户以密码登录"),
        (
            "(error 1049)",
            "create the database, then: portraitd store migrate",
            "请创建该数据库，然后运行 portraitd store migrate",
        ),
        (
            "(error 1129)",
            "the host has locked this machine out after failed connections: FLUSH HOSTS there",
            "该主机因连接失败过多已拒绝本机：请在其上执行 FLUSH HOSTS",
        ),
        ("(error 1130)", "let the user connect from this machine", "请允许该用户从本机连接"),
        (
            "read-only",
            "let it take writes (read_only = 0), or name the host that does",
            "请允许写入（read_only = 0），或指明可写入的主机",
        ),
        ("not part of its cluster", "bring the host back into its cluster", "请让该主机重新加入集群"),
        (
            "TLS",
            "correct ?tls and tls_ca in store.url, or the host's certificate",
            "请更正 store.url 中的 ?tls 与 tls_ca，或该主机的证书",
        ),
    ];
    let known = KNOWN.iter().find(|(part, ..)| reason.contains(part));
    known.map(|(_, english, chinese)| language().pick(*english, *chinese))
}

fn clock() -> Assessment {
    let now = SystemClock.now().seconds();
    if now < preflight::FIRST_DAY {
        return (
            Bad,
            localized!(
                "it is years behind, so expired UserSigs would be accepted; set it, and run NTP",
                "时钟落后数年，过期的 UserSig 会被接受；请校正并运行 NTP"
            ),
        );
    }
    let shown = when(now.0 * 1_000);
    (Good, localized!("it shows {shown}; compare it with another machine", "显示 {shown}；请与其他机器核对"))
}

fn open_files(connections_max: usize) -> Assessment {
    /// Files for the store, the admin API and webhooks.
    const OTHERS: u64 = 512;
    let wanted = connections_max as u64 + OTHERS;
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < wanted => (
            Warning,
            localized!(
                "the limit is {limit}, and server.connections_max = {connections_max} needs {wanted}; raise LimitNOFILE in the unit, or ulimit -n",
                "上限为 {limit}，而 server.connections_max = {connections_max} 需要 {wanted}；请提高 unit 中的 LimitNOFILE，或 ulimit -n"
            ),
        ),
        _ => (
            Good,
            localized!(
                "the limit is high enough for server.connections_max",
                "上限足以满足 server.connections_max"
            ),
        ),
    }
}

/// Asks the server that runs on the data directory; when none does, checks whether one could listen.
fn server(config: &Config, data: &Path) -> Assessment {
    if data.is_dir() && is_in_use(data) {
        let asked = AdminFile::read(data)
            .and_then(|file| crate::cli::runtime::runtime()?.block_on(healthcheck::ready(file)));
        return match asked {
            Ok(None) => (Good, localized!("it runs and can write", "正在运行，且可写入")),
            Ok(Some(problem)) => (
                Warning,
                localized!("it runs and can write, but {problem}", "正在运行，且可写入，但 {problem}"),
            ),
            Err(error) => (Bad, localized!("it runs, but {}", "正在运行，但 {}", with_causes(&error))),
        };
    }
    if let Err(error) = check_wal(data) {
        return (Bad, describe(&error));
    }
    for address in config.listeners().iter().flat_map(Listener::addresses) {
        if let Address::Tcp { socket, .. } = address
            && let Err(error) = TcpListener::bind(socket)
        {
            return (Bad, describe(&BindError::new(*socket, error)));
        }
    }
    let sentence = localized!(
        "none runs on this data directory, and its ports are free",
        "此数据目录上没有运行中的服务，且其端口空闲"
    );
    (Good, sentence)
}
