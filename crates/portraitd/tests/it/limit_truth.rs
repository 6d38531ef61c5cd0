//! What a frequency limit of so many calls a second lets through, counted from outside: never more than that and one second's worth at
//! once, and not less; an app within its limit is not refused because others are beyond theirs; a clock that jumps changes nothing.

use crate::harness::{App, Connection, TestServer};
use crate::torture::number;
use portraitd_test_support::disk::Disk;
use serde_json::json;
use std::time::{Duration, Instant};

const PER_SECOND: u32 = 50;
const CHECK: &str = r#"{"CheckItem":[{"UserID":"administrator"}]}"#;

/// One app's calls, by when they were answered and whether they passed.
#[derive(Default)]
struct Calls {
    passed: u32,
    refused: u32,
    /// Without pauses in which the machine had no time for this caller.
    seconds_asked: f64,
    seconds: f64,
}

/// Calls one after the other: `pace` a second, or as fast as it goes.
fn call(server: &TestServer, request: &[u8], pace: Option<u32>, time: Duration) -> Calls {
    /// A pause in asking; shorter ones are made up for by what may come at once.
    const PAUSE: Duration = Duration::from_millis(200);
    let mut connection = Connection::open(&server.address);
    let (mut calls, began) = (Calls::default(), Instant::now());
    let (mut last, mut asked) = (began, Duration::ZERO);
    while began.elapsed() < time {
        if let Some(pace) = pace {
            let due = began + Duration::from_secs(1) / pace * (calls.passed + calls.refused);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        match connection.exchange(request).unwrap().code() {
            0 => calls.passed += 1,
            60007 => calls.refused += 1,
            other => panic!("{other}"),
        }
        let now = Instant::now();
        asked += (now - last).min(PAUSE);
        last = now;
    }
    calls.seconds_asked = asked.as_secs_f64();
    calls.seconds = began.elapsed().as_secs_f64();
    calls
}

fn limited(server: &TestServer) -> (App<'_>, Vec<u8>) {
    let app = server.app();
    app.patch(&json!({"limits": {"account_check": PER_SECOND}}));
    let request = app.request("account_check", CHECK);
    (app, request)
}

fn holds(calls: &Calls) {
    let passed = f64::from(calls.passed);
    let most = f64::from(PER_SECOND) * (calls.seconds + 1.0);
    assert!(passed <= most, "{passed} calls passed in {} s", calls.seconds);
    assert!(calls.refused > 0, "it was asked for too little to tell");
    let least = f64::from(PER_SECOND) * calls.seconds_asked * 0.99;
    assert!(passed >= least, "{passed} calls passed in {} s", calls.seconds_asked);
}

#[test]
fn as_many_pass_as_the_limit_says_and_no_app_pays_for_another() {
    let time = Duration::from_secs(4) * u32::try_from(number("SCALE").unwrap_or(1)).unwrap();
    let server = TestServer::dev_with(&["--limits"]);
    let apps: Vec<_> = (0..10).map(|_| limited(&server)).collect();
    let all: Vec<Calls> = std::thread::scope(|scope| {
        let callers: Vec<_> = apps
            .iter()
            .enumerate()
            .map(|(n, (_, request))| {
                // One stays just below its limit, one asks for twice as much, the others for all they can get.
                let pace = [Some(PER_SECOND * 9 / 10), Some(PER_SECOND * 2)].get(n).copied().flatten();
                let server = &server;
                scope.spawn(move || call(server, request, pace, time))
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let (within, beyond) = all.split_first().unwrap();
    assert_eq!(within.refused, 0, "{} calls passed of an app within its limit", within.passed);
    beyond.iter().for_each(holds);
    let asked: u32 = beyond.iter().map(|calls| calls.passed + calls.refused).sum();
    let passed: u32 = beyond.iter().map(|calls| calls.passed).sum();
    eprintln!(
        "beyond its limit: {asked} calls of 9 apps in {time:?}, {passed} passed; within: {}",
        within.passed
    );
}

#[test]
fn a_clock_that_jumps_changes_no_limit() {
    const HOUR: i64 = 3600;
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::below(&dir.path().join("none"), &dir.path().join("control"));
    let server = TestServer::serve_altered(&dir.path().join("data"), "", |command| disk.attach(command));
    let (_app, request) = limited(&server);
    let calls = std::thread::scope(|scope| {
        let caller = scope.spawn(|| call(&server, &request, None, Duration::from_secs(4)));
        // Back only: ahead of the true time the caller's UserSig ends.
        for hours in [-1, -2, -24, -1, -24 * 365 * 10, -3, 0].into_iter().cycle() {
            if caller.is_finished() {
                break;
            }
            disk.set_clock(hours * HOUR);
            std::thread::sleep(Duration::from_millis(50));
        }
        caller.join().unwrap()
    });
    holds(&calls);
}
