//! Backups in the background: how far they are, one at a time, and what is left when the server stops in the middle.

use crate::authorization::{call_with, create_token_with};
use crate::cli::{on, refused, run};
use crate::harness::{App, TestServer, binary, path_of, post};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server whose store has some 30 MB, so that its backup takes long enough to be looked at.
fn server_with_data(data: &Path) -> TestServer {
    let server = TestServer::serve(data, "[limits]\nenabled = false\n");
    fill(&server);
    server
}

/// Creates an app with 30,000 accounts, some 30 MB, and one that `during_writes` changes.
pub(crate) fn fill(server: &TestServer) {
    const UNITS: usize = 30;
    let app = server.app();
    let filler = "x".repeat(500);
    for unit in 0..UNITS {
        let line = |index: usize| {
            let items = ["Nick", "SelfSignature"]
                .map(|name| json!({"Tag": format!("Tag_Profile_IM_{name}"), "Value": filler}));
            json!({"UserID": format!("u{unit}-{index}"), "ProfileItem": items}).to_string() + "\n"
        };
        let body: String = (0..1000).map(line).collect();
        let (status, answer) = server.admin("POST", &format!("/apps/{}/import", app.id), &body);
        assert_eq!(status, 200, "{answer}");
    }
    app.import("writer");
}

pub(crate) fn json_of((status, answer): (u16, String), expected: u16) -> Value {
    assert_eq!(status, expected, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

pub(crate) fn start(server: &TestServer, directory: &Path) -> (u16, String) {
    server.admin("POST", "/backup?wait=false", &json!({ "directory": directory }).to_string())
}

pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    fs::read_dir(directory)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default()
}

/// Runs some work while others write: a backup takes its time then.
pub(crate) fn during_writes<T>(app: &App<'_>, work: impl FnOnce() -> T) -> T {
    let body = |level: u64| {
        json!({"From_Account": "writer", "ProfileItem": [{"Tag": "Tag_Profile_IM_Level", "Value": level}]})
            .to_string()
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = app.server.connect();
            let target = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
            for level in 1.. {
                // The work may stop the server.
                let Some(answer) = connection.exchange(&post(&target, &body(level))) else { return };
                if stop.load(Ordering::SeqCst) || answer.header("connection") == Some("close") {
                    return;
                }
            }
        });
        let done = work();
        stop.store(true, Ordering::SeqCst);
        done
    })
}

/// The bytes that are copied, and all.
fn bytes_of(job: &Value) -> (u64, u64) {
    (job["bytes"].as_u64().unwrap(), job["bytes_total"].as_u64().unwrap())
}

