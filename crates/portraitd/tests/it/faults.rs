//! A machine that fails under the real server: its disk refuses, hangs, is full or can't be read, its file descriptors run out, its
//! clock jumps. Not acknowledged means 40006 and nothing stored; reads go on; it heals without a restart; and it says so.

use crate::harness::{App, Connection, KEY, TestServer, binary, path_of, post};
use crate::receiver::{Call, Receiver};
use crate::torture::number;
use portraitd_test_support::disk::{
    Action, DATABASE, Disk, EDQUOT, EIO, ENOSPC, EROFS, EVERY_FILE, Fault, LOG, OPEN, READ, SYNC, TRUNCATE,
    WRITE,
};
use portraitd_test_support::small_disk::on_a_small_disk;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) const CONFIG: &str = r#"
[limits]
enabled = false
[webhook]
retry_schedule = ["0s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]
allow_networks = ["127.0.0.0/8"]
"#;

pub(crate) fn always(kinds: u64, files: u64, action: Action, error: u64) -> Fault {
    Fault { kinds, files, first: 1, count: u64::MAX, action, error }
}

pub(crate) fn server_on(disk: &Disk, data: &Path) -> TestServer {
    TestServer::serve_altered(data, CONFIG, |command| disk.attach(command))
}

pub(crate) fn set(app: &App<'_>, user: &str, level: u64) -> u64 {
    let items = json!([{"Tag": "Tag_Profile_IM_Level", "Value": level}, {"Tag": "Tag_Profile_IM_Nick", "Value": level.to_string()}]);
    app.code("portrait_set", &json!({"From_Account": user, "ProfileItem": items}).to_string())
}

/// One account as `portrait_get` answers it.
fn get(app: &App<'_>, user: &str) -> Value {
    let tags = ["Tag_Profile_IM_Level", "Tag_Profile_IM_Nick"];
    let answer = app.call("portrait_get", &json!({"To_Account": [user], "TagList": tags}).to_string());
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    answer["UserProfileItem"][0].clone()
}

pub(crate) fn level(app: &App<'_>, user: &str) -> u64 {
    let entry = get(app, user);
    let values: Vec<&Value> =
        entry["ProfileItem"].as_array().unwrap().iter().map(|item| &item["Value"]).collect();
    let Some(level) = values.first().map(|level| level.as_u64().unwrap()) else { return 0 };
    assert_eq!(values, [&json!(level), &json!(level.to_string())], "half a set: {entry}");
    level
}

fn is_ready(server: &TestServer) -> bool {
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    Connection::open(&server.admin_address).exchange(request).unwrap().status == 200
}

pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed().as_secs() < 60, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn told(calls: &[Call]) -> Vec<u64> {
    calls
        .iter()
        .map(|call| call.value().as_u64().unwrap_or_else(|| call.value().as_str().unwrap().parse().unwrap()))
        .collect()
}

#[test]
fn a_disk_that_refuses_is_40006_and_not_ready_and_heals() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("disk/data");
    std::fs::create_dir_all(&data).unwrap();
    let disk = Disk::below(&dir.path().join("disk"), &dir.path().join("control"));
    let mut server = server_on(&disk, &data);
    let (id, receiver) = (server.app().id, Receiver::polite());
    App { server: &server, id }.put("/webhook", &json!({"url": receiver.url()}).to_string());
    App { server: &server, id }.import("alice");
    let mut acknowledged = Vec::new();
    for (round, (kinds, error)) in (1..).zip([
        (WRITE, EIO),
        (SYNC, EIO),
        (WRITE, ENOSPC),
        (WRITE | TRUNCATE | OPEN, EROFS),
        (SYNC, ENOSPC),
        (WRITE | TRUNCATE, EDQUOT),
    ]) {
        let app = App { server: &server, id };
        assert_eq!(set(&app, "alice", round * 100), 0);
        acknowledged.push(round * 100);
        // The events' own verdicts are written as well: they are done with first.
        receiver.wait_for(acknowledged.len());
        disk.spoil(always(kinds, EVERY_FILE, Action::Fail, error));
        assert_eq!(set(&app, "alice", round * 100 + 1), 40006, "{kinds} {error}");
        assert_eq!(app.code("account_import", r#"{"UserID":"bob"}"#), 40006);
        assert_eq!(app.code("multiaccount_import", r#"{"Accounts":["bob"]}"#), 70500);
        assert_eq!(app.code("multiaccount_import", r#"{"AccountList":[{"UserID":"bob"}]}"#), 40006);
        assert_eq!(app.code("account_delete", r#"{"DeleteItem":[{"UserID":"alice"}]}"#), 70500);
        until("it says that it is not ready", || !is_ready(&server));
        assert_eq!(level(&app, "alice"), round * 100, "reads go on, and see what was acknowledged");
        assert_eq!(get(&app, "bob")["ResultCode"], 40003);
        assert!(disk.fired() > 0, "the fault fired");
        disk.heal();
        until("it is ready again", || is_ready(&server));
        assert_eq!(set(&app, "alice", round * 100 + 2), 0, "and writes, without a restart");
        acknowledged.push(round * 100 + 2);
        assert_eq!(level(&app, "alice"), round * 100 + 2);
    }
    assert_eq!(told(&receiver.wait_for(acknowledged.len())), acknowledged, "told is what was acknowledged");
    assert!(server.log().contains("a commit failed"), "it says so");
    // Asked to end while the disk refuses everything: it ends, and what was acknowledged is there afterwards.
    disk.spoil(always(WRITE | SYNC, EVERY_FILE, Action::Fail, EIO));
    server.signal("-TERM");
    server.child.wait().unwrap();
    drop(server);
    disk.heal();
    let server = server_on(&disk, &data);
    assert_eq!(Some(&level(&App { server: &server, id }, "alice")), acknowledged.last());
}

#[test]
fn a_disk_that_hangs_costs_writers_an_answer_and_readers_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("disk/data");
    std::fs::create_dir_all(&data).unwrap();
    let disk = Disk::below(&dir.path().join("disk"), &dir.path().join("control"));
    let server = server_on(&disk, &data);
    let app = server.app();
    app.import("alice");
    assert_eq!(set(&app, "alice", 1), 0);
    disk.spoil(always(SYNC, EVERY_FILE, Action::Hang, 0));
    let codes: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..40)
            .map(|n| {
                scope.spawn({
                    let app = &app;
                    move || set(app, "alice", 100 + n)
                })
            })
            .collect();
        until("a sync hangs", || disk.fired() > 0);
        assert_eq!(level(&app, "alice"), 1);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(codes.iter().all(|code| [40006, 60008].contains(code)), "{codes:?}");
    disk.heal();
    until("it is ready again", || is_ready(&server));
    assert_eq!(set(&app, "alice", 2), 0);
    assert_eq!(level(&app, "alice"), 2);
}

#[test]
fn what_cannot_be_read_is_40006_for_its_account_and_is_over_when_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("disk/data");
    std::fs::create_dir_all(&data).unwrap();
    let disk = Disk::below(&dir.path().join("disk"), &dir.path().join("control"));
    let mut server = server_on(&disk, &data);
    let id = server.app().id;
    // So many that she is in another page than the admin, whom every call reads.
    for hundred in 0..10 {
        let names: Vec<String> = (0..100).map(|n| format!("user{hundred}{n:02}")).collect();
        App { server: &server, id }.call("multiaccount_import", &json!({ "Accounts": names }).to_string());
    }
    App { server: &server, id }.import("alice");
    assert_eq!(set(&App { server: &server, id }, "alice", 7), 0);
    // A server that has nothing in memory yet has to read: also nothing of a journal.
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    drop(server);
    let server = server_on(&disk, &data);
    let app = App { server: &server, id };
    disk.spoil(always(READ, DATABASE | LOG, Action::Fail, EIO));
    assert_eq!(get(&app, "alice")["ResultCode"], 40006);
    assert!(disk.fired() > 0, "the fault fired");
    disk.heal();
    assert_eq!(level(&app, "alice"), 7);
    assert_eq!(set(&app, "alice", 8), 0);
}

#[test]
fn flipped_bits_are_40006_for_their_account_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::serve(&data, CONFIG);
    let id = server.app().id;
    let names: Vec<String> = (0..50).map(|n| format!("user{n}")).collect();
    App { server: &server, id }.call("multiaccount_import", &json!({ "Accounts": names }).to_string());
    for name in &names {
        assert_eq!(set(&App { server: &server, id }, name, 123_456_789), 0);
    }
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    drop(server);
    let path = data.join("portraitd.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // The nicknames, as they stand in the profiles.
    let places: Vec<usize> =
        (0..bytes.len() - 9).filter(|place| &bytes[*place..place + 9] == b"123456789").collect();
    assert!(places.len() >= names.len());
    let (first, last) = (places[0], places[places.len() - 1]);
    bytes[first] ^= 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let server = TestServer::serve(&data, CONFIG);
    let app = App { server: &server, id };
    let tags = ["Tag_Profile_IM_Level", "Tag_Profile_IM_Nick"];
    let answer = app.call("portrait_get", &json!({"To_Account": names, "TagList": tags}).to_string());
    let entries = answer["UserProfileItem"].as_array().unwrap();
    let damaged: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["ResultCode"] == 40006)
        .map(|entry| entry["To_Account"].as_str().unwrap())
        .collect();
    assert_eq!(damaged.len(), 2, "{answer}");
    assert_eq!(answer["Fail_Account"], json!(damaged));
    let whole = entries.iter().filter(|entry| entry["ResultCode"] == 0);
    assert!(
        whole.clone().count() == 48
            && whole.clone().all(|entry| entry["ProfileItem"][1]["Value"] == "123456789")
    );
    assert_eq!(set(&app, damaged[0], 1), 40006, "nothing is built upon what does not read back");
    let log = server.log();
    assert!(damaged.iter().all(|name| log.contains(name) && log.contains("do not read back")), "{log}");
}

#[test]
fn without_file_descriptors_known_connections_are_served_and_new_ones_later() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), CONFIG);
    let app = server.app();
    app.import("alice");
    assert_eq!((set(&app, "alice", 1), level(&app, "alice")), (0, 1));
    let mut known = server.connect();
    let query = app.query("administrator");
    let body = |level: u64| {
        json!({"From_Account": "alice", "ProfileItem": [{"Tag": "Tag_Profile_IM_Level", "Value": level}, {"Tag": "Tag_Profile_IM_Nick", "Value": level.to_string()}]}).to_string()
    };
    let mut set_known = |level: u64| {
        known.exchange(&post(&format!("{}?{query}", path_of("portrait_set")), &body(level))).unwrap().code()
    };
    assert_eq!(set_known(2), 0);
    let pid = server.child.id().to_string();
    let limit = |count: &str| {
        let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={count}:")]).status();
        assert!(limited.unwrap().success());
    };
    limit("3");
    assert_eq!(set_known(3), 0);
    let mut refused = server.connect();
    refused
        .send(&app.request("portrait_get", r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Level"]}"#));
    assert_eq!(set_known(4), 0, "still served");
    limit("20000");
    // Either it was turned away, or it waited; new ones are served.
    let _ = refused.answer();
    assert_eq!(level(&app, "alice"), 4);
}

#[test]
fn a_clock_that_jumps_spoils_no_change_and_delays_no_webhook() {
    const HOUR: i64 = 3600;
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::below(&dir.path().join("none"), &dir.path().join("control"));
    let server = server_on(&disk, &dir.path().join("data"));
    let (app, receiver) = (server.app(), Receiver::polite());
    app.import("alice");
    app.put("/webhook", &json!({"url": receiver.url()}).to_string());
    let mut expected = Vec::new();
    // A UserSig of the harness is valid for ten minutes from the true time on.
    for (level, (clock, valid)) in (1..).zip([
        (0, true),
        (-HOUR, true),
        (HOUR, false),
        (0, true),
        (24 * HOUR, false),
        (-24 * HOUR, true),
        (0, true),
        (20 * 365 * 24 * HOUR, false),
        (-60 * 365 * 24 * HOUR, true),
        (0, true),
    ]) {
        disk.set_clock(clock);
        let code = set(&app, "alice", level);
        assert_eq!(code, if valid { 0 } else { 70001 }, "the clock is wrong by {clock} s");
        if valid {
            expected.push(level);
            assert_eq!(self::level(&app, "alice"), level);
            assert_eq!(told(&receiver.wait_for(expected.len())), expected, "the clock is wrong by {clock} s");
        }
    }
    assert!(is_ready(&server));
}

/// Needs root for its small file system; CI has it.
#[test]
fn a_disk_that_is_full_again_and_again_loses_nothing() {
    let rounds = 4 * number("SCALE").unwrap_or(1);
    on_a_small_disk("size=4m", |dir| fill_and_free(dir, rounds));
}

/// A file system without inodes gives no new file, and a read-only one none at all: a server that runs goes on, a new one says why
/// it can't.
#[test]
fn without_inodes_a_server_goes_on_and_a_new_one_says_why_it_cannot() {
    on_a_small_disk("size=32m,nr_inodes=64", |dir| {
        let data = dir.join("data");
        let server = TestServer::serve(&data, CONFIG);
        let app = server.app();
        let id = app.id;
        app.import("alice");
        let start_another = || {
            let mut command = binary();
            command.args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"]);
            let output = command.arg(dir.join("another")).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            String::from_utf8(output.stderr).unwrap()
        };
        let used: Vec<_> = (0..64)
            .map(|number| dir.join(format!("file{number}")))
            .take_while(|path| std::fs::write(path, "").is_ok())
            .collect();
        assert!(!used.is_empty() && used.len() < 64, "{} files", used.len());
        assert_eq!(set(&app, "alice", 1), 0, "what is open stays open");
        let said = start_another();
        assert!(said.contains("another") && said.contains("No space left on device"), "{said}");
        for path in used {
            std::fs::remove_file(path).unwrap();
        }
        drop(server);
        // Read-only as a whole: a file system with files open for writing can't be made so under a running server.
        let remount = |how| Command::new("mount").args(["-o", how]).arg(dir).status().unwrap().success();
        assert!(remount("remount,ro"));
        let said = start_another();
        assert!(said.contains("another") && said.contains("Read-only file system"), "{said}");
        assert!(remount("remount,rw"));
        let server = TestServer::serve(&data, CONFIG);
        assert_eq!(level(&App { server: &server, id }, "alice"), 1);
    });
}

/// What would make the data grow is refused while there is still room for what makes it shrink.
#[test]
fn a_nearly_full_disk_takes_no_change_and_gives_room_by_deletions() {
    on_a_small_disk("size=64m", |dir| {
        let server = TestServer::serve(&dir.join("data"), CONFIG);
        let app = server.app();
        app.import("alice");
        app.import("bob");
        assert_eq!(set(&app, "alice", 1), 0);
        let ballast = dir.join("ballast");
        // A twentieth of the disk is kept, 3.2 MiB; two are left.
        let leave_two_mib = || {
            let disk = rustix::fs::statvfs(dir).unwrap();
            let free = usize::try_from(disk.f_bavail * disk.f_frsize).unwrap();
            std::fs::write(&ballast, vec![1; free - (2 << 20)]).unwrap();
        };
        leave_two_mib();
        let mut acknowledged = 1;
        until("the disk is found nearly full", || match set(&app, "alice", acknowledged + 1) {
            0 => {
                acknowledged += 1;
                false
            }
            code => code == 40006,
        });
        assert!(!is_ready(&server), "a server that takes no change is not ready");
        assert_eq!(app.code("account_import", r#"{"UserID":"new"}"#), 40006);
        assert_eq!(level(&app, "alice"), acknowledged, "reads go on");
        assert_eq!(app.code("account_delete", r#"{"DeleteItem":[{"UserID":"bob"}]}"#), 0, "deletions too");
        assert_eq!(app.code("kick", r#"{"UserID":"alice"}"#), 0, "and what shuts somebody out");
        std::fs::remove_file(&ballast).unwrap();
        assert_eq!(set(&app, "alice", 1000), 0, "at once, without a restart");
        assert_eq!(level(&app, "alice"), 1000);
        until("it is ready again", || is_ready(&server));
        let log = server.log();
        assert!(
            log.contains("are kept free (store.keep_free_mib)") && log.contains("has enough space again"),
            "{log}"
        );
        drop(server);
        // Without the watermark the disk is filled to its end, as the engine finds it.
        let server = TestServer::serve(&dir.join("other"), &format!("{CONFIG}\n[store]\nkeep_free_mib = 0"));
        let app = server.app();
        app.import("alice");
        leave_two_mib();
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(set(&app, "alice", 1), 0);
    });
}

fn fill_and_free(dir: &Path, rounds: u64) {
    let data = dir.join("data");
    let mut server = TestServer::serve(&data, CONFIG);
    let (id, receiver) = (server.app().id, Receiver::polite());
    App { server: &server, id }.put("/webhook", &json!({"url": receiver.url()}).to_string());
    App { server: &server, id }.import("alice");
    let other = server.app().id;
    let (mut number, mut acknowledged) = (0, Vec::new());
    for round in 0..rounds {
        let (app, ballast) = (App { server: &server, id }, dir.join("ballast"));
        // Half of the time the server's own data fill what is left: new accounts of an app that has no webhook. Changes of one
        // account take no more room.
        let own = round % 2 == 1;
        let bytes = if own { 5 << 18 } else { 8 << 20 };
        // Writes until nothing more fits.
        let _ = std::fs::write(&ballast, vec![1; bytes]);
        let mut refused = 0;
        while refused < 20 {
            number += 1;
            if own {
                let account = json!({"UserID": format!("user{number}"), "Nick": "x".repeat(400)}).to_string();
                let code = App { server: &server, id: other }.code("account_import", &account);
                assert!([0, 40006].contains(&code), "{code}");
            }
            match set(&app, "alice", number) {
                0 => acknowledged.push(number),
                40006 => refused += 1,
                other => panic!("{other}"),
            }
            assert_eq!(level(&app, "alice"), acknowledged.last().copied().unwrap_or(0), "reads go on");
        }
        std::fs::remove_file(&ballast).unwrap();
        until("it is ready again", || is_ready(&server));
        number += 1;
        assert_eq!(set(&app, "alice", number), 0, "and writes, without a restart");
        acknowledged.push(number);
        if round % 3 == 2 {
            server.kill();
            drop(server);
            server = TestServer::serve(&data, CONFIG);
            assert_eq!(level(&App { server: &server, id }, "alice"), number);
        }
    }
    let mut told = told(&receiver.wait_until("all changes", |calls| {
        calls.iter().any(|call| told(std::slice::from_ref(call)) == [number])
    }));
    // At least once: a kill may repeat some.
    told.dedup();
    let mut first = std::collections::HashSet::new();
    told.retain(|level| first.insert(*level));
    assert_eq!(told, acknowledged, "told is what was acknowledged, in order");
    eprintln!("{rounds} rounds, {} changes acknowledged and told", acknowledged.len());
}

/// Needs root, to become somebody else; CI has it.
#[test]
fn without_permission_a_server_goes_on_and_a_new_one_says_why_it_cannot() {
    const NOBODY: u32 = 65534;
    // Where everybody may pass; a build directory may be for its owner only.
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let (data, program) = (dir.path().join("data"), dir.path().join("portraitd"));
    std::fs::copy(binary().get_program(), &program).unwrap();
    std::fs::create_dir(&data).unwrap();
    let own = |owner: u32| {
        let files = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
        files
            .chain([data.clone()])
            .all(|path| std::os::unix::fs::chown(path, Some(owner), Some(owner)).is_ok())
    };
    if !own(NOBODY) {
        assert!(std::env::var_os("CI").is_none(), "CI is root");
        eprintln!("SKIPPED: files can't be given away here (not root?)");
        return;
    }
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), everybody).unwrap();
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
        command.args(["dev", "--key", KEY, "--data"]).arg(&data);
        command
    };
    let mut server = TestServer::start_with(&mut as_nobody());
    assert_eq!((set(&server.dev_app(), "alice", 1), level(&server.dev_app(), "alice")), (0, 1));
    own(0);
    assert_eq!(set(&server.dev_app(), "alice", 2), 0, "what is open stays open");
    assert_eq!(level(&server.dev_app(), "alice"), 2);
    server.kill();
    drop(server);
    let refused =
        as_nobody().args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(data.to_str().unwrap()) && said.contains("ermission denied"), "{said}");
    own(NOBODY);
    let server = TestServer::start_with(&mut as_nobody());
    assert_eq!(level(&server.dev_app(), "alice"), 2, "and nothing is lost");
}
