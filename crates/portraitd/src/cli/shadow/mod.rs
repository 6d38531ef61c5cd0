//! `portraitd shadow`: calls go to the cloud and to portraitd, and differences of their answers are reported.

mod report_file;
mod summary;

use self::report_file::ReportFile;
use crate::cli::dev::listen_address::listen_address;
use crate::cli::language::causes;
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{note, print_json_line, say};
use crate::cli::serve::instance::StopSignals;
use crate::cli::server_url::option_url;
use crate::config::Config;
use crate::config::log::LogSection;
use crate::logging::start_log;
use crate::preflight;
use portraitd_admin::router;
use portraitd_admin::secret::random_u64;
use portraitd_api::clock::SystemClock;
use portraitd_api::envelope::{self, Explained, Style};
use portraitd_http::accept;
use portraitd_http::address::Address;
use portraitd_http::certificate::Certificate;
use portraitd_http::connection::Handler;
use portraitd_http::connection_limit::ConnectionLimits;
use portraitd_http::server_url::ServerUrl;
use portraitd_http::socket::Socket;
use portraitd_http::tls::Tls;
use portraitd_model::Language;
use portraitd_shadow::control;
use portraitd_shadow::report_view::ReportView;
use portraitd_shadow::service::{Shadow, ShadowParts};
use portraitd_shadow::side::{Side, Sides};
use portraitd_shadow::start_check::{Probe, check_addresses};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Compare portraitd with the cloud under the calls of your back ends
///
/// Forwards each call to the cloud, answers with the cloud's answer, and then makes the same call on
/// a running portraitd, whose app has the cloud's SDKAppID and key. Every difference of code, shape
/// and value is counted (docs/SHADOW.md). Once the report is clean, let portraitd answer:
///
///   portraitd shadow --cloud https://console.tim.qq.com --here http://127.0.0.1:8080
///   curl http://127.0.0.1:8086/report
///   curl -X PUT http://127.0.0.1:8086/answer -d '{"from":"here"}'
///
/// Exit code 0: calls were compared, without a difference; 3: there were differences; 4: nothing was
/// compared; 1: it failed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::doc_markdown, reason = "help, with commands that can be pasted")]
#[cfg_attr(doc, expect(rustdoc::bare_urls, reason = "the same"))]
pub(crate) struct Args {
    /// The base URL of the cloud's REST API
    #[arg(long, value_name = "URL")]
    cloud: String,
    /// The base URL of portraitd's public API, or `unix:/PATH`
    #[arg(long, value_name = "URL")]
    here: String,
    /// The address that back ends call; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8085", value_parser = listen_address)]
    listen: SocketAddr,
    /// The address of the report and the switch, on this machine; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8086", value_parser = listen_address)]
    control: SocketAddr,
    /// The side whose answers callers get; PUT /answer changes it while it runs
    #[arg(long, value_name = "SIDE", value_enum, default_value_t = AnswerFrom::Cloud)]
    answer: AnswerFrom,
    /// Trust the certificates in this file (PEM) beside the system's, when calling either side
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Speak HTTPS on --listen, with this certificate (PEM, with its chain)
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// How long an answer of either side may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    timeout_ms: u64,
    /// Write the report to this file at the end, as JSON; until then the file stays as it is
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print one line of JSON for the addresses, for each first difference, and for the report at the end
    #[arg(long)]
    json: bool,
}

/// Which side answers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AnswerFrom {
    /// The cloud; then the call is made here
    Cloud,
    /// Portraitd; then the call is made on the cloud, so that going back stays possible
    Here,
}

impl From<AnswerFrom> for Side {
    fn from(answer: AnswerFrom) -> Self {
        match answer {
            AnswerFrom::Cloud => Self::Cloud,
            AnswerFrom::Here => Self::Here,
        }
    }
}

