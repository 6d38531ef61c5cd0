//! Backups on a schedule into a directory: taken when due, checked before they count, counted, and removed when their time has come.

use crate::cli::{on, refused, run};
use crate::faults::until;
use crate::harness::{App, Connection, TestServer, binary, flip_a_bit_of_carol};
use crate::jobs::{app_of, json_of};
use portraitd_test_support::small_disk::on_a_small_disk;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A configuration with backups into a directory each hour.
fn config(directory: &Path, more: &str) -> String {
    format!(
        "[limits]\nenabled = false\n[backup]\ndirectory = \"{}\"\nevery = \"1h\"\n{more}",
        directory.display()
    )
}

/// The backups in a directory, as the command line lists them.
pub(crate) fn list(directory: &Path) -> Vec<Value> {
    let listed = run(binary().args(["backup", "list", "--json"]).arg(directory));
    serde_json::from_str(&listed).unwrap()
}

/// A number on the page of metrics, without its fraction.
pub(crate) fn metric(server: &TestServer, name: &str, place: &str) -> u64 {
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let page = Connection::open(&server.admin_address).exchange(request).unwrap().body;
    let beginning = format!("portraitd_backup_{name}{{place=\"{place}\"}} ");
    let value = page.lines().find_map(|line| line.strip_prefix(&beginning));
    let value = value.unwrap_or_else(|| panic!("{beginning}: {page}"));
    value.split('.').next().unwrap().parse().unwrap()
}

pub(crate) fn wait_for_backups(server: &TestServer, place: &str, count: u64) {
    until("a scheduled backup", || {
        assert_eq!(metric(server, "failures_total", place), 0, "{}", server.log());
        metric(server, "successes_total", place) >= count
    });
}

/// A data directory with the sample accounts, of a server that was stopped.
fn samples(data: &Path) {
    let mut server = TestServer::dev_with(&["--data", data.to_str().unwrap()]);
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
}

fn stop(mut server: TestServer) {
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success(), "{}", server.log());
}

