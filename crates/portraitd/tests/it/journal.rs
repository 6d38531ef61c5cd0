//! The journal under the real server: damaged, and not applied.

use crate::faults::{CONFIG, always, level, server_on, set, told, until};
use crate::harness::{App, Connection, TestServer, binary};
use crate::receiver::Receiver;
use portraitd_test_support::disk::{Action, DATABASE, Disk, EIO, LOG, WRITE};
use serde_json::json;
use std::path::{Path, PathBuf};

/// A killed server whose last segment of the journal has at least 3 frames: the file, and in which block the middle one is.
fn killed_with_a_journal(dir: &Path) -> (PathBuf, u32, PathBuf, usize) {
    const BLOCK: usize = 4096;
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    for round in 0..20 {
        let data = dir.join(round.to_string());
        let mut server = TestServer::serve(&data, CONFIG);
        let id = server.app().id;
        App { server: &server, id }.import("alice");
        for number in 1..=20 {
            assert_eq!(set(&App { server: &server, id }, "alice", number), 0);
        }
        server.kill();
        let segments = ["portraitd.journal-0", "portraitd.journal-1"].map(|name| {
            let path = data.join(name);
            let bytes = std::fs::read(&path).unwrap();
            // The segment's number is in the header, a frame's in its block. Zeros mean that nothing was written there yet.
            let frames = (1..bytes.len() / BLOCK).take_while(|block| {
                let frame = &bytes[block * BLOCK..];
                word(frame, 0) != 0 && word(frame, 8) == *block as u64 - 1
            });
            (word(&bytes, 28), path, frames.count())
        });
        let (last, path, frames) = segments.into_iter().max().unwrap();
        // On a slow machine segments may have ended in between. In the first two of a store nothing is left of earlier ones.
        if last <= 2 && frames >= 3 {
            return (data, id, path, 1 + frames / 2);
        }
    }
    panic!("no segment has 3 frames");
}

/// As far as the journal reads, it is believed; that more was acknowledged is not passed over in silence.
#[test]
fn a_journal_damaged_before_its_end_is_refused_and_repaired_when_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let (data, id, journal, block) = killed_with_a_journal(dir.path());
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[block * 4096 + 40] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    let refused = binary()
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .output();
    let said = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(
        said.contains("acknowledged changes lie there and behind it") && said.contains("portraitd repair"),
        "{said}"
    );
    assert_eq!(std::fs::read(&journal).unwrap(), bytes, "untouched");
    let checked = binary().args(["check", "--data"]).arg(&data).output().unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    let place = format!("is damaged at byte {}", block * 4096);
    assert!(checked.status.code() == Some(1) && said.contains(&place), "{said}");
    let repair = || {
        let repaired = binary().args(["repair", "--data"]).arg(&data).output().unwrap();
        assert!(repaired.status.success(), "{repaired:?}");
        String::from_utf8(repaired.stdout).unwrap()
    };
    let kept = journal.with_added_extension("damaged");
    assert!(repair().contains(&kept.display().to_string()));
    assert_eq!(std::fs::read(kept).unwrap(), bytes);
    assert!(repair().contains("nothing was given up"));
    let server = TestServer::serve(&data, CONFIG);
    let found = level(&App { server: &server, id }, "alice");
    assert!(found < 20, "{found}");
}

/// Changes are in the journal, and so they are acknowledged; that they can't be applied is said.
#[test]
fn a_database_that_refuses_is_named_while_changes_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("disk/data");
    std::fs::create_dir_all(&data).unwrap();
    let disk = Disk::below(&dir.path().join("disk"), &dir.path().join("control"));
    let mut server = server_on(&disk, &data);
    let (id, receiver) = (server.app().id, Receiver::polite());
    App { server: &server, id }.put("/webhook", &json!({"url": receiver.url()}).to_string());
    App { server: &server, id }.import("alice");
    disk.spoil(always(WRITE, DATABASE | LOG, Action::Fail, EIO));
    let app = App { server: &server, id };
    assert_eq!(set(&app, "alice", 1), 0);
    assert_eq!((level(&app, "alice"), told(&receiver.wait_for(1))), (1, vec![1]));
    let ready = || {
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let answer = Connection::open(&server.admin_address).exchange(request).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    until("it says that the journal can't be applied", || {
        ready().contains("can't be applied to the database")
    });
    assert!(disk.fired() > 0, "the fault fired");
    assert_eq!(set(&app, "alice", 2), 0, "changes go on");
    let run = |command: &str| {
        let output = binary().arg(command).arg("--data").arg(&data).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let said = run("healthcheck");
    assert!(said.contains("ready\n") && said.contains("can't be applied to the database"), "{said}");
    let said = run("doctor");
    assert!(said.contains("it runs and can write, but the journal can't be applied"), "{said}");
    assert!(said.contains("to be applied: "), "{said}");
    disk.heal();
    until("it is applied", || ready() == "ok\n");
    // Once more, to the end: what can't be applied is there at the next start.
    disk.spoil(always(WRITE, DATABASE | LOG, Action::Fail, EIO));
    assert_eq!(set(&App { server: &server, id }, "alice", 3), 0);
    server.signal("-TERM");
    server.child.wait().unwrap();
    drop(server);
    disk.heal();
    let server = server_on(&disk, &data);
    assert_eq!(level(&App { server: &server, id }, "alice"), 3);
}
