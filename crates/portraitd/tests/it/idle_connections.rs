//! Connections that wait: each costs little memory, and gets its answer as soon as it asks. `SCALE` thousand of them.

use crate::attack_support::{ExpectAnswer, GET, Target, connect_from, honest, percentile, scale};
use crate::harness::{App, Connection};
use crate::hostile::PATIENT;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What a connection of plain HTTP may take, kernel buffers apart.
const HTTP_BYTES_MAX: u64 = 10 * 1024;

/// TLS has 4 KiB of its own to read into, and its keys.
const TLS_BYTES_MAX: u64 = 20 * 1024;

fn count() -> usize {
    1000 * scale() as usize
}

fn settings() -> String {
    let places = count() + 100;
    format!("connections_max = {places}\nconnections_per_address_max = {places}\n{PATIENT}")
}

/// Opens the connections, and waits until each takes no more than `bytes_each_max`. Then every hundredth asks.
fn hold(name: &str, target: &Target, bytes_each_max: u64, open: impl Fn(&App<'_>) -> Connection) {
    let app = target.app();
    honest(target, &app, 100);
    let (at_first, before) = (target.sockets(), target.rss());
    let mut held: Vec<Connection> = (0..count()).map(|_| open(&app)).collect();
    let deadline = Instant::now() + Duration::from_mins(1);
    while target.sockets() < count() {
        assert!(Instant::now() < deadline, "{name}: {} of {} are held", target.sockets(), count());
        std::thread::yield_now();
    }
    let each = || target.rss().saturating_sub(before) * 1024 / count() as u64;
    let at_once = each();
    while each() > bytes_each_max {
        assert!(Instant::now() < deadline, "{name}: {} bytes each", each());
        // The allocator gives memory back while it is used.
        honest(target, &app, 20);
    }
    let times = honest(target, &app, 100);
    eprintln!(
        "{name}: {} connections, {at_once} bytes each at first, {} later; honest p50 {:?}, p99 {:?}",
        count(),
        each(),
        percentile(&times, 50),
        percentile(&times, 99)
    );
    let request = app.request("portrait_get", GET);
    for connection in held.iter_mut().step_by(100) {
        // In two pieces, of which the first one wakes the connection.
        connection.send(&request[..40]);
        connection.send(&request[40..]);
        assert_eq!(connection.answer().expect_answer().code(), 0);
    }
    drop(held);
    target.wait_for_sockets(at_first);
}

fn plain(target: &Target) -> Connection {
    /// Another address than the honest client's.
    const SOURCE: [u8; 4] = [127, 0, 0, 2];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream: TcpStream = connect_from(SOURCE, target.server.address.parse().unwrap(), &runtime).unwrap();
    stream.set_nonblocking(false).unwrap();
    Connection::over(stream)
}

fn asked_once(mut connection: Connection, app: &App<'_>) -> Connection {
    let answer = connection.exchange(&app.request("portrait_get", GET));
    assert_eq!(answer.expect_answer().code(), 0);
    connection
}

#[test]
fn those_that_asked_once_cost_little_memory() {
    let target = Target::start_with(&settings());
    hold("asked once", &target, HTTP_BYTES_MAX, |app| asked_once(plain(&target), app));
}

#[test]
fn those_that_never_ask_cost_little_memory() {
    let target = Target::start_with(&settings());
    hold("silent", &target, HTTP_BYTES_MAX, |_| plain(&target));
}

#[test]
fn those_over_tls_cost_little_memory() {
    let target = Target::secure_with(&settings());
    hold("asked once over TLS", &target, TLS_BYTES_MAX, |app| asked_once(target.connect(), app));
}

/// A connection that paused between two requests, or within one, goes on, and ends with the server.
#[test]
fn one_that_paused_goes_on() {
    /// Not a wait for something to happen: longer than a connection keeps its buffers while it waits.
    fn pause() {
        std::thread::sleep(Duration::from_millis(700));
    }
    let mut target = Target::start_with(PATIENT);
    let app = target.app();
    let request = app.request("portrait_get", GET);
    let (mut paused, mut silent) = (target.connect(), target.connect());
    let code = |connection: &mut Connection| connection.answer().expect_answer().code();
    for pieces in [vec![request.len()], vec![1, 40, request.len()], vec![request.len() - 5, request.len()]] {
        pause();
        let mut sent = 0;
        for piece in pieces {
            paused.send(&request[sent..piece]);
            sent = piece;
            pause();
        }
        assert_eq!(code(&mut paused), 0);
    }
    // The start of a second request comes with the first one.
    for end in [50, request.len() - 5] {
        paused.send(&[&request, &request[..end]].concat());
        assert_eq!(code(&mut paused), 0);
        pause();
        paused.send(&request[end..]);
        assert_eq!(code(&mut paused), 0);
    }
    silent.send(&request);
    assert_eq!(code(&mut silent), 0);
    pause();
    target.server.signal("-TERM");
    for mut connection in [paused, silent] {
        assert!(connection.answer().is_none());
    }
    assert!(target.server.child.wait().unwrap().success());
}
