//! Uploads to an S3-compatible storage that are cut off: what was sent does not stay there, whether the storage refuses, the server
//! stops or it is killed. And two servers with one prefix do not spoil each other's backups.

use crate::backup_s3::{Storage, config, put, stop};
use crate::backup_schedule::{metric, wait_for_backups};
use crate::faults::until;
use crate::harness::TestServer;
use crate::jobs::json_of;
use crate::storage_gate::{Completion, Gate};
use serde_json::Value;
use std::fs;
use std::time::Instant;

impl Storage {
    /// How many uploads were begun, and neither completed nor aborted.
    fn uploads(&self) -> usize {
        let (status, listed) = self.ask("GET", "/copies?uploads");
        assert_eq!(status, 200, "{listed}");
        listed.matches("<UploadId>").count()
    }
}

#[test]
fn an_upload_that_the_storage_refuses_is_aborted() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let (dir, gate) = (tempfile::tempdir().unwrap(), Gate::before(&storage, Completion::Refuse));
    let server = TestServer::serve(&dir.path().join("data"), &config(dir.path(), &gate.address, ""));
    until("the backup fails", || metric(&server, "failures_total", "s3") >= 1);
    assert!(server.log().contains("AccessDenied: no"), "{}", server.log());
    until("the upload is aborted", || storage.uploads() == 0);
    assert_eq!(metric(&server, "successes_total", "s3"), 0);
    stop(server);
}

#[test]
fn a_server_that_stops_aborts_its_upload() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let (dir, gate) = (tempfile::tempdir().unwrap(), Gate::before(&storage, Completion::Hold));
    let server = TestServer::serve(&dir.path().join("data"), &config(dir.path(), &gate.address, ""));
    gate.wait_until_it_holds();
    assert_eq!(storage.uploads(), 1);
    let stopped = Instant::now();
    stop(server);
    assert!(stopped.elapsed().as_secs() < 30, "{:?}", stopped.elapsed());
    assert_eq!(storage.uploads(), 0);
}

#[test]
fn the_next_backup_aborts_the_upload_of_a_server_that_was_killed() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let (dir, gate) = (tempfile::tempdir().unwrap(), Gate::before(&storage, Completion::Hold));
    let (data, config) = (dir.path().join("data"), config(dir.path(), &gate.address, ""));
    let mut server = TestServer::serve(&data, &config);
    gate.wait_until_it_holds();
    server.kill();
    assert_eq!(storage.uploads(), 1, "a killed server aborts nothing");
    drop(server);
    gate.set(Completion::Pass);
    let server = TestServer::serve(&data, &config);
    wait_for_backups(&server, "s3", 1);
    assert_eq!(storage.uploads(), 0);
    let objects = storage.objects("copies");
    assert_eq!(objects.len(), 2, "the new backup alone: {objects:?}");
    stop(server);
}

#[test]
fn a_backup_that_another_server_is_sending_is_not_overwritten() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let (dir, gate) = (tempfile::tempdir().unwrap(), Gate::before(&storage, Completion::Hold));
    let server = TestServer::serve(&dir.path().join("data"), &config(dir.path(), &gate.address, ""));
    gate.wait_until_it_holds();
    // The other server begins with a backup of the same name: both take theirs at the same time of day.
    let objects = storage.objects("copies");
    let [marker] = objects.as_slice() else { panic!("{objects:?}") };
    let (status, said) = storage.ask("GET", &format!("/copies/{marker}"));
    let mut unfinished: Value = json_of((status, said), 200);
    assert!(marker.ends_with("/unfinished.json"), "{unfinished}");
    unfinished["store"] = "00000000000000000000000000000000".into();
    let file = dir.path().join("unfinished.json");
    fs::write(&file, unfinished.to_string()).unwrap();
    put(&storage, &format!("/copies/{marker}"), &file);
    gate.set(Completion::Pass);
    until("the backup fails", || metric(&server, "failures_total", "s3") >= 1);
    let log = server.log();
    assert!(log.contains("another server uses this prefix") && log.contains("backup.s3.prefix"), "{log}");
    let objects = storage.objects("copies");
    assert!(!objects.iter().any(|name| name.ends_with("backup.json")), "it does not count: {objects:?}");
    stop(server);
}
