//! A well-behaved client beside hostile ones: it gets every answer, the server's memory stays within its bound, and every
//! socket is given back. With `SCALE` the attacks are longer; then the honest client's latencies are worth comparing:
//! alone, beside threads that only burn as much of the machine as the attackers do, and under attack. What the
//! attackers' own work costs is in the second figure too; what the server does for them is the difference to the third.
//! `ROUNDS` measures all three so often in turn: a ratio is taken within a round, and the median of the rounds is shown.

use crate::harness::{Answer, App, Connection, TestServer};
use crate::tls::Authority;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Short patience, so that slow clients run out of time within a test.
const TIMES: &str =
    "header_timeout_ms = 1000\nbody_timeout_ms = 1000\nidle_timeout_ms = 2000\nwrite_timeout_ms = 1000\n";
pub(crate) const RSS_MAX_KIB: u64 = 256 * 1024;
pub(crate) const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;
const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

/// A server of `serve` with limits out of the way, and an app with an account on it.
pub(crate) struct Target {
    _folder: tempfile::TempDir,
    pub server: TestServer,
    authority: Option<Authority>,
}

impl Target {
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_with(&format!("{TIMES}{settings}"))
    }

    pub(crate) fn start_with(settings: &str) -> Self {
        Self::begin(settings, None)
    }

    /// With TLS for the public API.
    pub(crate) fn secure() -> Self {
        Self::secure_with(TIMES)
    }

    pub(crate) fn secure_with(settings: &str) -> Self {
        Self::begin(settings, Some(Authority::new("test")))
    }

    fn begin(settings: &str, authority: Option<Authority>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let tls = authority.as_ref().map_or(String::new(), |authority| {
            authority.certificate("localhost").write(folder.path(), "a");
            format!(
                "[tls]\ncertificate = \"{at}/a.pem\"\nkey = \"{at}/a.key\"\nhandshake_timeout_ms = 1000\n"
            )
        });
        let config =
            format!("[server]\n{settings}\n[limits]\nenabled = false\nusersig_failures_per_ip = 0\n{tls}");
        let server = TestServer::serve(&folder.path().join("data"), &config);
        Self { _folder: folder, server, authority }
    }

    pub(crate) fn app(&self) -> App<'_> {
        let app = self.server.app();
        let import = app.request("account_import", r#"{"UserID":"alice"}"#);
        assert_eq!(self.connect().exchange(&import).expect_answer().code(), 0);
        app
    }

    /// A connection of an honest client.
    pub(crate) fn connect(&self) -> Connection {
        match &self.authority {
            None => self.server.connect(),
            Some(_) => Connection::over(self.shake_hands(&self.client()).unwrap()),
        }
    }

    /// What a client of TLS needs to know.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let (authority, mut roots) = (self.authority.as_ref().unwrap(), RootCertStore::empty());
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    }

    pub(crate) fn shake_hands(
        &self,
        client: &Arc<ClientConfig>,
    ) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
        let socket = TcpStream::connect(&self.server.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        socket.set_nodelay(true)?;
        let mut stream = StreamOwned::new(connection, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }

    /// The most memory that the server ever held, in KiB.
    pub(crate) fn peak_rss(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory that the server holds, in KiB.
    pub(crate) fn rss(&self) -> u64 {
        self.status("VmRSS:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sockets that the server has open.
    pub(crate) fn sockets(&self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.server.child.id())).unwrap();
        let names = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        names.filter(|name| name.to_string_lossy().starts_with("socket:")).count()
    }

    /// Waits until as few sockets are open as at first: nothing may be left behind.
    pub(crate) fn wait_for_sockets(&self, at_first: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.sockets() > at_first {
            assert!(Instant::now() < deadline, "{} sockets stay open", self.sockets() - at_first);
            std::thread::yield_now();
        }
    }
}

pub(crate) fn scale() -> u32 {
    number("SCALE")
}

fn number(variable: &str) -> u32 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(1)
}

/// Calls like an honest back end: on a connection that it keeps, and on new ones. Gives its calls' times, sorted.
pub(crate) fn honest(target: &Target, app: &App<'_>, calls: usize) -> Vec<Duration> {
    let (get, set) = (app.request("portrait_get", GET), app.request("portrait_set", SET));
    let mut kept = target.connect();
    let mut times = Vec::new();
    while times.len() < calls {
        let request = if times.len() % 4 == 0 { &set } else { &get };
        if times.len() % 16 == 15 {
            kept = target.connect();
        }
        let started = Instant::now();
        let answer = kept.exchange(request).expect_answer();
        times.push(started.elapsed());
        assert_eq!(answer.code(), 0, "{answer:?}");
    }
    times.sort();
    times
}

pub(crate) trait ExpectAnswer {
    fn expect_answer(self) -> Answer;
}

impl ExpectAnswer for Option<Answer> {
    fn expect_answer(self) -> Answer {
        self.unwrap_or_else(|| panic!("an honest client was cut off"))
    }
}

pub(crate) fn percentile(times: &[Duration], part: usize) -> Duration {
    times[(times.len() * part / 100).min(times.len() - 1)]
}