/// Looks at a running job until it has ended or is as wanted.
pub(crate) fn wait_until(
    server: &TestServer,
    id: &Value,
    mut is_wanted: impl FnMut(&Value) -> bool,
) -> Value {
    loop {
        let job = json_of(server.admin("GET", &format!("/jobs/{id}"), ""), 200);
        if job["state"] != "running" || is_wanted(&job) {
            return job;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_backup_in_the_background_tells_its_progress_and_how_it_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("it's a backup"));
    let server = server_with_data(&data);
    let app = App { server: &server, id: app_of(&server) };
    assert_eq!(json_of(server.admin("GET", "/jobs", ""), 200), json!([]));
    let viewer = create_token_with(&server, &json!({"name": "viewer", "role": "viewer"}));
    let mut seen = Vec::new();
    let job = during_writes(&app, || {
        let job = json_of(start(&server, &backup), 202);
        assert_eq!((&job["kind"], &job["state"]), (&json!("backup"), &json!("running")));
        assert!(job["ended_ms"].is_null() && job["reason"].is_null(), "{job}");
        // One at a time, however it is asked for.
        let other = dir.path().join("other");
        let second = [
            start(&server, &other),
            server.admin("POST", "/backup", &json!({"directory": other}).to_string()),
        ];
        for (status, answer) in second {
            assert_eq!(status, 409, "{answer}");
            assert!(answer.contains("it's a backup is being taken"), "{answer}");
            assert!(answer.contains(&format!("/admin/v1/jobs/{}", job["id"])), "{answer}");
        }
        refused(on(&data, &["backup"]).arg(&other), 1, "is being taken");
        assert!(!other.exists());
        let (status, listed) = call_with(&server, &viewer, "GET", "/admin/v1/jobs", "");
        assert!(status == 200 && listed.contains("it's a backup"), "{listed}");
        // The writes, which slow it down, end when it is seen on its way.
        wait_until(&server, &job["id"], |job| {
            seen.push(job.clone());
            0 < bytes_of(job).0 && bytes_of(job).0 < bytes_of(job).1
        })
    });
    let job = wait_until(&server, &job["id"], |job| {
        seen.push(job.clone());
        false
    });
    let seen: Vec<_> = seen.iter().map(bytes_of).collect();
    assert_eq!((&job["state"], &job["reason"]), (&json!("done"), &Value::Null), "{job}");
    assert!(job["ended_ms"].as_u64() >= job["started_ms"].as_u64(), "{job}");
    let length = fs::metadata(backup.join("portraitd.db")).unwrap().len();
    assert_eq!((&job["bytes"], &job["bytes_total"]), (&json!(length), &json!(length)));
    assert!(seen.is_sorted_by_key(|(bytes, _)| *bytes), "{seen:?}");
    assert!(seen.iter().any(|(bytes, total)| 0 < *bytes && bytes < total), "{seen:?}");
    assert_eq!(json_of(server.admin("GET", "/jobs", ""), 200), json!([job]));

    let restored = dir.path().join("restored");
    let command = job["restore"].as_str().unwrap();
    let command = command.replace("NEW_DIRECTORY", restored.to_str().unwrap());
    let program = binary().get_program().to_str().unwrap().to_owned();
    let shell = format!("'{program}' {}", command.strip_prefix("portraitd ").unwrap());
    let said = run(Command::new("sh").args(["-c", &shell]));
    assert!(said.starts_with("restored 1 app and 30002 accounts"), "{said}");
    let log = json_of(server.admin("GET", "/audit", ""), 200);
    let entries = log["entries"].as_array().unwrap().iter().filter(|entry| entry["resource"] == "/backup");
    let entries: Vec<_> = entries.map(|entry| (&entry["outcome"], &entry["after"])).collect();
    let refused = (&json!("refused: 409"), &Value::Null);
    assert_eq!(entries, [(&json!("done"), &json!({"directory": backup})), refused, refused, refused]);

    // A backup that is waited for is a job as well, and so is the command line's.
    run(on(&data, &["backup"]).arg(dir.path().join("waited")));
    let jobs = json_of(server.admin("GET", "/jobs", ""), 200);
    assert_eq!(jobs.as_array().unwrap().len(), 2);
    assert!(jobs[0]["directory"].as_str().unwrap().ends_with("/waited") && jobs[0]["state"] == "done");
    assert!(jobs[0]["id"].as_u64() > jobs[1]["id"].as_u64(), "the newest first");
}

pub(crate) fn app_of(server: &TestServer) -> u32 {
    let apps = json_of(server.admin("GET", "/apps", ""), 200);
    u32::try_from(apps[0]["sdkappid"].as_u64().unwrap()).unwrap()
}

/// Ends a server by a signal in the middle of a backup; returns the backup's directory.
fn interrupted(server: &mut TestServer, data: &Path, signal: &str) -> PathBuf {
    for attempt in 0..20 {
        let backup = data.with_file_name(format!("backup{signal}-{attempt}"));
        let app = App { server, id: app_of(server) };
        during_writes(&app, || {
            let job = json_of(start(server, &backup), 202);
            assert_eq!(job["state"], "running");
            server.signal(signal);
        });
        let status = server.child.wait().unwrap();
        assert_eq!(status.success(), signal == "-TERM", "{}", server.log());
        if names_in(&backup) != ["portraitd.db"] {
            return backup;
        }
        // It was complete when the signal came.
        *server = TestServer::serve(data, "[limits]\nenabled = false\n");
    }
    panic!("no backup was interrupted");
}

/// What a server leaves that is asked to stop, and one that is killed.
#[test]
fn a_backup_that_is_interrupted_looks_like_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = server_with_data(&data);
    for signal in ["-TERM", "-KILL"] {
        let backup = interrupted(&mut server, &data, signal);
        let left = names_in(&backup);
        // SQLite has a journal beside the file that it fills.
        let is_part = |name: &String| name.starts_with("portraitd.db.partial");
        assert!(left.iter().all(is_part) && left.is_empty() == (signal == "-TERM"), "{signal}: {left:?}");
        let restored = dir.path().join("restored");
        let mut restore = binary();
        refused(
            restore.arg("restore").arg(&backup).arg("--data").arg(&restored),
            1,
            "holds no data of portraitd",
        );
        assert!(!restored.exists());
        server = TestServer::serve(&data, "[limits]\nenabled = false\n");
        assert_eq!(json_of(server.admin("GET", "/jobs", ""), 200), json!([]), "jobs end with the process");
        if signal == "-KILL" {
            let (status, answer) = start(&server, &backup);
            assert!(
                status == 409 && answer.contains("is not empty (there is portraitd.db.partial"),
                "{answer}"
            );
        }
    }
}

