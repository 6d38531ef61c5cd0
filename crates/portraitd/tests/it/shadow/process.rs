//! `portraitd shadow` as a process.

use crate::harness::{Connection, binary};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What the file of `--report` has before the start.
pub(super) const BEFORE: &str = "the report of an earlier run";

/// A shadow that runs. Dropped, it is killed.
pub(super) struct Shadow {
    child: Child,
    pub(super) address: String,
    pub(super) control_address: String,
    stdout: Option<BufReader<ChildStdout>>,
    log: tempfile::NamedTempFile,
    report_file: tempfile::NamedTempFile,
}

/// What it left behind.
pub(super) struct Output {
    /// The lines about first differences.
    pub(super) firsts: Vec<Value>,
    /// The report at the end, from standard output.
    pub(super) report: Value,
    pub(super) log: String,
    stdout: String,
}

impl Output {
    pub(super) fn everything(&self) -> String {
        [&*self.stdout, &self.log, &self.report.to_string()].concat()
    }
}

impl Shadow {
    /// Between the two servers at these addresses.
    pub(super) fn start(cloud: &str, here: &str, args: &[&str]) -> Self {
        Self::start_at(&format!("http://{cloud}"), &format!("http://{here}"), args)
    }

    pub(super) fn start_at(cloud: &str, here: &str, args: &[&str]) -> Self {
        let [log, report_file] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
        std::fs::write(report_file.path(), BEFORE).unwrap();
        let mut command = binary();
        command.args(["shadow", "--cloud", cloud, "--here", here, "--json"]).args(args);
        command
            .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--report"])
            .arg(report_file.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("{error}: {line} {}", std::fs::read_to_string(log.path()).unwrap())
        });
        let address = |name: &str| ready[name].as_str().unwrap().rsplit("://").next().unwrap().to_owned();
        let (address, control_address) = (address("url"), address("control_url"));
        Self { child, address, control_address, stdout: Some(stdout), log, report_file }
    }

    pub(super) fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    pub(super) fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        http(&self.control_address, "localhost", method, path, "", body)
    }

    pub(super) fn report(&self) -> Value {
        let (status, report) = self.control("GET", "/report", "");
        assert_eq!(status, 200, "{report}");
        report
    }

    /// Waits for a report: a call is counted after its caller was answered.
    pub(super) fn report_when(&self, is_there: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let report = self.report();
            if is_there(&report) {
                return report;
            }
            assert!(Instant::now() < deadline, "{report:#}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to stop: its exit code, and what it left.
    pub(super) fn stop(self) -> (i32, Output) {
        self.ask_to_stop();
        self.ended()
    }

    pub(super) fn ask_to_stop(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until a line of its log has this.
    pub(super) fn wait_for_log(&self, part: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !std::fs::read_to_string(self.log.path()).unwrap().contains(part) {
            assert!(Instant::now() < deadline, "{part}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the file of `--report` has now.
    pub(super) fn report_file(&self) -> String {
        std::fs::read_to_string(self.report_file.path()).unwrap()
    }

    /// Waits until it has ended by itself.
    pub(super) fn ended(mut self) -> (i32, Output) {
        let lines: Vec<String> = self.stdout.take().unwrap().lines().map(Result::unwrap).collect();
        let code = self.child.wait().unwrap().code().unwrap();
        let parse = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        let report = parse(lines.last().unwrap());
        let written = std::fs::read_to_string(self.report_file.path()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), report);
        let firsts = lines.iter().filter(|line| line.contains("first_difference")).map(parse).collect();
        let log = std::fs::read_to_string(self.log.path()).unwrap();
        assert!(!log.contains("panicked"), "{log}");
        (code, Output { firsts, report, log, stdout: lines.join("\n") })
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request, with further headers.
pub(super) fn http(
    address: &str,
    host: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    let answer = Connection::open(address).exchange(request.as_bytes()).unwrap();
    let json = if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() };
    (answer.status, json)
}