/// What doctor says of the backups of a server that is stopped.
pub(crate) fn doctor(data: &Path) -> String {
    let mut doctor = on(data, &["doctor", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let said = doctor.arg("--config").arg(data.with_extension("toml")).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines().find(|line| line.contains("backups: ")).unwrap_or_else(|| panic!("{said}")).to_owned()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names = crate::jobs::names_in(directory);
    names.sort();
    names
}

/// A copy of a backup under another name; `manifest` changes what it says of itself.
fn copy(from: &Path, to: &Path, manifest: impl FnOnce(&mut Value)) {
    fs::create_dir(to).unwrap();
    fs::copy(from.join("portraitd.db"), to.join("portraitd.db")).unwrap();
    let mut text: Value = serde_json::from_slice(&fs::read(from.join("backup.json")).unwrap()).unwrap();
    manifest(&mut text);
    fs::write(to.join("backup.json"), text.to_string()).unwrap();
}

#[test]
fn a_backup_is_taken_at_once_checked_listed_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backups) = (dir.path().join("data"), dir.path().join("deep/backups"));
    samples(&data);
    let server = TestServer::serve(&data, &config(&backups, ""));
    wait_for_backups(&server, "directory", 1);
    let listed = list(&backups);
    let backup = PathBuf::from(listed[0]["backup"].as_str().unwrap());
    assert_eq!((listed.len(), &listed[0]["apps"], &listed[0]["accounts"]), (1, &json!(1), &json!(4)));
    assert_eq!(names(&backup), ["backup.json", "portraitd.db"]);
    for (path, expected) in [("", 0o700), ("backup.json", 0o600), ("portraitd.db", 0o600)] {
        let mode = fs::metadata(backup.join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "it holds keys: {path}");
    }
    let length = fs::metadata(backup.join("portraitd.db")).unwrap().len();
    assert_eq!(listed[0]["bytes"], length);
    let store = json_of(server.admin("GET", "/store", ""), 200)["id"].clone();
    assert_eq!(listed[0]["store"], store);
    for (name, expected) in [
        ("last_bytes", length),
        ("interval_seconds", 3600),
        ("last_success_timestamp_seconds", listed[0]["began_ms"].as_u64().unwrap() / 1000),
    ] {
        assert_eq!(metric(&server, name, "directory"), expected, "{name}");
    }
    let jobs = json_of(server.admin("GET", "/jobs", ""), 200);
    assert_eq!((&jobs[0]["state"], &jobs[0]["directory"]), (&json!("done"), &json!(backup)), "{jobs}");
    assert!(server.log().contains("a scheduled backup was taken and checked"), "{}", server.log());
    let id = app_of(&server);
    stop(server);

    // The last one decides when the next is due.
    let server = TestServer::serve(&data, &config(&backups, ""));
    until("the schedule has looked", || metric(&server, "last_success_timestamp_seconds", "directory") > 0);
    stop(server);
    assert_eq!(list(&backups), listed);

    let said = doctor(&data);
    assert!(said.starts_with("warn  backups: the last is of "), "{said}");
    assert!(said.contains("is on the same disk as"), "they are lost with it: {said}");

    let text = run(binary().args(["backup", "list"]).arg(&backups));
    assert!(text.contains("ACCOUNTS") && text.contains(backup.to_str().unwrap()), "{text}");
    let by_settings = binary().args(["backup", "list", "--config"]).arg(data.with_extension("toml")).output();
    assert_eq!(String::from_utf8(by_settings.unwrap().stdout).unwrap(), text);
    // A check leaves it as it was backed up.
    assert!(run(binary().arg("check").arg("--data").arg(&backup)).contains("4 accounts checked, 0 damaged"));
    let restored = dir.path().join("restored");
    refused(binary().arg("restore").arg(&backups).arg("--data").arg(&restored), 1, backup.to_str().unwrap());
    let said = run(binary().arg("restore").arg(&backup).arg("--data").arg(&restored));
    assert!(said.starts_with("restored 1 app and 4 accounts"), "{said}");
    let copied = TestServer::serve(&restored, "");
    let carol = App { server: &copied, id }
        .call("portrait_get", r#"{"To_Account":["carol"],"TagList":["Tag_Profile_IM_Nick"]}"#);
    assert_eq!(carol["UserProfileItem"][0]["ResultCode"], 0, "{carol}");
    // What a clock that was wrong has named is none for the schedule, so it is none for doctor.
    fs::rename(&backup, backups.join("portraitd-29990101T000000Z")).unwrap();
    let said = doctor(&data);
    assert!(said.contains("there is none in ") && !said.contains("2999"), "{said}");
}

#[test]
fn old_ones_are_removed_once_a_new_one_stands_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backups) = (dir.path().join("data"), dir.path().join("backups"));
    samples(&data);
    let server = TestServer::serve(&data, &config(&backups, ""));
    wait_for_backups(&server, "directory", 1);
    stop(server);
    let first = PathBuf::from(list(&backups)[0]["backup"].as_str().unwrap());
    let name = |day: u64| format!("portraitd-202601{day:02}T000000Z");
    let make = |day: u64, manifest: &dyn Fn(&mut Value)| copy(&first, &backups.join(name(day)), manifest);
    for day in [10, 11, 12, 13] {
        make(day, &|_| {});
    }
    make(1, &|manifest| manifest["store"] = "00000000000000000000000000000000".into());
    make(2, &|_| {});
    fs::write(backups.join(name(2)).join("notes.txt"), "keep me").unwrap();
    make(3, &|manifest| manifest["bytes"] = 1.into());
    fs::create_dir(backups.join("monday")).unwrap();
    fs::remove_dir_all(&first).unwrap();
    let others = [name(1), name(2), name(3), "monday".into()];

    // Until a new one stands nothing is removed, however old it is.
    let store = list(&backups).last().unwrap()["store"].as_str().unwrap().to_owned();
    let left = backups.join(format!(".unfinished-{store}-{}", name(5)));
    fs::create_dir(&left).unwrap();
    fs::write(left.join("portraitd.db.partial"), "half").unwrap();
    let server = TestServer::serve(&data, &config(&backups, "keep = 3\nkeep_days = 0\n"));
    wait_for_backups(&server, "directory", 1);
    until("old ones are removed", || names(&backups).len() <= others.len() + 3);
    let mut expected = others.to_vec();
    expected.extend([name(12), name(13)]);
    let mut found = names(&backups);
    let new = found.iter().position(|name| !expected.contains(name));
    found.remove(new.expect("the new one stands"));
    expected.sort();
    assert_eq!(found, expected, "{}", server.log());
    for part in ["there are backups of another store", "an old backup is not removed", "notes.txt"] {
        assert!(server.log().contains(part), "{part}: {}", server.log());
    }
    stop(server);
    fs::remove_dir_all(backups.join(names(&backups).iter().find(|name| !expected.contains(name)).unwrap()))
        .unwrap();
    // By age all go but the new one.
    let server = TestServer::serve(&data, &config(&backups, "keep_days = 1\n"));
    wait_for_backups(&server, "directory", 1);
    until("old ones are removed", || names(&backups).len() <= others.len() + 1);
    stop(server);
    assert!(others.iter().all(|name| backups.join(name).exists()));
}

