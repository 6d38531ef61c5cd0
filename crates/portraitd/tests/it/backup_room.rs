//! Backups on a disk that has no room for them: one that does not fit is not begun, and one that runs ends before changes are
//! refused. Needs root for its small file systems; CI has it.

use crate::cli::{on, refused};
use crate::faults::set;
use crate::harness::{App, TestServer};
use crate::jobs::{app_of, during_writes, fill, json_of, names_in, start, wait_until};
use portraitd_test_support::small_disk::on_a_small_disk;
use serde_json::json;
use std::fs::{self, File};
use std::path::Path;

const CONFIG: &str = "[limits]\nenabled = false\n[store]\njournal_mib = 16\n";

fn free(dir: &Path) -> u64 {
    let disk = rustix::fs::statvfs(dir).unwrap();
    disk.f_bavail * disk.f_frsize
}

/// Takes space at once, without writing it.
fn take(path: &Path, bytes: u64) {
    let file = File::create(path).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap();
}

#[test]
fn a_backup_that_does_not_fit_is_not_begun() {
    on_a_small_disk("size=256m", |dir| {
        let (data, ballast, backup) = (dir.join("data"), dir.join("ballast"), dir.join("backup"));
        let server = TestServer::serve(&data, CONFIG);
        fill(&server);
        let app = App { server: &server, id: app_of(&server) };
        // Lists wait until the database has the accounts: from here on it grows no more.
        let (status, answer) = server.admin("GET", &format!("/apps/{}/accounts?limit=1", app.id), "");
        assert_eq!(status, 200, "{answer}");
        // 30 MB of data, and 25 MB are left; 12.8 MiB of them are kept.
        take(&ballast, free(dir) - (25 << 20));
        refused(on(&data, &["backup"]).arg(&backup), 1, "the backup does not fit into");
        let (status, answer) = start(&server, &backup);
        for part in ["bytes (", "MiB) and needs", "kept free for changes", "another disk", "not_possible"] {
            assert!(status == 409 && answer.contains(part), "{part}: {status} {answer}");
        }
        assert!(!backup.exists(), "nothing was begun");
        assert_eq!(json_of(server.admin("GET", "/jobs", ""), 200), json!([]));
        assert_eq!(set(&app, "writer", 7), 0, "changes go on");
        // Elsewhere there is room, also when the store's own disk is full.
        take(&dir.join("more"), free(dir) - (2 << 20));
        let elsewhere = tempfile::tempdir().unwrap();
        let (status, answer) =
            server.admin("POST", "/backup", &json!({"directory": elsewhere.path()}).to_string());
        assert_eq!(status, 200, "{answer}");
        fs::remove_file(&ballast).unwrap();
        let (status, answer) = server.admin("POST", "/backup", &json!({"directory": backup}).to_string());
        assert_eq!(status, 200, "{answer}");
    });
}

#[test]
fn a_backup_ends_before_changes_are_refused() {
    on_a_small_disk("size=512m", |dir| {
        let data = dir.join("data");
        let server = TestServer::serve(&data, CONFIG);
        fill(&server);
        let app = App { server: &server, id: app_of(&server) };
        // The copy may be quicker than the disk is filled.
        let stopped = (0..20).find_map(|attempt| {
            let (backup, ballast) = (dir.join(format!("backup{attempt}")), dir.join("ballast"));
            let job = during_writes(&app, || {
                let job = json_of(start(&server, &backup), 202);
                wait_until(&server, &job["id"], |job| job["bytes"].as_u64() > Some(0));
                // A twentieth is kept, 25.6 MiB, and a backup leaves a quarter and 1 MiB more.
                take(&ballast, free(dir).saturating_sub(32 << 20));
                wait_until(&server, &job["id"], |_| false)
            });
            assert_eq!(set(&app, "writer", 7), 0, "no change was refused");
            fs::remove_file(&ballast).unwrap();
            if job["state"] == "done" {
                fs::remove_dir_all(&backup).unwrap();
                return None;
            }
            assert_eq!(names_in(&backup), [""; 0], "the unfinished copy is gone");
            Some(job)
        });
        let job = stopped.expect("one of the backups was stopped");
        let reason = job["reason"].as_str().unwrap();
        assert!(reason.contains("was stopped") && reason.contains("changes are still accepted"), "{reason}");
        assert!(server.log().contains("a backup failed"), "{}", server.log());
        assert!(!server.log().contains("are kept free (store.keep_free_mib)"), "the disk was never short");
    });
}
