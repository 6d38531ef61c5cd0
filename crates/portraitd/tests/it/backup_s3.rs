//! Backups on a schedule into an S3-compatible storage, moto's server from PyPI: sent in parts, read back, listed, removed, and
//! restored after the machine is gone. What the storage refuses is said, and its credentials are not.

use crate::backup_schedule::{doctor, metric, wait_for_backups};
use crate::cli::{refused, run};
use crate::faults::until;
use crate::harness::{App, Connection, TestServer, binary};
use crate::jobs::{app_of, fill, json_of};
use crate::storage_gate::{Completion, Gate};
use portraitd_test_support::packages::pip_install;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCY";

const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// A storage on this machine; it ends with this.
pub(crate) struct Storage {
    child: Child,
    pub(crate) address: String,
}

impl Storage {
    /// `None` where moto can't be installed. `variables` are moto's own.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let packages = pip_install(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/s3"), "moto")?;
        let mut command = Command::new("python3");
        command
            .args(["-B", "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONPATH", packages);
        command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let said = lines.find_map(|line| line.split("http://").nth(1).map(str::to_owned)).unwrap();
        let address = said.trim_end_matches('/').split_whitespace().next().unwrap().to_owned();
        // It logs each request; no call may wait because the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, address })
    }

    /// A request. moto wants to see a signature, and does not check it.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{SIGNED}\r\nContent-Length: 0\r\n\r\n",
            self.address
        );
        let answer = Connection::open(&self.address).exchange(request.as_bytes()).unwrap();
        (answer.status, answer.body)
    }

    /// The names of the objects in a bucket.
    pub(crate) fn objects(&self, bucket: &str) -> Vec<String> {
        let (_, listed) = self.ask("GET", &format!("/{bucket}?list-type=2"));
        let keys = listed.split("<Key>").skip(1);
        keys.map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration with backups into the bucket `copies` of a storage; the credentials are in a file.
pub(crate) fn config(dir: &Path, address: &str, more: &str) -> String {
    let credentials = dir.join("credentials");
    fs::write(
        &credentials,
        format!("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n"),
    )
    .unwrap();
    let credentials = credentials.display();
    format!(
        "[limits]\nenabled = false\n[backup]\nevery = \"1h\"\n{more}\n[backup.s3]\nbucket = \"copies\"\nprefix = \"shop/one\"\n\
         endpoint = \"http://{address}\"\ncredentials_file = \"{credentials}\"\n"
    )
}

/// Every account's profile.
fn export(data: &Path, id: u32) -> String {
    run(binary().args(["export", &id.to_string(), "--data"]).arg(data))
}

pub(crate) fn stop(mut server: TestServer) {
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success(), "{}", server.log());
    assert!(!server.log().contains(SECRET), "the credentials are in no log");
}