#[test]
fn a_copy_that_is_damaged_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backups) = (dir.path().join("data"), dir.path().join("backups"));
    samples(&data);
    let server = TestServer::serve(&data, &config(&backups, ""));
    wait_for_backups(&server, "directory", 1);
    stop(server);
    let good = PathBuf::from(list(&backups)[0]["backup"].as_str().unwrap());
    let old = backups.join("portraitd-20260101T000000Z");
    fs::rename(&good, &old).unwrap();
    flip_a_bit_of_carol(&data);
    let server = TestServer::serve(&data, &config(&backups, "keep = 1\n"));
    until("the backup fails", || metric(&server, "failures_total", "directory") >= 1);
    assert_eq!(metric(&server, "successes_total", "directory"), 0);
    assert_eq!(
        names(&backups),
        ["portraitd-20260101T000000Z"],
        "the last good one stays, the damaged one is gone"
    );
    let log = server.log();
    assert!(log.contains("a scheduled backup failed") && log.contains("can't be trusted"), "{log}");
    assert!(log.contains("retry_seconds=60"), "{log}");
    let jobs = json_of(server.admin("GET", "/jobs", ""), 200);
    assert!(
        jobs[0]["state"] == "failed" && jobs[0]["reason"].as_str().unwrap().contains("does not count"),
        "{jobs}"
    );
    stop(server);

    // What was changed since it was taken is not restored.
    flip_a_bit_of_carol(&old);
    let restored = dir.path().join("restored");
    refused(on(&restored, &["restore"]).arg(&old), 1, "is not what was backed up");
    assert!(!restored.exists());
}

#[test]
fn a_directory_that_can_not_be_written_is_named_with_the_remedy() {
    on_a_small_disk("size=64m", |disk| {
        let dir = tempfile::tempdir().unwrap();
        let (data, backups) = (dir.path().join("data"), disk.join("backups"));
        samples(&data);
        let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(disk).status().unwrap();
        assert!(remounted.success());
        let server = TestServer::serve(&data, &config(&backups, ""));
        until("the backup fails", || metric(&server, "failures_total", "directory") >= 1);
        let log = server.log();
        for part in
            ["can't write into", backups.to_str().unwrap(), "Read-only file system", "ReadWritePaths="]
        {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert!(!log.contains("the store is not available"), "it is: {log}");
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert_eq!(Connection::open(&server.admin_address).exchange(request).unwrap().status, 200);
        stop(server);
        let said = doctor(&data);
        assert!(
            said.starts_with("BAD   backups: this user can't write to ") && said.contains("chown"),
            "{said}"
        );
    });
}

#[test]
fn a_schedule_that_can_not_be_kept_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let server = TestServer::serve(&data, &config(&file.join("backups"), ""));
    until("the backup fails", || metric(&server, "failures_total", "directory") >= 1);
    let log = server.log();
    assert!(log.contains("a scheduled backup failed") && log.contains(file.to_str().unwrap()), "{log}");
    assert_eq!(metric(&server, "last_success_timestamp_seconds", "directory"), 0);

    let check = |config: &str, part: &str| {
        let file = dir.path().join("wrong.toml");
        fs::write(&file, config).unwrap();
        refused(binary().args(["config", "check"]).arg(&file), 1, part);
    };
    let database = "[store]\nurl = \"mysql://u@127.0.0.1/d\"\n";
    check(&format!("{database}[backup]\ndirectory = \"/b\"\n"), "the database's own tools back it up");
    check(
        &format!("{database}[backup.s3]\nbucket = \"b\"\n"),
        "wrong.toml:4: backup.s3.bucket = \"b\": is for a data directory",
    );
    check("[server]\ndata = \"/d\"\n[backup]\ndirectory = \"/d/b\"\n", "is within server.data");
    check("[backup.s4]\nbucket = \"b\"\n", "there is no key `s4` in [backup]");
    check(
        "[backup.s3]\nbuckit = \"b\"\n",
        "wrong.toml:2: there is no key `buckit` in [backup.s3]; did you mean `bucket`?",
    );
    check("[backup]\ns3 = 1\n", "`backup.s3` is a section; write [backup.s3] on a line of its own");
    refused(binary().args(["backup", "list"]), 1, "neither backup.directory nor backup.s3.bucket is set");
    let said = run(binary().args(["backup", "list"]).arg(dir.path().join("none")));
    assert_eq!(said, "there is no backup\n");
}
