//! Hostile clients: another client is served meanwhile, memory stays within its limit, and their connections are closed.

use crate::attack_support::{
    ExpectAnswer, GET, RSS_MAX_KIB, Target, connect, connect_from, honest, percentile, scale, wait_for_end,
    withstands,
};
use crate::harness::{App, Connection, path_of, post};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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

/// A request whose answer has a quarter of a megabyte, and the 100 accounts that it asks for.
fn large_get(app: &App<'_>) -> Vec<u8> {
    let users: Vec<String> = (0..100).map(|n| format!("user{n}")).collect();
    let tags = ["Nick", "SelfSignature", "Image", "Location"].map(|tag| format!("Tag_Profile_IM_{tag}"));
    for user in &users {
        app.import(user);
        let items: Vec<_> = tags.iter().map(|tag| json!({"Tag": tag, "Value": "x".repeat(500)})).collect();
        let set = json!({"From_Account": user, "ProfileItem": items});
        assert_eq!(app.code("portrait_set", &set.to_string()), 0);
    }
    app.request("portrait_get", &json!({"To_Account": users, "TagList": tags}).to_string())
}

#[test]
fn answers_that_nobody_reads() {
    let target = Target::start("");
    withstands("large answers, never read", &target, 1, |app, _| {
        let request = large_get(app);
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

/// Large answers that nobody reads take no more memory than they may. Meanwhile other large answers are 60008 and small
/// ones are given; when the connections have ended, large ones are given again.
#[test]
fn large_answers_that_nobody_reads_stay_within_their_bound() {
    // Long enough that a busy machine holds enough answers at once.
    let target = Target::start_with("request_memory_bytes_max = 4194304\nwrite_timeout_ms = 15000\n");
    let app = target.app();
    let (request, to) = (large_get(&app), target.server.address.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let ask = || target.server.connect().exchange(&request).expect_answer();
    assert_eq!(ask().code(), 0);
    let (mut unread, deadline) = (Vec::new(), Instant::now() + Duration::from_mins(2));
    let refused = loop {
        let mut stream = connect_from([127, 0, 0, 3], to, &runtime).unwrap();
        // More than the sockets between take. The server does not read all of it.
        let _ = stream.write_all(&request.repeat(40));
        unread.push(stream);
        let answer = ask();
        if answer.code() != 0 {
            break answer;
        }
        assert!(Instant::now() < deadline, "{} answers are held", unread.len());
    };
    assert_eq!(refused.code(), 60008);
    assert!(
        refused.header("x-error-detail").unwrap().contains("limit of requests in progress"),
        "{refused:?}"
    );
    assert_eq!(app.code("portrait_get", GET), 0);
    while ask().code() != 0 {
        assert!(Instant::now() < deadline, "{} unread answers are still held", unread.len());
        std::thread::yield_now();
    }
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
    withstands("refused requests, pipelined without end, answers read", &target, 2, |app, stop| {
        let flood = post("/v4/profile/portrait_get", GET).repeat(100);
        while !stop.load(Ordering::Relaxed) {
            let Some(mut stream) = connect(app) else { continue };
            let mut answers = stream.try_clone().unwrap();
            std::thread::scope(|scope| {
                let mut scrap = [0; 16_384];
                scope.spawn(move || while answers.read(&mut scrap).is_ok_and(|length| length > 0) {});
                while !stop.load(Ordering::Relaxed) && stream.write_all(&flood).is_ok() {}
                let _ = stream.shutdown(Shutdown::Both);
            });
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

/// So many connections take a while to open.
pub(crate) const PATIENT: &str = "header_timeout_ms = 600000\nidle_timeout_ms = 600000\n";

/// One address can't take every place, and who comes from elsewhere is served as always.
#[test]
fn more_connections_than_there_are_places() {
    let (places, attempts) = if scale() > 1 { (10_240, 19_000) } else { (1_000, 2_000) };
    let half = places / 2;
    let target = Target::start_with(&format!(
        "connections_max = {places}\nconnections_per_address_max = {half}\n{PATIENT}"
    ));
    let app = target.app();
    let to: SocketAddr = target.server.address.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let at_first = target.sockets();
    let (started, mut held) = (Instant::now(), Vec::new());
    for _ in 0..attempts {
        held.extend(connect_from([127, 0, 0, 2], to, &runtime).ok());
    }
    let open = target.sockets() - at_first;
    assert!(open <= places / 2 + 8, "{open} of {places} places are taken by one address");
    // A line a minute, however many there are.
    let refusals = || target.server.log().matches("connection refused: too many").count() as u64;
    assert!((1..=1 + started.elapsed().as_secs() / 60).contains(&refusals()), "{} lines", refusals());
    let times = honest(&target, &app, 100);
    eprintln!(
        "{attempts} attempts, {open} places taken; honest p50 {:?}; peak {} KiB",
        percentile(&times, 50),
        target.peak_rss()
    );
    assert!(target.peak_rss() < RSS_MAX_KIB);
    drop(held);
    target.wait_for_sockets(at_first + 1);
}

/// Beyond its limit of requests in progress the server refuses at once, and recovers by itself.
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
    assert!(busy.header("x-error-detail").unwrap().contains("limit of requests in progress"), "{busy:?}");
    for connection in &mut slow {
        assert_eq!(connection.answer().expect_answer().code(), 60008, "the slow body's time is over");
    }
    assert_eq!(app.code("portrait_get", GET), 0);
}