/// Sets how a thread, or all of a process, gets the processor.
fn schedule(command: &str, options: &[&str], id: u32) {
    let done = Command::new(command).args(options).arg(id.to_string()).output().unwrap();
    assert!(done.status.success(), "{command} {options:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The number of this thread.
fn this_thread() -> u32 {
    let path = fs::read_link("/proc/thread-self").unwrap();
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

/// In a long test, the figures of which are worth comparing, everybody has a machine of his own, as far as that goes with two cores
/// (and root): the server has the first one, the honest client goes before it there, and the hostile ones have the second. Without
/// that the honest client would wait for the kernel, which takes up to 2 ms at a time to carry what the hostile ones send.
fn put_apart(server: u32) {
    schedule("taskset", &["-acp", "0"], server);
    schedule("taskset", &["-cp", "0"], this_thread());
    schedule("chrt", &["-f", "-p", "1"], this_thread());
}

/// Runs hostile threads, an honest client beside them. They are the last to get the processor, as if they were on
/// machines of their own.
fn alongside(
    threads: usize,
    hostile: impl Fn(&AtomicBool) + Sync,
    honest: impl FnOnce() -> Vec<Duration>,
) -> Vec<Duration> {
    /// Sends the others home, whether honest clients are well or a test has failed.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(threads + 1));
    std::thread::scope(|scope| {
        let home = Stop(&stop);
        let hostile = || {
            // Linux: of this thread alone.
            rustix::process::nice(19).unwrap();
            if scale() > 1 {
                // Its maker is first in line on the server's core, and so is it at first.
                schedule("chrt", &["-o", "-p", "0"], this_thread());
                schedule("taskset", &["-cp", "1"], this_thread());
            }
            ready.wait();
            hostile(&stop);
        };
        let attackers: Vec<_> = (0..threads).map(|_| scope.spawn(hostile)).collect();
        ready.wait();
        if scale() > 1 {
            // So that all of it is under attack.
            std::thread::sleep(Duration::from_millis(300));
        }
        let times = honest();
        drop(home);
        for attacker in attackers {
            attacker.join().unwrap();
        }
        times
    })
}

/// The times of an honest client's calls, each sorted.
struct Round {
    alone: Vec<Duration>,
    /// Beside threads that only burn.
    burning: Vec<Duration>,
    under: Vec<Duration>,
}

/// A percentile of all rounds, and how it grew under attack.
fn shown(rounds: &[Round], part: usize) -> String {
    let micros = |times: &[Duration]| percentile(times, part).as_secs_f64() * 1e6;
    let median = |figure: &dyn Fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let growth = median(&|round| micros(&round.under) / micros(&round.alone));
    format!(
        "p{part} {:.0} µs alone, {:.0} beside burning threads, {:.0} under attack: {growth:.2} times, {}",
        median(&|round| micros(&round.alone)),
        median(&|round| micros(&round.burning)),
        median(&|round| micros(&round.under)),
        if growth <= 2.0 { "within twice" } else { "BEYOND TWICE" },
    )
}

/// Runs an attack in several threads, an honest client beside it, and looks at what is left.
pub(crate) fn withstands(
    name: &str,
    target: &Target,
    threads: usize,
    attack: impl Fn(&App<'_>, &AtomicBool) + Sync,
) {
    if scale() > 1 {
        put_apart(target.server.child.id());
    }
    let app = target.app();
    let calls = 200 * scale() as usize;
    let burn = |stop: &AtomicBool| while !stop.load(Ordering::Relaxed) {};
    let rounds: Vec<Round> = (0..number("ROUNDS"))
        .map(|_| {
            // A short test has nothing to compare.
            let alone = honest(target, &app, if scale() > 1 { calls } else { 20 });
            let burning = if scale() > 1 {
                alongside(threads, burn, || honest(target, &app, calls))
            } else {
                alone.clone()
            };
            let at_first = target.sockets();
            let under = alongside(threads, |stop| attack(&app, stop), || honest(target, &app, calls));
            // Both of the honest client's are closed by now.
            target.wait_for_sockets(at_first);
            honest(target, &app, 20);
            Round { alone, burning, under }
        })
        .collect();
    let peak = target.peak_rss();
    eprintln!("{name}: {}; {}; peak {peak} KiB", shown(&rounds, 50), shown(&rounds, 99));
    assert!(peak < RSS_MAX_KIB, "{name}: {peak} KiB");
}

/// A connection that gives up soon when the server does not read.
pub(crate) fn connect(app: &App<'_>) -> Option<TcpStream> {
    let stream = TcpStream::connect(&app.server.address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    Some(stream)
}

/// A connection from another address of this machine.
pub(crate) fn connect_from(
    source: [u8; 4],
    to: SocketAddr,
    runtime: &tokio::runtime::Runtime,
) -> std::io::Result<TcpStream> {
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        // Little room for what is never read.
        socket.set_recv_buffer_size(4096)?;
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(source)), 0))?;
        socket.connect(to).await?.into_std()
    })
}

/// Reads until the server closes; fails when it does not.
pub(crate) fn wait_for_end(mut stream: TcpStream) {
    let mut scrap = [0; 4096];
    loop {
        match stream.read(&mut scrap) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                let timed_out =
                    [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut].contains(&error.kind());
                assert!(!timed_out, "a hostile connection is still open");
                return;
            }
        }
    }
}
