//! What is interrupted on one store is never continued on another: imports, exports and migrations stopped halfway, then
//! run again on the same store, another one, a restored one, and one that takes the place of the first.

use crate::cli::{on, run, stderr_of};
use crate::harness::{KEY, TestServer, binary};
use crate::import_resume::{Between, many_lines, press_ctrl_c, sibling};
use crate::migrate::{migrate, name};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const APP: &str = "1400000000";

/// A data directory with an app, and its server.
struct Site {
    data: PathBuf,
    server: TestServer,
}

impl Site {
    /// All of them have one token, so that one can take the place of another.
    fn start(dir: &Path, name: &str) -> Self {
        let data = dir.join(name);
        fs::create_dir(&data).unwrap();
        let token = data.join("admin.token");
        fs::write(&token, "one token for every store of this test\n").unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        let server = TestServer::serve(&data, "");
        let (status, answer) =
            server.admin("POST", "/apps", &format!(r#"{{"sdkappid":{APP},"key":"{KEY}"}}"#));
        assert_eq!(status, 201, "{answer}");
        Self { data, server }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.admin_address)
    }

    fn id(&self) -> String {
        let (_, store) = self.server.admin("GET", "/store", "");
        let store: Value = serde_json::from_str(&store).unwrap();
        store["id"].as_str().unwrap().to_owned()
    }

    fn accounts(&self) -> u64 {
        let (_, usage) = self.server.admin("GET", &format!("/apps/{APP}/usage"), "");
        serde_json::from_str::<Value>(&usage).unwrap()["accounts"].as_u64().unwrap()
    }

    /// What a backup of it is restored to.
    fn restored(&self, dir: &Path, name: &str) -> PathBuf {
        let (backup, restored) = (dir.join(format!("{name}.backup")), dir.join(name));
        run(on(&self.data, &["backup"]).arg(&backup));
        run(binary().arg("restore").arg(&backup).arg("--data").arg(&restored));
        restored
    }

    /// Ends the server with `kill -9` and starts it once more.
    fn restarted(mut self) -> Self {
        self.server.kill();
        let server = TestServer::serve(&self.data, "");
        Self { server, ..self }
    }
}

/// Runs `command` against `between` and stops it while an answer is held back.
fn interrupt(mut command: Command, between: &Between) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    between.wait();
    press_ctrl_c(&mut child);
    between.release.send(()).unwrap();
    child.wait_with_output().unwrap()
}

/// It must name both stores, the file and the remedy.
fn check_refused(mut command: Command, stores: [&str; 2], file: &Path) {
    let before = fs::read(file).unwrap();
    let output = command.output().unwrap();
    let said = stderr_of(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [stores[0], stores[1], file.to_str().unwrap(), "delete ", "to begin from the start"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(fs::read(file).unwrap() == before, "{} is left alone", file.display());
}

fn at(url: &str, words: &[&str], file: &Path) -> Command {
    let mut command = binary();
    command.args(words).arg(file).args(["--admin-url", url, "--admin-token"]);
    command.arg("one token for every store of this test");
    command
}

#[test]
fn an_import_is_continued_on_its_own_store_only() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Site::start(dir.path(), "here"), Site::start(dir.path(), "there"));
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let words = ["import", APP];
    let between = Between::start(&here.server, 2);
    let output = interrupt(at(&between.url, &words, &file), &between);
    assert!(stderr_of(&output).contains("stopped after line 1500"), "{output:?}");

    let progress = sibling(&file, ".progress");
    let (id, other) = (here.id(), there.id());
    assert_ne!(id, other);
    check_refused(at(&there.url(), &words, &file), [&id, &other], &progress);
    assert_eq!(there.accounts(), 1, "the App admin");
    let mut local = on(&there.data, &words);
    local.arg(&file);
    check_refused(local, [&id, &other], &progress);

    // A restored store has an identity of its own, with or without a server.
    let restored = here.restored(dir.path(), "restored");
    let mut stopped = on(&restored, &words);
    stopped.arg(&file);
    let new = TestServer::serve(&restored, "");
    let store: Value = serde_json::from_str(&new.admin("GET", "/store", "").1).unwrap();
    let new_id = store["id"].as_str().unwrap().to_owned();
    let mut served = on(&restored, &words);
    served.arg(&file);
    check_refused(served, [&id, &new_id], &progress);
    drop(new);
    check_refused(stopped, [&id, &new_id], &progress);

    // The same store continues, even if its server was killed in between.
    let here = here.restarted();
    let output = at(&here.url(), &words, &file).output().unwrap();
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(
        summary.starts_with("2000 rows read, 1500 of them in an earlier run: 1980 imported, 20 refused"),
        "{output:?}"
    );
    assert_eq!(here.accounts(), 1981);
    assert!(!progress.exists());
    // From the start on another, once the old progress is out of the way.
    let output = at(&there.url(), &words, &file).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("2000 rows read: 1980"), "{output:?}");
    assert_eq!(there.accounts(), 1981);
}