#[test]
fn a_machine_that_dies_is_restored_from_the_storage() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("data.toml"));
    // The schedule's first backup, of an empty store.
    let server = TestServer::serve(&data, &config(dir.path(), &storage.address, ""));
    wait_for_backups(&server, "s3", 1);
    // 30 MB: several parts.
    fill(&server);
    let (id, store) = (app_of(&server), json_of(server.admin("GET", "/store", ""), 200)["id"].clone());
    stop(server);
    let first = storage.objects("copies");
    assert_eq!(first.len(), 2, "{first:?}");
    for object in &first {
        assert_eq!(storage.ask("DELETE", &format!("/copies/{object}")).0, 204);
    }
    let server = TestServer::serve(&data, &config(dir.path(), &storage.address, ""));
    wait_for_backups(&server, "s3", 1);
    let jobs = json_of(server.admin("GET", "/jobs", ""), 200);
    let location = jobs[0]["directory"].as_str().unwrap().to_owned();
    assert!(location.starts_with("s3://copies/shop/one/portraitd-") && jobs[0]["state"] == "done", "{jobs}");
    assert!(
        jobs[0]["restore"].as_str().unwrap().starts_with("portraitd restore s3://copies/shop/one/"),
        "{jobs}"
    );
    let staged: Vec<_> = fs::read_dir(data.join("backup-staging")).unwrap().collect();
    assert!(staged.is_empty(), "{staged:?}");
    assert!(metric(&server, "last_bytes", "s3") > 20 << 20);
    // What is not in the backup: it is lost with the machine.
    App { server: &server, id }.import("later");
    stop(server);
    let expected = export(&data, id);
    fs::remove_dir_all(&data).unwrap();

    let listed = run(binary().args(["backup", "list", "--json", "--config"]).arg(&file));
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!((listed.len(), &listed[0]["backup"], &listed[0]["store"]), (1, &json!(location), &store));
    assert_eq!(listed[0]["accounts"], 30_002);
    let mut restore = binary();
    restore.args(["restore", &location, "--config"]).arg(&file).arg("--data").arg(&data);
    let said = run(&mut restore);
    assert!(said.starts_with("restored 1 app and 30002 accounts"), "{said}");
    let names = crate::jobs::names_in(dir.path());
    assert!(!names.iter().any(|name| name.ends_with(".fetched")), "{names:?}");
    let without_the_last = expected.lines().filter(|line| !line.contains("\"later\""));
    let found = export(&data, id);
    assert!(found.lines().eq(without_the_last), "every account is as it was");
    refused(&mut restore, 1, "is not empty (there is ");
    let names = crate::jobs::names_in(dir.path());
    assert!(!names.iter().any(|name| name.ends_with(".fetched")), "nothing was copied for that: {names:?}");

    // The restored store is another: its server takes a backup of its own, and leaves the earlier one alone.
    let server = TestServer::serve(&data, &config(dir.path(), &storage.address, "keep = 1"));
    wait_for_backups(&server, "s3", 1);
    assert!(server.log().contains("there are backups of another store"), "{}", server.log());
    assert_eq!(storage.objects("copies").len(), 4);
    stop(server);

    // What was changed in the storage is not restored.
    let object = format!("/copies/shop/one/{}/portraitd.db", location.rsplit('/').next().unwrap());
    assert_eq!(storage.ask("PUT", &object).0, 200);
    let other = dir.path().join("other");
    let mut restore = binary();
    restore.args(["restore", &location, "--config"]).arg(&file).arg("--data").arg(&other);
    refused(&mut restore, 1, "is not what was backed up");
    assert!(!other.exists());
}

#[test]
fn a_directory_and_a_storage_get_the_same_backup_and_old_ones_go_from_both() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let dir = tempfile::tempdir().unwrap();
    let (data, backups) = (dir.path().join("data"), dir.path().join("backups"));
    let more = format!("directory = \"{}\"\nkeep = 1", backups.display());
    let gate = Gate::before(&storage, Completion::Pass);
    let config = config(dir.path(), &gate.address, &more);
    let list = || -> Vec<Value> {
        let file = data.with_extension("toml");
        serde_json::from_str(&run(binary().args(["backup", "list", "--json", "--config"]).arg(file))).unwrap()
    };
    let server = TestServer::serve(&data, &config);
    wait_for_backups(&server, "s3", 1);
    assert_eq!(metric(&server, "successes_total", "directory"), 1);
    stop(server);
    let listed = list();
    assert_eq!((listed.len(), &listed[0]["sha256"]), (2, &listed[1]["sha256"]), "{listed:?}");
    assert_eq!(listed[0]["began_ms"], listed[1]["began_ms"]);
    assert!(!data.join("backup-staging").exists());

    // An hour later, which the names say: the directory's is renamed, and the storage's made again from it.
    let (name, old) = (listed[0]["backup"].as_str().unwrap().to_owned(), "portraitd-20260101T000000Z");
    fs::rename(&name, backups.join(old)).unwrap();
    for object in storage.objects("copies") {
        storage.ask("DELETE", &format!("/copies/{object}"));
    }
    for file in ["portraitd.db", "backup.json"] {
        put(&storage, &format!("/copies/shop/one/{old}/{file}"), &backups.join(old).join(file));
    }
    // And what was never finished.
    let left = "portraitd-20260102T000000Z";
    put(&storage, &format!("/copies/shop/one/{left}/portraitd.db"), &backups.join(old).join("portraitd.db"));
    put(
        &storage,
        &format!("/copies/shop/one/{left}/unfinished.json"),
        &backups.join(old).join("backup.json"),
    );
    put(&storage, "/copies/shop/one/notes.txt", &backups.join(old).join("backup.json"));
    let server = TestServer::serve(&data, &config);
    wait_for_backups(&server, "s3", 1);
    until("old ones are removed", || storage.objects("copies").len() <= 3);
    let objects = storage.objects("copies");
    assert!(!objects.iter().any(|name| name.contains(old) || name.contains(left)), "{objects:?}");
    assert!(objects.contains(&"shop/one/notes.txt".to_owned()), "{objects:?}");
    until("old ones are removed", || list().len() == 2);
    // What is cut off between two deletions is noted, so that the next backup removes the rest.
    let place = |method: &str, file: &str| {
        let line = format!("{method} /copies/shop/one/{old}/{file} ");
        gate.heads().iter().position(|head| head.starts_with(&line)).unwrap_or_else(|| panic!("{line}"))
    };
    let order = [
        place("PUT", "unfinished.json"),
        place("DELETE", "backup.json"),
        place("DELETE", "portraitd.db"),
        place("DELETE", "unfinished.json"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    stop(server);
}

pub(crate) fn put(storage: &Storage, path: &str, file: &Path) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--fail", "--noproxy", "*", "-H", SIGNED, "--upload-file"]).arg(file);
    assert!(command.arg(format!("http://{}{path}", storage.address)).status().unwrap().success(), "{path}");
}

