//! Files of a running server that are removed, moved or replaced: the server reports it, nothing acknowledged is lost that
//! is still on the disk, and no second server starts beside the first.

use crate::cli::{on, refused, run, stderr_of};
use crate::harness::{App, Connection, TestServer, binary};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const DATABASE: &str = "portraitd.db";
const LOG: &str = "portraitd.db-wal";
const JOURNAL: [&str; 2] = ["portraitd.journal-0", "portraitd.journal-1"];
const LOCK: &str = "portraitd.lock";

struct Place {
    dir: tempfile::TempDir,
    data: PathBuf,
    aside: PathBuf,
    server: TestServer,
    app: u32,
}

/// A server with one account at level 7.
fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (data, aside) = (dir.path().join("data"), dir.path().join("aside"));
    let server = TestServer::serve(&data, "");
    let app = server.app();
    app.import("alice");
    assert_eq!(set(&app, 7), 0);
    let app = app.id;
    Place { dir, data, aside, server, app }
}

fn set(app: &App<'_>, level: u64) -> u64 {
    let item = json!({"Tag": "Tag_Profile_IM_Level", "Value": level});
    app.code("portrait_set", &json!({"From_Account": "alice", "ProfileItem": [item]}).to_string())
}

fn level(app: &App<'_>) -> Value {
    let body = json!({"To_Account": ["alice"], "TagList": ["Tag_Profile_IM_Level"]}).to_string();
    app.call("portrait_get", &body)["UserProfileItem"][0]["ProfileItem"][0]["Value"].clone()
}