#[test]
fn what_is_no_backup_and_no_job_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    let to = dir.path().join("b");
    let ask = |directory: &Path| start(&server, directory);
    let expect = |(status, answer): (u16, String), expected: u16, part: &str| {
        assert!(status == expected && answer.contains(part), "{status} {answer}");
    };
    expect(ask(&data), 409, "is not empty");
    expect(ask(Path::new("relative")), 409, "is relative");
    fs::write(dir.path().join("file"), "").unwrap();
    expect(ask(&dir.path().join("file")), 409, "can't use");
    expect(server.admin("POST", "/backup?wait=false", "{}"), 400, "directory");
    expect(server.admin("POST", "/backup?wait=maybe", &json!({"directory": to}).to_string()), 400, "wait");
    expect(server.admin("POST", "/backup?wate=false", &json!({"directory": to}).to_string()), 400, "wate");
    expect(server.admin("GET", "/jobs/1", ""), 404, "there is no job 1");
    expect(server.admin("GET", "/jobs/x", ""), 400, "`x` is not the number of a job");
    expect(server.admin("GET", "/jobs/99999999999999999999999", ""), 400, "is not the number of a job");
    let viewer = create_token_with(&server, &json!({"name": "viewer", "role": "viewer"}));
    let asked = json!({ "directory": to }).to_string();
    expect(call_with(&server, &viewer, "POST", "/admin/v1/backup?wait=false", &asked), 403, "wants operator");
    assert_eq!(json_of(server.admin("GET", "/jobs", ""), 200), json!([]), "what did not begin is no job");
    assert!(!to.exists());

    let in_memory = TestServer::dev();
    expect(start(&in_memory, &to), 409, "--data DIR");
    assert_eq!(json_of(in_memory.admin("GET", "/jobs", ""), 200), json!([]));
    assert!(!to.exists());

    // The list is bounded, and the newest job is its first.
    for index in 0..22 {
        let (status, answer) = server.admin(
            "POST",
            "/backup",
            &json!({"directory": dir.path().join(format!("b{index}"))}).to_string(),
        );
        assert_eq!(status, 200, "{answer}");
    }
    let jobs = json_of(server.admin("GET", "/jobs", ""), 200);
    assert_eq!(jobs.as_array().unwrap().len(), 20);
    assert!(jobs[0]["directory"].as_str().unwrap().ends_with("/b21"), "{jobs}");
}
