//! Imports that are interrupted: by Ctrl-C, by `kill -9`, by a changed file, by a full disk.

use crate::cli::{on, refused, run};
use crate::harness::{Connection, TestServer, binary};
use portraitd_test_support::small_disk::on_a_small_disk;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Stands between the command line and the admin API. It holds the answer to one import (or page of an export) back
/// until it is told to let go, so that a signal can be sent at a moment that is known.
pub(crate) struct Between {
    pub(crate) url: String,
    pub(crate) imports: Arc<AtomicUsize>,
    /// The server that is asked.
    pub(crate) upstream: Arc<Mutex<String>>,
    /// Told when an import was stored whose answer is held back.
    held: Receiver<()>,
    pub(crate) release: SyncSender<()>,
}

impl Between {
    /// Lets the first imports through and holds the one after them.
    pub(crate) fn start(server: &TestServer, through: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let imports = Arc::new(AtomicUsize::new(0));
        let (holding, held) = sync_channel(1);
        let (release, released) = sync_channel(1);
        let upstream = Arc::new(Mutex::new(server.admin_address.clone()));
        let (asked, counted) = (Arc::clone(&upstream), Arc::clone(&imports));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let upstream = asked.lock().unwrap().clone();
                pass(client.unwrap(), &upstream, || {
                    if counted.fetch_add(1, Ordering::SeqCst) == through {
                        holding.send(()).unwrap();
                        let _ = released.recv();
                    }
                });
            }
        });
        Self { url, imports, upstream, held, release }
    }
}

impl Between {
    /// Waits until an answer is held back.
    pub(crate) fn wait(&self) {
        self.held.recv_timeout(Duration::from_mins(1)).unwrap();
    }
}

/// Presses Ctrl-C, and waits until the process has said that it heard it.
pub(crate) fn press_ctrl_c(child: &mut Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (stderr, mut said) = (child.stderr.as_mut().unwrap(), Vec::new());
    // Letter by letter: what follows is for the test.
    while !said.ends_with(b"stops at once\n") {
        let mut letter = [0];
        assert_eq!(stderr.read(&mut letter).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.push(letter[0]);
    }
}

/// Passes one request on, and its answer back.
fn pass(client: TcpStream, upstream: &str, imported: impl FnOnce()) {
    let mut reader = BufReader::new(client);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut bytes = request.clone().into_bytes();
    let head = bytes.len();
    bytes.resize(head + length, 0);
    reader.read_exact(&mut bytes[head..]).unwrap();
    let answer = Connection::open(upstream).exchange(&bytes).unwrap();
    if request.contains("/import?") || request.contains("/export?") {
        imported();
    }
    let (status, body) = (answer.status, answer.body);
    let text =
        format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    // Whoever asked may have been killed.
    let _ = reader.get_mut().write_all(text.as_bytes());
}

/// 2,000 accounts; every hundredth line is bad.
pub(crate) fn many_lines(filler: &str) -> String {
    (0..2000).fold(String::new(), |mut text, n| {
        let nick = if n % 100 == 7 { json!(n) } else { json!(format!("nick {n}{filler}")) };
        let line = json!({"UserID": format!("user{n:04}"), "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]});
        writeln!(text, "{line}").unwrap();
        text
    })
}

pub(crate) fn import(server: &TestServer, url: &str, file: &Path) -> Command {
    let mut command = binary();
    command
        .args(["import", "1400000000", "--admin-token", &server.admin_token, "--admin-url", url])
        .arg(file);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn sibling(file: &Path, ending: &str) -> std::path::PathBuf {
    format!("{}{ending}", file.display()).into()
}

/// Ends the process, one way or another, while the third of four batches is on its way, and gives what it said.
fn interrupt(server: &TestServer, file: &Path, end: impl Fn(&mut Child)) -> (std::process::Output, usize) {
    let between = Between::start(server, 2);
    let mut child = import(server, &between.url, file).spawn().unwrap();
    between.wait();
    end(&mut child);
    between.release.send(()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output, between.imports.load(Ordering::SeqCst))
}

fn check_whole(server: &TestServer, file: &Path) {
    let refused = fs::read_to_string(sibling(file, ".refused")).unwrap();
    let lines: Vec<u64> = refused
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, (0..20).map(|n| n * 100 + 8).collect::<Vec<_>>(), "each once");
    assert!(!sibling(file, ".progress").exists());
    let (_, page) =
        server.admin("GET", "/apps/1400000000/accounts?prefix=user&limit=1000&after=user1000", "");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["accounts"].as_array().unwrap().len(), 989, "999 less the 10 that were refused");
}

#[test]
fn ctrl_c_stops_after_the_batch_and_the_same_command_continues() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let server = TestServer::dev();
    let (output, imports) = interrupt(&server, &file, press_ctrl_c);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), imports), (Some(1), 3), "{said}");
    assert!(said.contains("stopped after line 1500") && said.contains("same command again"), "{said}");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.starts_with("1500 rows read: 1485 imported, 15 refused"), "{summary}");

    let url = format!("http://{}", server.admin_address);
    let mut other = binary();
    other.args(["import", "7", "--admin-token", &server.admin_token, "--admin-url", &url]).arg(&file);
    refused(&mut other, 1, "there is no app 7");
    server.admin("POST", "/apps", r#"{"sdkappid":7}"#);
    refused(&mut other, 1, "an unfinished import into app 1400000000");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("nick 3", "NICK 3", 1)).unwrap();
    refused(&mut import(&server, &url, &file), 1, "has changed since a part of it was imported");
    fs::write(&file, format!("{text}\n")).unwrap();
    refused(&mut import(&server, &url, &file), 1, "has changed since a part of it was imported");
    fs::write(&file, text).unwrap();

    let output = import(&server, &url, &file).output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(
        summary.starts_with("2000 rows read, 1500 of them in an earlier run: 1980 imported, 20 refused"),
        "{summary}"
    );
    assert_eq!(output.status.code(), Some(1), "some were refused");
    check_whole(&server, &file);
}