impl Place {
    fn app(&self) -> App<'_> {
        App { server: &self.server, id: self.app }
    }

    fn admin(&self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = Connection::open(&self.server.admin_address).exchange(request.as_bytes()).unwrap();
        (answer.status, answer.body)
    }

    /// Refuses changes, is not ready, says why in its log, and goes on reading.
    fn is_stuck(&self, why: &[&str]) {
        assert_eq!(set(&self.app(), 8), 40006);
        let began = Instant::now();
        loop {
            let (status, said) = self.admin("/readyz");
            if status == 503 && why.iter().all(|part| said.contains(part)) {
                break;
            }
            // The last answer to this question is shared for a second.
            assert!(began.elapsed() < Duration::from_secs(30), "{status} {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = self.server.log();
        assert!(why.iter().all(|part| log.contains(part)), "{log}");
        assert!(self.admin("/metrics").1.contains("portraitd_store_files_changed 1\n"));
        assert_eq!(level(&self.app()), 7);
    }

    fn stop(mut self) -> (tempfile::TempDir, PathBuf, PathBuf, u32) {
        self.server.signal("-TERM");
        assert!(self.server.child.wait().unwrap().success());
        (self.dir, self.data, self.aside, self.app)
    }
}

fn no_second_server(data: &Path) {
    refused(&mut serve_on(data), 1, "in use by another portraitd");
}

fn serve_on(data: &Path) -> Command {
    let mut command = binary();
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"]).arg(data);
    command
}

fn holds_level_7(data: &Path, app: u32) {
    let server = TestServer::serve(data, "");
    let app = App { server: &server, id: app };
    assert_eq!(level(&app), 7);
    assert_eq!(set(&app, 9), 0);
}

#[test]
fn a_lock_that_is_removed_lets_no_second_server_in() {
    let place = place();
    fs::remove_file(place.data.join(LOCK)).unwrap();
    no_second_server(&place.data);
    place.is_stuck(&[LOCK, "Nothing is lost: restart the server"]);
    let (_dir, data, _, app) = place.stop();
    holds_level_7(&data, app);
}

#[test]
fn a_log_that_is_removed_is_copied_when_the_server_stops() {
    let place = place();
    fs::remove_file(place.data.join(LOG)).unwrap();
    place.is_stuck(&[LOG, "was removed while the server has it open", "Stop the server with SIGTERM"]);
    no_second_server(&place.data);
    let (_dir, data, _, app) = place.stop();
    holds_level_7(&data, app);
}

#[test]
fn a_journal_that_is_removed_is_applied_when_the_server_stops() {
    for name in JOURNAL {
        let place = place();
        fs::remove_file(place.data.join(name)).unwrap();
        place.is_stuck(&[name, "was removed while the server has it open", "Stop the server with SIGTERM"]);
        no_second_server(&place.data);
        let (_dir, data, _, app) = place.stop();
        holds_level_7(&data, app);
    }
}

#[test]
fn a_database_that_is_removed_is_saved_by_a_backup() {
    let place = place();
    for file in [DATABASE, LOG, "portraitd.db-shm"] {
        fs::remove_file(place.data.join(file)).unwrap();
    }
    place.is_stuck(&[DATABASE, "was removed while the server has it open", "first take portraitd backup"]);
    run(on(&place.data, &["backup"]).arg(&place.aside));
    // Not to the old path while the server runs.
    let restore = |data: &Path, aside: &Path| {
        let mut command = binary();
        command.arg("restore").arg(aside).arg("--data").arg(data);
        command
    };
    let output = restore(&place.data, &place.aside).output().unwrap();
    assert!(!output.status.success(), "{}", stderr_of(&output));
    no_second_server(&place.data);
    let (dir, data, aside, app) = place.stop();
    let restored = dir.path().join("restored");
    run(&mut restore(&restored, &aside));
    holds_level_7(&restored, app);
    drop(data);
}

#[test]
fn what_is_moved_can_be_moved_back() {
    let place = place();
    fs::rename(&place.data, &place.aside).unwrap();
    place.is_stuck(&[DATABASE, "was moved while the server has it open", "move it back"]);
    no_second_server(&place.aside);
    fs::rename(&place.aside, &place.data).unwrap();
    assert_eq!(set(&place.app(), 7), 0);
    assert!(place.server.log().contains("in their places again"));
    // A restored store in its place is another one: neither server gets in the other's way.
    run(on(&place.data, &["backup"]).arg(&place.aside));
    let moved = place.aside.with_file_name("moved");
    fs::rename(&place.data, &moved).unwrap();
    run(binary().arg("restore").arg(&place.aside).arg("--data").arg(&place.data));
    place.is_stuck(&[DATABASE, "was moved", "another file has its name"]);
    let (_dir, data, _, app) = place.stop();
    holds_level_7(&data, app);
    fs::remove_dir_all(&data).unwrap();
    holds_level_7(&moved, app);
}

#[test]
fn a_hard_link_is_named() {
    let place = place();
    fs::create_dir(&place.aside).unwrap();
    for file in [DATABASE, LOG] {
        fs::hard_link(place.data.join(file), place.aside.join(file)).unwrap();
    }
    place.is_stuck(&[DATABASE, "has 2 names (hard links)"]);
    no_second_server(&place.aside);
    fs::remove_dir_all(&place.aside).unwrap();
    assert_eq!(set(&place.app(), 7), 0);
    let (_dir, data, _, app) = place.stop();
    holds_level_7(&data, app);
}

#[test]
fn a_killed_server_does_not_start_without_its_log() {
    let mut place = place();
    place.server.kill();
    let (data, aside) = (place.data.clone(), place.aside.clone());
    fs::rename(data.join(LOG), &aside).unwrap();
    let serve = || serve_on(&data);
    for _ in 0..2 {
        refused(&mut serve(), 1, "lost its write-ahead log");
        refused(&mut on(&data, &["check"]), 1, &format!("portraitd repair --data {}", data.display()));
        refused(&mut on(&data, &["export", &place.app.to_string()]), 1, "lost its write-ahead log");
        let doctor =
            on(&data, &["doctor", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).output();
        let doctor = doctor.unwrap();
        let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(!doctor.status.success() && found.contains("lost its write-ahead log"), "{found}");
    }
    fs::rename(&aside, data.join(LOG)).unwrap();
    holds_level_7(&data, place.app);
    // Once more, and given up.
    fs::write(data.join(LOG), "").unwrap();
    refused(&mut serve(), 1, "lost its write-ahead log");
    let repaired = run(&mut on(&data, &["repair"]));
    assert!(repaired.contains("without the changes in the lost"), "{repaired}");
    assert!(run(&mut on(&data, &["repair"])).contains("are intact"));
    let mut server = TestServer::serve(&data, "");
    fs::copy(data.join(LOG), &aside).unwrap();
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    // The log of that run, put back after its clean end.
    fs::copy(&aside, data.join(LOG)).unwrap();
    refused(&mut serve(), 1, "does not belong to");
    fs::remove_file(data.join(LOG)).unwrap();
    drop(TestServer::serve(&data, ""));
}

#[test]
fn a_killed_server_does_not_start_without_its_journal() {
    for name in JOURNAL {
        let mut place = place();
        place.server.kill();
        let (data, aside) = (&place.data, &place.aside);
        fs::rename(data.join(name), aside).unwrap();
        let missing = format!("{name} is missing: portraitd was killed");
        refused(&mut serve_on(data), 1, &missing);
        refused(&mut on(data, &["check"]), 1, &format!("portraitd repair --data {}", data.display()));
        refused(&mut on(data, &["export", &place.app.to_string()]), 1, &missing);
        let doctor =
            on(data, &["doctor", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).output();
        let found = String::from_utf8(doctor.unwrap().stdout).unwrap();
        assert!(found.contains(&format!("{name} is missing")), "{found}");
        fs::rename(aside, data.join(name)).unwrap();
        holds_level_7(data, place.app);
        // Once more, and given up.
        fs::remove_file(data.join(name)).unwrap();
        refused(&mut serve_on(data), 1, &missing);
        let repaired = run(&mut on(data, &["repair"]));
        assert!(repaired.contains("without the changes in the lost journal"), "{repaired}");
        assert!(run(&mut on(data, &["repair"])).contains("are intact"));
        drop(TestServer::serve(data, ""));
    }
}

#[test]
fn a_journal_of_another_store_is_refused() {
    let (mut first, mut second) = (place(), place());
    first.server.kill();
    second.server.kill();
    for name in JOURNAL {
        fs::rename(first.data.join(name), first.dir.path().join(name)).unwrap();
        fs::copy(second.data.join(name), first.data.join(name)).unwrap();
    }
    for command in [&["check"][..], &["export", &first.app.to_string()]] {
        let output = on(&first.data, command).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("does not continue the database"), "{said}");
    }
    refused(&mut serve_on(&first.data), 1, "does not continue the database");
    for name in JOURNAL {
        fs::rename(first.dir.path().join(name), first.data.join(name)).unwrap();
    }
    holds_level_7(&first.data, first.app);
    holds_level_7(&second.data, second.app);
}