/// Runs until it is asked to stop.
pub(crate) fn run(args: Args) -> ExitCode {
    let done = start_log(&LogSection::default())
        .and_then(|_log| crate::cli::runtime::runtime())
        .and_then(|runtime| runtime.block_on(shadow(args)));
    done.unwrap_or_else(|error| {
        causes::report(&error);
        ExitCode::FAILURE
    })
}

/// The sockets of both listeners.
struct Listeners {
    public: Vec<Socket>,
    control: Vec<Socket>,
    /// Reloads the certificate until it is dropped.
    certificate: Option<Arc<Certificate>>,
}

impl Listeners {
    async fn open(args: &Args) -> anyhow::Result<Self> {
        anyhow::ensure!(
            args.control.ip().to_canonical().is_loopback(),
            localized!(
                "--control {}: the report and the switch are for this machine alone; write 127.0.0.1:PORT",
                "--control {}：报告与切换只供本机使用；请写作 127.0.0.1:端口",
                args.control
            )
        );
        let [public, control] = [args.listen, args.control].map(|socket| Address::Tcp { socket, tls: None });
        anyhow::ensure!(
            !control.overlaps(&public),
            localized!(
                "--control {control} can't be opened beside --listen {public}; give one of them another port",
                "--control {control} 与 --listen {public} 无法同时监听；请将其中一个改为其他端口"
            )
        );
        let pair = args.certificate.as_deref().zip(args.certificate_key.as_deref());
        let certificate = pair.map(|(chain, key)| Certificate::load(chain, key).map(Arc::new)).transpose()?;
        let tls = certificate.clone().map(|certificate| Tls::new(certificate)).transpose()?;
        // 0 is the mode of Unix sockets, of which there is none.
        Ok(Self {
            public: Socket::open([&public].into_iter(), tls.as_ref(), 0).await?,
            control: Socket::open([&control].into_iter(), None, 0).await?,
            certificate,
        })
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let sockets = self.public.iter().chain(&self.control);
        let address = |socket: &Socket| match socket {
            Socket::Tcp { listener, .. } => listener.local_addr().ok(),
            Socket::Unix { .. } => None,
        };
        sockets.filter_map(address).collect()
    }
}

async fn shadow(args: Args) -> anyhow::Result<ExitCode> {
    let mut signals = StopSignals::new()?;
    // The end of an SSH session must not stop back ends: the signal is taken over, and nothing is done.
    let _hangup = signal(SignalKind::hangup())?;
    let urls = Sides { cloud: option_url("--cloud", &args.cloud)?, here: option_url("--here", &args.here)? };
    let mut config = Config::default();
    // Its memory holds UserSigs and values.
    preflight::forbid_core_dumps();
    preflight::raise_open_files(&mut config);
    let report_file = args.report.as_deref().map(ReportFile::prepare).transpose()?;
    let listeners = Listeners::open(&args).await?;
    let checked = check_addresses(&urls, &listeners.addresses()).await;
    checked.map_err(|sentence| anyhow::Error::msg(sentence.pick(language()).to_owned()))?;
    let time_limit = Duration::from_millis(args.timeout_ms);
    let json = args.json;
    let shadow = Arc::new(Shadow::new(ShadowParts {
        urls: urls.clone(),
        ca: args.ca.as_deref(),
        answers_from: args.answer.into(),
        time_limit,
        random: random()?,
        clock: Arc::new(SystemClock),
        language: language(),
        on_first: Box::new(move |row| say(summary::first_difference(row, language(), json))),
    })?);
    let stop = CancellationToken::new();
    let watching = listeners.certificate.map(|certificate| {
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.run_until_cancelled(certificate.watch()).await;
        })
    });
    let url = |sockets: &[Socket]| {
        sockets.iter().map(Socket::url).next().transpose().map(Option::unwrap_or_default)
    };
    let (public_url, control_url) = (url(&listeners.public)?, url(&listeners.control)?);
    let answering = Arc::clone(&shadow);
    let answer = move |request, peer: IpAddr| Arc::clone(&answering).answer(request, peer);
    let public = serve(listeners.public, &config, config.connection_limits(), &stop, answer);
    let routes = control::router(Arc::clone(&shadow));
    let answer = move |request, peer: IpAddr| router::answer(routes.clone(), request, peer);
    let control = serve(listeners.control, &config, Config::admin_connection_limits(), &stop, answer);
    say(summary::started(&shadow, &urls, [&public_url, &control_url], language(), json));
    let probing = tokio::spawn(probe(Arc::clone(&shadow), urls));
    signals.next().await;
    note(localized!(
        "stopping: calls in progress are still made on both sides; a second signal gives them up, and the report is written all \
         the same",
        "正在停止：处理中的请求仍会在两边完成；再次发送信号则放弃这些请求，报告照常写出"
    ));
    probing.abort();
    stop.cancel();
    tokio::select! {
        // Each call may wait for both sides.
        () = finish([Some(public), Some(control), watching], &shadow, time_limit * 2) => {}
        () = signals.next() => shadow.finish(Duration::ZERO).await,
    }
    let report = shadow.report();
    // When the file can't be written, the summary is there at least.
    let written = report_file.map(|file| file.write(&serde_json::to_string_pretty(&report)?)).transpose();
    if json {
        print_json_line(&report)?;
    } else {
        say(summary::of(&report, &public_url, language()));
    }
    written.map(|_| exit_code(&report))
}