#[test]
fn an_import_that_was_killed_is_continued() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let server = TestServer::dev();
    let (output, _) = interrupt(&server, &file, |child| child.kill().unwrap());
    assert_eq!(output.status.code(), None);
    assert!(sibling(&file, ".progress").exists());
    let url = format!("http://{}", server.admin_address);
    let output = import(&server, &url, &file).output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("1980 imported, 20 refused"), "{summary}");
    check_whole(&server, &file);
}

/// Needs root for its small file system; CI has it.
#[test]
fn a_full_disk_stops_an_import_and_the_same_command_continues() {
    let dir = tempfile::tempdir().unwrap();
    on_a_small_disk("size=3m", |disk| fill_and_continue(disk, dir.path()));
}

fn fill_and_continue(disk: &Path, dir: &Path) {
    let (data, file, ballast) = (disk.join("data"), dir.join("many.jsonl"), disk.join("ballast"));
    fs::write(&file, many_lines(&"x".repeat(480))).unwrap();
    let _server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    // Room for a batch or two.
    let _ = fs::write(&ballast, vec![1; 8 << 20]);
    let size = fs::metadata(&ballast).unwrap().len();
    fs::OpenOptions::new().write(true).open(&ballast).unwrap().set_len(size - 700 * 1024).unwrap();
    let mut command = on(&data, &["import", "1400000000"]);
    command.arg(&file);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("stopped after line") && said.contains("full"), "{said}");
    fs::remove_file(&ballast).unwrap();
    let output = command.output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("1980 imported, 20 refused"), "{summary}");
    let exported = run(&mut on(&data, &["export", "1400000000"]));
    assert_eq!(exported.lines().filter(|line| line.contains("\"user")).count(), 1980);
}
