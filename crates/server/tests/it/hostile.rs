//! Hostile clients: whatever they do, an honest one is served meanwhile, memory stays within its bound, and their
//! connections end. `SCALE` makes the attacks longer; then the honest client's latencies with and without them are
//! worth comparing.

use crate::harness::{App, Connection, TestServer, path_of, post};
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Short patience, so that slow clients run out of time within a test.
const TIMES: &str =
    "header_timeout_ms = 1000\nbody_timeout_ms = 1000\nidle_timeout_ms = 2000\nwrite_timeout_ms = 1000\n";
const RSS_MAX_KIB: u64 = 256 * 1024;
const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;
const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

/// A server of `serve` with limits out of the way, and an app with an account on it.
struct Target {
    _folder: tempfile::TempDir,
    server: TestServer,
}

impl Target {
    fn start(settings: &str) -> Self {
        Self::start_with(&format!("{TIMES}{settings}"))
    }

    fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            format!("[server]\n{settings}\n[limits]\nenabled = false\nusersig_failures_per_ip = 0\n");
        let server = TestServer::serve(&folder.path().join("data"), &config);
        Self { _folder: folder, server }
    }

    fn app(&self) -> App<'_> {
        let app = self.server.app();
        app.import("alice");
        app
    }

    /// The most memory that the server ever held, in KiB.
    fn peak_rss(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sockets that the server has open.
    fn sockets(&self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.server.child.id())).unwrap();
        let names = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        names.filter(|name| name.to_string_lossy().starts_with("socket:")).count()
    }

    /// Waits until as few sockets are open as at first: nothing may be left behind.
    fn wait_for_sockets(&self, at_first: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.sockets() > at_first {
            assert!(Instant::now() < deadline, "{} sockets stay open", self.sockets() - at_first);
            std::thread::yield_now();
        }
    }
}

fn scale() -> u32 {
    std::env::var("SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

/// Calls like an honest back end: on a connection that it keeps, and on new ones. Gives the slowest calls' times.
fn honest(app: &App<'_>, calls: usize) -> Vec<Duration> {
    let (get, set) = (app.request("portrait_get", GET), app.request("portrait_set", SET));
    let mut kept = app.server.connect();
    let mut times = Vec::new();
    while times.len() < calls {
        let request = if times.len() % 4 == 0 { &set } else { &get };
        if times.len() % 16 == 15 {
            kept = app.server.connect();
        }
        let started = Instant::now();
        let answer = kept.exchange(request).expect_answer();
        times.push(started.elapsed());
        assert_eq!(answer.code(), 0, "{answer:?}");
    }
    times.sort();
    times
}

trait ExpectAnswer {
    fn expect_answer(self) -> crate::harness::Answer;
}

impl ExpectAnswer for Option<crate::harness::Answer> {
    fn expect_answer(self) -> crate::harness::Answer {
        self.unwrap_or_else(|| panic!("an honest client was cut off"))
    }
}

fn percentile(times: &[Duration], part: usize) -> Duration {
    times[(times.len() * part / 100).min(times.len() - 1)]
}

/// Runs an attack in several threads, an honest client beside it, and looks at what is left.
fn withstands(name: &str, target: &Target, threads: usize, attack: impl Fn(&App<'_>, &AtomicBool) + Sync) {
    let app = target.app();
    let calls = 200 * scale() as usize;
    let quiet = honest(&app, calls);
    let at_first = target.sockets();
    let stop = AtomicBool::new(false);
    let under = std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..threads).map(|_| scope.spawn(|| attack(&app, &stop))).collect();
        let times = honest(&app, calls);
        stop.store(true, Ordering::Relaxed);
        for attacker in attackers {
            attacker.join().unwrap();
        }
        times
    });
    // Both of the honest client's are closed by now.
    target.wait_for_sockets(at_first);
    let after = honest(&app, 20);
    let peak = target.peak_rss();
    eprintln!(
        "{name}: p50 {:?} alone, {:?} beside it; p99 {:?}, {:?}; after {:?}; peak {peak} KiB",
        percentile(&quiet, 50),
        percentile(&under, 50),
        percentile(&quiet, 99),
        percentile(&under, 99),
        percentile(&after, 50),
    );
    assert!(peak < RSS_MAX_KIB, "{name}: {peak} KiB");
}