#[test]
fn a_server_that_takes_the_place_of_another_gets_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Site::start(dir.path(), "here"), Site::start(dir.path(), "there"));
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let words = ["import", APP];
    let between = Between::start(&here.server, 1);
    let mut command = at(&between.url, &words, &file);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    between.wait();
    *between.upstream.lock().unwrap() = there.server.admin_address.clone();
    between.release.send(()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = stderr_of(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in ["stopped after line 1000", here.id().as_str(), there.id().as_str(), "nothing was done"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!((here.accounts(), there.accounts()), (991, 1), "990 rows and the App admin");
    let output = at(&here.url(), &words, &file).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1000 of them in an earlier run"), "{output:?}");
    assert_eq!((here.accounts(), there.accounts()), (1981, 1));

    // An export mixes no accounts of two stores either.
    let between = Between::start(&here.server, 0);
    let all = dir.path().join("all.jsonl");
    let mut command = at(&between.url, &["export", APP], &all);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    between.wait();
    *between.upstream.lock().unwrap() = there.server.admin_address.clone();
    between.release.send(()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = stderr_of(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("is not complete") && told.contains(&there.id()), "{told}");
    assert!(!all.exists());
}

#[test]
fn an_export_is_continued_on_its_own_store_only() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Site::start(dir.path(), "here"), Site::start(dir.path(), "there"));
    let lines = dir.path().join("many.jsonl");
    fs::write(&lines, many_lines("")).unwrap();
    for site in [&here, &there] {
        assert_eq!(at(&site.url(), &["import", APP], &lines).output().unwrap().status.code(), Some(1));
    }
    let (file, whole) = (dir.path().join("all.jsonl"), dir.path().join("whole.jsonl"));
    run(&mut at(&here.url(), &["export", APP], &whole));
    let between = Between::start(&here.server, 1);
    let output = interrupt(at(&between.url, &["export", APP], &file), &between);
    assert!(stderr_of(&output).contains("is not complete"), "{output:?}");

    let (partial, words) = (sibling(&file, ".partial"), ["export", "--resume", APP]);
    let progress = sibling(&partial, ".progress");
    let stopped_at = fs::read(&partial).unwrap().len();
    assert!(stopped_at > 0 && stopped_at < fs::read(&whole).unwrap().len());
    let (id, other) = (here.id(), there.id());
    check_refused(at(&there.url(), &words, &file), [&id, &other], &partial);
    let restored = here.restored(dir.path(), "restored");
    let mut command = on(&restored, &words);
    command.arg(&file);
    let output = command.output().unwrap();
    assert!(stderr_of(&output).contains(&id) && stderr_of(&output).contains("delete "), "{output:?}");

    // Nor is it continued as another app's, or when it is not known whose it is.
    let (status, answer) = here.server.admin("POST", "/apps", r#"{"sdkappid":7}"#);
    assert_eq!(status, 201, "{answer}");
    let output = at(&here.url(), &["export", "--resume", "7"], &file).output().unwrap();
    assert!(stderr_of(&output).contains("is an export of app 1400000000"), "{output:?}");
    let kept = fs::read(&progress).unwrap();
    fs::remove_file(&progress).unwrap();
    let output = at(&here.url(), &words, &file).output().unwrap();
    assert!(stderr_of(&output).contains("the store and app of"), "{output:?}");
    fs::write(&progress, &kept).unwrap();
    assert_eq!(fs::read(&partial).unwrap().len(), stopped_at);

    let here = here.restarted();
    run(&mut at(&here.url(), &words, &file));
    assert!(fs::read(&file).unwrap() == fs::read(&whole).unwrap());
    assert!(!partial.exists() && !progress.exists());
}

#[test]
fn a_migration_is_continued_on_its_own_store_only() {
    const USERS: usize = 1000;
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (Site::start(dir.path(), "here"), Site::start(dir.path(), "there"));
    let accounts = dir.path().join("users.txt");
    let names = |from: usize, to: usize| {
        (from..to).fold(String::new(), |mut text, n| {
            writeln!(text, r#"{{"UserID":"{}"}}"#, name(n)).unwrap();
            text
        })
    };
    fs::write(&accounts, (0..USERS).fold(String::new(), |list, n| list + &name(n) + "\n")).unwrap();
    let cloud = TestServer::dev();
    for start in (0..USERS).step_by(500) {
        let (status, _) = cloud.admin("POST", &format!("/apps/{APP}/import"), &names(start, start + 500));
        assert_eq!(status, 200);
    }
    let app = cloud.dev_app();
    let between = Between::start(&here.server, 0);
    let output = interrupt(migrate(&app, &here.server, &between.url, &accounts, APP), &between);
    assert!(stderr_of(&output).contains("stopped after line 800"), "{output:?}");

    let (id, other, progress) = (here.id(), there.id(), sibling(&accounts, ".progress"));
    check_refused(migrate(&app, &there.server, &there.url(), &accounts, APP), [&id, &other], &progress);
    assert_eq!(there.accounts(), 1);
    let restored = here.restored(dir.path(), "restored");
    let new = TestServer::serve(&restored, "");
    let store: Value = serde_json::from_str(&new.admin("GET", "/store", "").1).unwrap();
    let url = format!("http://{}", new.admin_address);
    check_refused(migrate(&app, &new, &url, &accounts, APP), [&id, store["id"].as_str().unwrap()], &progress);

    let here = here.restarted();
    let output = migrate(&app, &here.server, &here.url(), &accounts, APP).output().unwrap();
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(
        summary.starts_with("1000 rows read, 800 of them in an earlier run: 1000 imported, 0 refused"),
        "{output:?}"
    );
    assert_eq!(here.accounts(), 1001);
}

/// A copy of the directory has the same id, and still lacks rows if it is older.
#[test]
fn an_import_is_not_continued_on_a_store_that_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        let copied =
            Command::new("cp").arg("-a").arg(dir.path().join(from)).arg(dir.path().join(to)).status();
        assert!(copied.unwrap().success());
    };
    let mut here = Site::start(dir.path(), "here");
    here.server.signal("-TERM");
    here.server.child.wait().unwrap();
    copy("here", "older");
    here.server = TestServer::serve(&here.data, "");
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let words = ["import", APP];
    let between = Between::start(&here.server, 2);
    interrupt(at(&between.url, &words, &file), &between);
    here.server.signal("-TERM");
    here.server.child.wait().unwrap();
    copy("here", "newer");

    let mut command = on(&dir.path().join("older"), &words);
    let output = command.arg(&file).output().unwrap();
    let told = stderr_of(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("was set back") && told.contains("many.jsonl.progress to begin"), "{told}");
    // All that was imported is in there.
    let output = on(&dir.path().join("newer"), &words).arg(&file).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1500 of them in an earlier run"), "{output:?}");
    let exported = run(&mut on(&dir.path().join("newer"), &["export", APP]));
    assert_eq!(exported.lines().count(), 1981);
}

#[test]
fn a_store_in_memory_is_another_at_each_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let mut first = TestServer::dev();
    let between = Between::start(&first, 2);
    interrupt(crate::import_resume::import(&first, &between.url, &file), &between);
    first.kill();
    let second = TestServer::dev();
    let url = format!("http://{}", second.admin_address);
    let output = crate::import_resume::import(&second, &url, &file).output().unwrap();
    assert!(output.status.code() == Some(1) && stderr_of(&output).contains("nothing was sent"), "{output:?}");
    let (_, page) = second.admin("GET", &format!("/apps/{APP}/accounts?prefix=user"), "");
    assert!(page.contains(r#""accounts":[]"#), "{page}");
}

#[test]
fn a_progress_file_of_an_earlier_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.jsonl");
    fs::write(&file, many_lines("")).unwrap();
    let server = TestServer::dev();
    let url = format!("http://{}", server.admin_address);
    let progress = sibling(&file, ".progress");
    for (text, part) in [
        (
            r#"{"v":1,"app":1400000000,"size":9,"lines":1500,"hash":"","read":1500,"imported":1485,"refused":15,"refused_bytes":0}"#,
            "another version of portraitd",
        ),
        (r#"{"v":2}"#, "it is damaged"),
        ("", "it is damaged"),
    ] {
        fs::write(&progress, text).unwrap();
        let output = crate::import_resume::import(&server, &url, &file).output().unwrap();
        let told = stderr_of(&output);
        assert!(
            output.status.code() == Some(1) && told.contains(part) && told.contains("begin from the start"),
            "{told}"
        );
        assert_eq!(fs::read_to_string(&progress).unwrap(), text);
    }
}

#[test]
fn a_call_can_name_the_store_that_is_meant() {
    let server = TestServer::dev();
    let store: Value = serde_json::from_str(&server.admin("GET", "/store", "").1).unwrap();
    let id = store["id"].as_str().unwrap();
    let call = |path: &str, store: &str| match path {
        "import" => server.admin("POST", &format!("/apps/{APP}/import?store={store}"), r#"{"UserID":"new"}"#),
        _ => server.admin("GET", &format!("/apps/{APP}/export?store={store}"), ""),
    };
    let other = "0".repeat(32);
    for path in ["import", "export"] {
        let (status, answer) = call(path, &other);
        assert!(status == 409 && answer.contains(&other) && answer.contains(id), "{answer}");
        for wrong in ["", "1", &id.to_uppercase(), &format!("{id}0")] {
            let (status, answer) = call(path, wrong);
            assert!(status == 400 && answer.contains("32"), "{wrong}: {status} {answer}");
        }
    }
    assert_eq!(server.admin("GET", &format!("/apps/{APP}/accounts/new"), "").0, 404);
    assert_eq!(call("export", id).0, 200);
    assert_eq!(call("import", id).0, 200);
    assert_eq!(server.admin("GET", &format!("/apps/{APP}/accounts/new"), "").0, 200);
}