#[test]
fn what_the_storage_refuses_is_said_counted_and_tried_again() {
    let Some(storage) = Storage::start(&[]) else { return };
    let Some(strict) = Storage::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "1")]) else { return };
    assert_eq!(strict.ask("PUT", "/copies").0, 200);
    let dir = tempfile::tempdir().unwrap();
    // A port where nothing listens: the socket stays bound, and is never listened on.
    let bound =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&bound, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let silent =
        std::net::SocketAddr::try_from(rustix::net::getsockname(&bound).unwrap()).unwrap().to_string();
    let cases = [
        ("missing", storage.address.as_str(), "NoSuchBucket", "backup.s3.bucket"),
        ("strict", strict.address.as_str(), "InvalidAccessKeyId", "Check the key"),
        ("silent", silent.as_str(), "refused", "backup.s3.endpoint"),
    ];
    for (case, address, cause, remedy) in cases {
        let data = dir.path().join(case);
        let server = TestServer::serve(&data, &config(dir.path(), address, ""));
        until("the backup fails", || metric(&server, "failures_total", "s3") >= 1);
        let log = server.log();
        for part in ["a scheduled backup failed", "place=\"s3\"", "retry_seconds=60", cause, remedy, address]
        {
            assert!(log.contains(part), "{case}: {part}: {log}");
        }
        assert_eq!(metric(&server, "last_success_timestamp_seconds", "s3"), 0);
        stop(server);
        let mut list = binary();
        refused(list.args(["backup", "list", "--config"]).arg(data.with_extension("toml")), 1, cause);
        // A directory whose backups are well does not hide it.
        let more = format!("directory = \"{}\"", dir.path().join("copies").display());
        fs::write(data.with_extension("toml"), config(dir.path(), address, &more)).unwrap();
        let said = doctor(&data);
        assert!(said.starts_with("BAD   backups: there is none in ") && said.contains(remedy), "{said}");
    }
    let none = dir.path().join("none.toml");
    fs::write(&none, config(dir.path(), &silent, "").replace("credentials_file", "# credentials_file"))
        .unwrap();
    let mut list = binary();
    list.env_remove("AWS_ACCESS_KEY_ID").args(["backup", "list", "--config"]).arg(&none);
    refused(&mut list, 1, "there are no credentials for the storage");
    refused(binary().args(["restore", "s3://copies/shop/one", "--data", "x"]), 1, "names no backup");
    refused(binary().args(["restore", "s3://copies", "--data", "x"]), 1, "names no prefix");
}