/// Waits for the listeners, and for the calls that they took.
async fn finish(listeners: [Option<JoinHandle<()>>; 3], shadow: &Shadow, at_most: Duration) {
    for task in listeners.into_iter().flatten() {
        if let Err(error) = task.await {
            tracing::error!(%error, "a listener failed");
        }
    }
    shadow.finish(at_most).await;
}

fn exit_code(report: &ReportView) -> ExitCode {
    const DIFFERENT: u8 = 3;
    const NOTHING_COMPARED: u8 = 4;
    ExitCode::from(match (report.differences.is_empty(), report.total.compared) {
        (false, _) => DIFFERENT,
        (true, 0) => NOTHING_COMPARED,
        (true, _) => 0,
    })
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&random_u64()?.to_ne_bytes());
    }
    Ok(bytes)
}

fn serve(
    sockets: Vec<Socket>,
    config: &Config,
    limits: ConnectionLimits,
    stop: &CancellationToken,
    answer: impl Handler,
) -> JoinHandle<()> {
    let refuse_plain =
        || envelope::tls_only(Style { language: Language::English, explained: Explained::Nowhere });
    let serving =
        accept::serve(sockets, config.listener(), limits, Arc::default(), stop.clone(), answer, refuse_plain);
    tokio::spawn(serving)
}

/// Tries both sides. Calls are answered whether they answer or not; a mistyped URL must show at once all the same.
async fn probe(shadow: Arc<Shadow>, urls: Sides<ServerUrl>) {
    for side in [Side::Here, Side::Cloud] {
        warn_of(side, urls.get(side), &shadow.probe(side).await);
    }
}

fn warn_of(side: Side, url: &ServerUrl, probe: &Probe) {
    let option = side.name();
    let sentence = match probe {
        Probe::Answers => return,
        Probe::OtherAnswer(status) => localized!(
            "--{option} {url} answers HTTP {status}, and not as the REST API does: is the URL right?",
            "--{option} {url} 返回 HTTP {status}，并非 REST API 的应答：URL 是否正确？"
        ),
        Probe::NoAnswer => localized!(
            "--{option} {url} does not answer: is the URL right, does it run, and is its certificate trusted (--ca)? \
             Until it does, nothing is compared",
            "--{option} {url} 没有应答：URL 是否正确、服务是否在运行、证书是否受信任（--ca）？在它应答之前不作任何比较"
        ),
    };
    tracing::warn!("{sentence}");
}