fn connect(app: &App<'_>) -> Option<TcpStream> {
    let stream = TcpStream::connect(&app.server.address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    Some(stream)
}

/// Reads until the server closes; fails when it does not.
fn wait_for_end(mut stream: TcpStream) {
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

#[test]
fn slow_and_silent_ones() {
    let target = Target::start("");
    withstands("silent, half a head, a dripping head", &target, 1, |app, _| {
        for round in 0..scale() {
            let mut streams: Vec<TcpStream> = (0..600).filter_map(|_| connect(app)).collect();
            for (n, stream) in streams.iter_mut().enumerate() {
                match n % 3 {
                    0 => {}
                    1 => stream.write_all(b"POST /v4/profile/portrait_get HTTP/1.1\r\nHost: loc").unwrap(),
                    _ => stream.write_all(b"P").unwrap(),
                }
            }
            // The dripping ones send a byte each in turn, until the server has had enough of them.
            for letter in b"OST /v4/profile/portrait_get?a=b HTTP/1.1\r\n".iter().cycle().take(400) {
                for stream in streams.iter_mut().skip(2).step_by(3) {
                    let _ = stream.write_all(&[*letter]);
                }
            }
            eprintln!("round {round}: {} connections", streams.len());
            streams.into_iter().for_each(wait_for_end);
        }
    });
}

#[test]
fn bodies_that_never_come() {
    let target = Target::start("");
    withstands("slow bodies of callers with and without a UserSig", &target, 1, |app, _| {
        let good = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
        for _ in 0..scale() {
            let mut streams: Vec<TcpStream> = (0..400).filter_map(|_| connect(app)).collect();
            for (n, stream) in streams.iter_mut().enumerate() {
                let target = if n % 2 == 0 { good.as_str() } else { "/v4/profile/portrait_set" };
                let head = format!(
                    "POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                let chunk = format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000));
                let _ = stream.write_all(chunk.as_bytes());
            }
            streams.into_iter().for_each(wait_for_end);
        }
    });
}

#[test]
fn answers_that_nobody_reads() {
    let target = Target::start("");
    withstands("large answers, never read", &target, 1, |app, _| {
        let users: Vec<String> = (0..100).map(|n| format!("user{n}")).collect();
        for user in &users {
            app.import(user);
            let items: Vec<_> = ["Nick", "SelfSignature", "Image", "Location"]
                .map(|tag| json!({"Tag": format!("Tag_Profile_IM_{tag}"), "Value": "x".repeat(500)}))
                .into();
            let set = json!({"From_Account": user, "ProfileItem": items});
            assert_eq!(app.code("portrait_set", &set.to_string()), 0);
        }
        let tags = ["Nick", "SelfSignature", "Image", "Location"].map(|tag| format!("Tag_Profile_IM_{tag}"));
        let request = app.request("portrait_get", &json!({"To_Account": users, "TagList": tags}).to_string());
        let to = app.server.address.parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let streams: Vec<_> =
            (0..12 * scale()).filter_map(|_| connect_from([127, 0, 0, 3], to, &runtime).ok()).collect();
        // A quarter of a megabyte each: more than the sockets between take, however many are asked for.
        for mut stream in &streams {
            for _ in 0..40 {
                let _ = stream.write_all(&request);
            }
        }
        // Not read, and not closed: the server has to end them.
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut scrap = [0];
        for stream in &streams {
            stream.set_nonblocking(true).unwrap();
            while !matches!(stream.take_error(), Ok(Some(_))) && stream.peek(&mut scrap).is_ok() {
                assert!(Instant::now() < deadline, "a connection whose answers nobody reads is still open");
                std::thread::yield_now();
            }
        }
    });
}

#[test]
fn floods() {
    let target = Target::start("");
    withstands("connections that come and go", &target, 2, |app, stop| {
        while !stop.load(Ordering::Relaxed) {
            drop(connect(app));
        }
    });
    withstands("refused requests, pipelined without end", &target, 2, |app, stop| {
        let flood = post("/v4/profile/portrait_get", GET).repeat(100);
        while !stop.load(Ordering::Relaxed) {
            let Some(mut stream) = connect(app) else { continue };
            while !stop.load(Ordering::Relaxed) && stream.write_all(&flood).is_ok() {}
        }
    });
    withstands("wrong UserSigs", &target, 2, |app, stop| {
        let sig = crate::usersig::enclose(&format!("{{\"TLS.ver\":\"2.0\",\"X\":\"{}\"}}", "x".repeat(7000)));
        let flood = post(
            &format!("/v4/profile/portrait_get?sdkappid={}&identifier=administrator&usersig={sig}", app.id),
            GET,
        );
        let mut connection = app.server.connect();
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(connection.exchange(&flood).expect_answer().code(), 70003);
        }
    });
    withstands("heads without end", &target, 2, |app, stop| {
        let line = format!("X-A: {}\r\n", "x".repeat(1000)).into_bytes();
        while !stop.load(Ordering::Relaxed) {
            let Some(mut stream) = connect(app) else { continue };
            let mut sent = stream.write_all(b"POST / HTTP/1.1\r\n");
            while sent.is_ok() && !stop.load(Ordering::Relaxed) {
                sent = stream.write_all(&line);
            }
        }
    });
}

/// A connection from another address of this machine.
fn connect_from(
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

/// One address can't take every place, and who comes from elsewhere is served as always.
#[test]
fn more_connections_than_there_are_places() {
    let (places, attempts) = if scale() > 1 { (10_240, 19_000) } else { (1_000, 2_000) };
    let half = places / 2;
    let target =
        Target::start_with(&format!("connections_max = {places}\nconnections_per_address_max = {half}\n"));
    let app = target.app();
    let to: SocketAddr = target.server.address.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let at_first = target.sockets();
    let mut held = Vec::new();
    for _ in 0..attempts {
        held.extend(connect_from([127, 0, 0, 2], to, &runtime).ok());
    }
    let open = target.sockets() - at_first;
    assert!(open <= places / 2 + 8, "{open} of {places} places are taken by one address");
    assert!(target.server.log().contains("connection refused: too many"));
    let times = honest(&app, 100);
    eprintln!(
        "{attempts} attempts, {open} places taken; honest p50 {:?}; peak {} KiB",
        percentile(&times, 50),
        target.peak_rss()
    );
    assert!(target.peak_rss() < RSS_MAX_KIB);
    drop(held);
    target.wait_for_sockets(at_first + 1);
}

/// Beyond what it can have in hand the server says so at once, and recovers by itself.
#[test]
fn more_requests_than_can_be_in_hand() {
    let target = Target::start("requests_max = 4\n");
    let app = target.app();
    let good = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
    let mut slow: Vec<Connection> = (0..4).map(|_| target.server.connect()).collect();
    for connection in &mut slow {
        connection.send(
            format!("POST {good} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{{").as_bytes(),
        );
    }
    let busy = loop {
        let answer = target.server.connect().exchange(&app.request("portrait_get", GET)).expect_answer();
        if answer.code() != 0 {
            break answer;
        }
    };
    assert_eq!(busy.code(), 60008);
    assert!(busy.header("x-error-detail").unwrap().contains("as many requests in hand"), "{busy:?}");
    for connection in &mut slow {
        assert_eq!(connection.answer().expect_answer().code(), 60008, "the slow body's time is over");
    }
    assert_eq!(app.code("portrait_get", GET), 0);
}
