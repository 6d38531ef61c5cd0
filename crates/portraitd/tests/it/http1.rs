//! HTTP/1.1 as bytes: `conformance/http/requests.toml`, straight and through nginx. Nobody may see more requests, or
//! other ones, than the program in front of it: that is how one caller's bytes become another's request.

use crate::harness::{Connection, TestServer, path_of, post};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BODY: &str = r#"{"CheckItem":[{"UserID":"alice"}]}"#;
const SMUGGLED: &str = "POST /smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    it: String,
    raw: String,
    answers: Vec<u64>,
    then: Then,
}

#[derive(Deserialize, PartialEq, Clone, Copy, Debug)]
#[serde(rename_all = "lowercase")]
enum Then {
    Open,
    Closed,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/http/requests.toml");
    let table: Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    table.cases
}

/// Fills in what the table abbreviates.
fn fill(raw: &str, target: &str) -> Vec<u8> {
    let good = String::from_utf8(post(target, BODY)).unwrap();
    let ones = BODY.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect::<Vec<_>>().concat();
    let headers = |count: usize| (0..count).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let mut filled = raw
        .replace("{T}", target)
        .replace("{B}", BODY)
        .replace("{L}", &BODY.len().to_string())
        .replace("{LX}", &format!("{:x}", BODY.len()))
        .replace("{LS}", &SMUGGLED.len().to_string())
        .replace("{ONES}", &ones)
        .replace("{H95}", &headers(95))
        .replace("{H200}", &headers(200))
        .replace("{G100}", &good.repeat(100));
    for letters in [300, 10_000, 20_000, 40_000, 70_000, 2_000_000] {
        filled = filled.replace(&format!("{{A{letters}}}"), &"a".repeat(letters));
    }
    filled.into_bytes()
}

#[test]
fn every_request_has_one_outcome() {
    check_every_request(&TestServer::dev());
}

/// With many connections open, each gives its buffers back after each request.
#[test]
fn every_request_has_the_same_outcome_among_many_connections() {
    let server = TestServer::dev();
    let held: Vec<Connection> = (0..200).map(|_| server.connect()).collect();
    check_every_request(&server);
    drop(held);
}

fn check_every_request(server: &TestServer) {
    let app = server.dev_app();
    let target = format!("{}?{}", path_of("account_check"), app.query("administrator"));
    let good = post(&target, BODY);
    let (cases, mut wrong) = (cases(), Vec::new());
    assert!(cases.len() >= 150);
    for case in &cases {
        let mut connection = server.connect();
        connection.try_send(&fill(&case.raw, &target));
        let mut found = Vec::new();
        // One more than there should be: it must not come.
        let then = loop {
            if found.len() == case.answers.len() && case.then == Then::Open {
                connection.try_send(&good);
            }
            match connection.answer() {
                Some(answer) => found.push(answer.code()),
                None => break Then::Closed,
            }
            if found.len() > case.answers.len() {
                break Then::Open;
            }
        };
        let last_is_the_probe = then == Then::Open && found.pop() == Some(0);
        let then = if last_is_the_probe && case.then == Then::Open { Then::Open } else { then };
        if (&found, then) != (&case.answers, case.then) {
            wrong.push(json!({"it": case.it, "answers": found, "then": format!("{then:?}").to_lowercase()}));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), json!(wrong));
}

/// nginx in front of a server: one listening socket that reads bodies whole, one that passes them on as they come; a
/// single kept connection to the server carries everybody's requests.
struct Nginx {
    child: Child,
    folder: tempfile::TempDir,
}

impl Nginx {
    fn start(upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let location = "proxy_pass http://portraitd; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host localhost; proxy_ignore_client_abort on;";
        let server = |name: &str, buffering: &str| {
            format!(
                "server {{ listen unix:{at}/{name}; location / {{ {location} proxy_request_buffering {buffering}; }} }}\n"
            )
        };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n{temporary}log_format ids '$upstream_http_x_request_id $request_length';\n\
             access_log {at}/access.log ids; client_max_body_size 0; large_client_header_buffers 4 64k;\n\
             upstream portraitd {{ server {upstream}; keepalive 1; }}\n{}{}}}\n",
            server("whole", "on"),
            server("passing", "off")
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        command.arg("-e").arg(folder.path().join("error.log")).stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("can't start nginx (apt-get install nginx-light): {error}"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(folder.path().join("passing")).is_err() {
            let log = || fs::read_to_string(folder.path().join("error.log"));
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "{:?}", log());
            std::thread::yield_now();
        }
        Self { child, folder }
    }

    fn connect(&self, socket: &str) -> UnixStream {
        let stream = UnixStream::connect(self.folder.path().join(socket)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Ends it in good order, and gives the ids of the requests that it saw answered.
    fn stop(mut self) -> BTreeSet<String> {
        let quit = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status().unwrap();
        assert!(quit.success() && self.child.wait().unwrap().success());
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        let ids = log.lines().map(|line| line.split(' ').next().unwrap().to_owned());
        ids.filter(|id| id != "-").collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The ids of the requests that the server saw.
fn seen(log: &str) -> BTreeSet<String> {
    let ids =
        log.lines().filter(|line| line.contains("DEBUG")).filter_map(|line| line.split_once("request_id=\""));
    ids.map(|(_, rest)| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Whatever somebody sends, nginx and the server agree on what was asked, and the next caller on the same connection
/// between them gets their own answer.
#[test]
fn nginx_in_front_sees_the_same_requests() {
    let server = TestServer::dev_with(&["--log", "debug"]);
    let app = server.dev_app();
    let target = format!("{}?{}", path_of("account_check"), app.query("administrator"));
    let nginx = Nginx::start(&server.address);
    let mut marker = 0;
    for case in cases() {
        for socket in ["whole", "passing"] {
            let mut stream = nginx.connect(socket);
            // nginx may answer and close before it has read everything.
            let _ = stream.write_all(&fill(&case.raw, &target));
            let _ = stream.shutdown(Shutdown::Write);
            let mut answers = Vec::new();
            let _ = stream.read_to_end(&mut answers);
            marker += 1;
            let check = format!(r#"{{"CheckItem":[{{"UserID":"marker-{marker}"}}]}}"#);
            let mut honest = Connection::over(nginx.connect(socket));
            let answer =
                honest.exchange(&post(&target, &check)).unwrap_or_else(|| panic!("{}: no answer", case.it));
            let user = &answer.json()["ResultItem"][0]["UserID"];
            assert_eq!(*user, json!(format!("marker-{marker}")), "{} ({socket}): another's answer", case.it);
        }
    }
    let (forwarded, seen) = (nginx.stop(), seen(&server.log()));
    assert!(forwarded.len() > 500, "{}", forwarded.len());
    let strange: Vec<_> = forwarded.symmetric_difference(&seen).collect();
    assert!(
        strange.is_empty(),
        "{} through nginx, {} here: {strange:?}\n{}",
        forwarded.len(),
        seen.len(),
        server
            .log()
            .lines()
            .filter(|line| strange.iter().any(|id| line.contains(id.as_str())))
            .collect::<Vec<_>>()
            .join("\n")
    );
    eprintln!("{} requests, the same on both sides", seen.len());
}
