//! `portraitd migrate`, with a second portraitd in place of the cloud.

use crate::harness::{App, KEY, TestServer, binary};
use crate::import_resume::{Between, press_ctrl_c};
use crate::receiver::{Receiver, Reply};
use crate::tls::Authority;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const USERS: usize = 2000;
/// The app that `dev` made.
const HERE: &str = "1400000000";

pub(crate) fn name(n: usize) -> String {
    format!("用户 {n}")
}

/// The cloud: its users, and limits as the cloud has them.
fn fill(app: &App<'_>) {
    app.put("/fields/Num", r#"{"type":"uint64","read":["admin"],"write":["admin"]}"#);
    app.put("/fields/Test", r#"{"type":"string","read":["admin"],"write":["admin"]}"#);
    for start in (0..USERS).step_by(500) {
        let lines = (start..start + 500).fold(String::new(), |mut text, n| {
            let items = json!([
                {"Tag": "Tag_Profile_IM_Nick", "Value": format!("nick {n}")},
                {"Tag": "Tag_Profile_IM_Level", "Value": n},
                {"Tag": "Tag_Profile_IM_AdminForbidType", "Value": "AdminForbid_Type_SendOut"},
                {"Tag": "Tag_Profile_Custom_Num", "Value": u64::MAX},
            ]);
            writeln!(text, "{}", json!({"UserID": name(n), "ProfileItem": items})).unwrap();
            text
        });
        let (status, answer) = app.server.admin("POST", &format!("/apps/{}/import", app.id), &lines);
        assert!(status == 200 && answer.contains("\"imported\":500"), "{answer}");
    }
}

pub(crate) fn migrate(cloud: &App<'_>, here: &TestServer, url: &str, accounts: &Path, into: &str) -> Command {
    let mut command = binary();
    let (id, from) = (cloud.id.to_string(), format!("http://{}", cloud.server.address));
    command.args(["migrate", "--sdkappid", &id, "--from", &from, "--into", into]).env("PORTRAITD_KEY", KEY);
    command.args(["--admin-url", url, "--admin-token", &here.admin_token, "--accounts"]).arg(accounts);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn export(server: &TestServer, app: u32) -> Vec<String> {
    let (mut lines, mut after) = (Vec::new(), String::new());
    loop {
        let (_, page) = server.admin("GET", &format!("/apps/{app}/export?limit=1000{after}"), "");
        let page: Value = serde_json::from_str(&page).unwrap();
        lines.extend(page["accounts"].as_array().unwrap().iter().map(ToString::to_string));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", crate::harness::encode(next)),
            None => return lines,
        }
    }
}

#[test]
fn accounts_are_moved_in_spite_of_limits_and_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = dir.path().join("users.txt");
    let mut list = (0..USERS).fold(String::new(), |list, n| list + &name(n) + "\n");
    list.push_str("ghost\n\n用户 1\nthis name is far longer than a UserID can be\n");
    fs::write(&accounts, list).unwrap();
    let there = TestServer::dev_with(&["--limits"]);
    let cloud = there.app();
    fill(&cloud);
    // 8 calls at a time: some are turned away with 60007 and come again.
    cloud.patch(&json!({"limits": {"portrait_get": 4}}));
    let here = TestServer::dev();
    here.dev_app().put("/fields/Num", r#"{"type":"uint64","read":["admin"],"write":["admin"]}"#);

    let between = Between::start(&here, 0);
    let mut child = migrate(&cloud, &here, &between.url, &accounts, HERE).spawn().unwrap();
    between.wait();
    press_ctrl_c(&mut child);
    between.release.send(()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("stopped after line 800"), "{said}");
    assert_eq!(between.imports.load(Ordering::SeqCst), 1);

    cloud.patch(&json!({"limits": {"portrait_get": 0}}));
    let url = format!("http://{}", here.admin_address);
    let output = migrate(&cloud, &here, &url, &accounts, HERE).output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(
        summary.starts_with("2003 rows read, 800 of them in an earlier run: 2001 imported, 2 refused"),
        "{summary} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let refused = fs::read_to_string(dir.path().join("users.txt.refused")).unwrap();
    assert!(
        refused.contains("not imported (40003): the cloud does not know this account")
            && refused.contains("at most 32 bytes"),
        "{refused}"
    );
    let moved =
        |lines: Vec<String>| lines.into_iter().filter(|line| line.contains("用户")).collect::<Vec<_>>();
    let (from, to) = (moved(export(&there, cloud.id)), moved(export(&here, 1_400_000_000)));
    assert_eq!(from.len(), USERS);
    assert!(from == to);
}

#[test]
fn errors_of_the_cloud_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = dir.path().join("users.txt");
    fs::write(&accounts, "alice\n").unwrap();
    let (there, here) = (TestServer::dev(), TestServer::dev());
    let url = format!("http://{}", here.admin_address);
    let cloud = there.app();
    let check = |command: &mut Command, part: &str| {
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(part), "{said}");
    };
    // The sample field of `dev` is not defined there.
    check(&mut migrate(&cloud, &here, &url, &accounts, HERE), "name the fields to move with --tags");
    check(migrate(&cloud, &here, &url, &accounts, HERE).args(["--key", "wrong"]), "70009");
    check(&mut migrate(&cloud, &here, &url, &accounts, "5"), "there is no app 5");
    let sample = there.dev_app();
    let moved =
        migrate(&sample, &here, &url, &accounts, HERE).args(["--tags", "Nick,Test"]).output().unwrap();
    assert!(moved.status.success(), "{moved:?}");
}

/// The cloud is reached over HTTPS, with the roots that the system trusts.
#[test]
fn https_is_spoken() {
    let dir = tempfile::tempdir().unwrap();
    let (accounts, roots) = (dir.path().join("users.txt"), dir.path().join("roots.pem"));
    fs::write(&accounts, "alice\n").unwrap();
    let authority = Authority::new("test");
    fs::write(&roots, authority.pem()).unwrap();
    let cloud = authority.certificate("localhost").receiver();
    let port = cloud.address.rsplit(':').next().unwrap();
    let here = TestServer::dev();
    let mut command = binary();
    command.args([
        "migrate",
        "--sdkappid",
        HERE,
        "--key",
        KEY,
        "--from",
        &format!("https://localhost:{port}"),
    ]);
    command.args([
        "--admin-url",
        &format!("http://{}", here.admin_address),
        "--admin-token",
        &here.admin_token,
    ]);
    command.arg("--accounts").arg(&accounts).env("SSL_CERT_FILE", &roots);
    let output = command.output().unwrap();
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(summary.starts_with("1 row read: 0 imported, 1 refused"), "{output:?}");
    let why = fs::read_to_string(dir.path().join("users.txt.refused")).unwrap();
    assert!(why.contains("the cloud's answer names no such account; it has 0 entries"), "{why}");
}

/// The cloud as its pages have it; `answer` makes the entries for the accounts asked for.
fn cloud_that(answer: impl Fn(&[&str]) -> Value + Send + Sync + 'static) -> Receiver {
    Receiver::start(move |call| {
        let asked = call.body["To_Account"].as_array().unwrap();
        let asked: Vec<&str> = asked.iter().map(|user| user.as_str().unwrap()).collect();
        let answer =
            json!({"UserProfileItem": answer(&asked), "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""});
        Reply::Http(200, answer.to_string())
    })
}

/// The entry of an account that there is; its nickname tells whose it is.
fn known(user: &str) -> Value {
    let nick = json!([{"Tag": "Tag_Profile_IM_Nick", "Value": format!("nick of {user}")}]);
    json!({"To_Account": user, "ProfileItem": nick, "ResultCode": 0, "ResultInfo": ""})
}

/// The entry of an account that there is not.
fn unknown(named: &str) -> Value {
    json!({"To_Account": named, "ResultCode": 40003, "ResultInfo": "Err_Profile_Invalid_Account"})
}

/// Moves alice, bob, carol, dave and `@TLS#x` from that cloud, and gives the nicknames here and the reasons why not.
fn moved_from(
    answer: impl Fn(&[&str]) -> Value + Send + Sync + 'static,
) -> (Vec<String>, Vec<(String, String)>) {
    let (dir, cloud) = (tempfile::tempdir().unwrap(), cloud_that(answer));
    let accounts = dir.path().join("users.txt");
    fs::write(&accounts, "carol\nalice\n@TLS#x\ndave\nbob\nalice\n").unwrap();
    let here = TestServer::serve(&dir.path().join("data"), "");
    let app = here.app();
    let (from, url) = (format!("http://{}", cloud.address), format!("http://{}", here.admin_address));
    let mut command = binary();
    command.args(["migrate", "--sdkappid", &app.id.to_string(), "--key", KEY, "--from", &from]);
    command.args(["--admin-url", &url, "--admin-token", &here.admin_token, "--accounts"]).arg(&accounts);
    command.output().unwrap();
    let calls = cloud.calls();
    assert_eq!(calls.len(), 1, "what failed is not asked for again");
    assert_eq!(calls[0].body["To_Account"], json!(["alice", "bob", "carol", "dave"]), "each once");
    let users = export(&here, app.id).into_iter().filter(|line| !line.contains("administrator"));
    let nicks = users.map(|line| {
        let line: Value = serde_json::from_str(&line).unwrap();
        format!("{}: {}", line["UserID"].as_str().unwrap(), line["ProfileItem"][0]["Value"].as_str().unwrap())
    });
    let refused = fs::read_to_string(dir.path().join("users.txt.refused")).unwrap();
    let reasons = refused.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["text"].as_str().unwrap().to_owned(), line["reason"].as_str().unwrap().to_owned())
    });
    let mut reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons.iter().filter(|(user, _)| user == "@TLS#x").count(), 1);
    reasons.retain(|(user, _)| user != "@TLS#x");
    (nicks.collect(), reasons)
}

const UNKNOWN: &str = "not imported (40003): the cloud does not know this account";

fn because(users: &[&str], reason: &str) -> Vec<(String, String)> {
    users.iter().map(|user| ((*user).to_owned(), reason.to_owned())).collect()
}

#[test]
fn an_unknown_account_in_its_place_is_named() {
    let (moved, not) = moved_from(|asked| {
        let entry = |user: &&str| if *user == "bob" { unknown("@TLS#NOT_FOUND") } else { known(user) };
        asked.iter().map(entry).collect()
    });
    assert_eq!(moved, ["alice: nick of alice", "carol: nick of carol", "dave: nick of dave"]);
    assert_eq!(not, because(&["bob"], UNKNOWN));
    let (moved, not) = moved_from(|asked| asked.iter().map(|_| unknown("@TLS#NOT_FOUND")).collect());
    assert!(moved.is_empty());
    assert_eq!(not, because(&["carol", "alice", "dave", "bob", "alice"], UNKNOWN));
}

#[test]
fn an_unknown_account_that_is_echoed_is_named() {
    let (moved, not) = moved_from(|asked| {
        asked.iter().map(|user| if *user == "bob" { unknown(user) } else { known(user) }).collect()
    });
    assert_eq!(moved, ["alice: nick of alice", "carol: nick of carol", "dave: nick of dave"]);
    assert_eq!(not, because(&["bob"], UNKNOWN));
}

#[test]
fn each_account_that_an_answer_lacks_is_named() {
    let (moved, not) = moved_from(|_| json!([known("carol"), unknown("@TLS#NOT_FOUND")]));
    assert_eq!(moved, ["carol: nick of carol"]);
    let reason = "not imported: the cloud's answer names no such account; it has 2 entries for 4 accounts, 1 of them @TLS#NOT_FOUND; import this account again";
    assert_eq!(not, because(&["alice", "dave", "bob", "alice"], reason));
}

#[test]
fn no_account_gets_the_profile_of_another() {
    // Another order, one account twice, one that was not asked for, and one without a name.
    let (moved, not) = moved_from(|_| {
        let mut nameless = known("alice");
        nameless["To_Account"] = "@TLS#NOT_FOUND".into();
        json!([known("dave"), known("carol"), known("mallory"), known("carol"), nameless])
    });
    assert_eq!(moved, ["carol: nick of carol", "dave: nick of dave"]);
    let users: Vec<&str> = not.iter().map(|(user, _)| user.as_str()).collect();
    assert_eq!(users, ["alice", "bob", "alice"]);
    assert!(
        not.iter().all(|(_, reason)| reason.contains("has 5 entries for 4 accounts, 0 of them")),
        "{not:?}"
    );
    // Two different profiles of one account: neither.
    let (moved, not) = moved_from(|_| {
        let mut other = known("bob");
        other["ProfileItem"][0]["Value"] = "nick of alice".into();
        json!([known("bob"), known("dave"), other, known("carol"), known("alice")])
    });
    assert_eq!(moved, ["alice: nick of alice", "carol: nick of carol", "dave: nick of dave"]);
    let reason = "not imported: the cloud's answer holds this account twice, with different contents";
    assert_eq!(not, because(&["bob"], reason));
}

#[test]
fn a_host_that_is_not_there_ends_a_migration_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = dir.path().join("users.txt");
    fs::write(&accounts, "alice\n").unwrap();
    let here = TestServer::dev();
    // No resolver is asked for a label of 64 letters.
    let nowhere = format!("http://{}.invalid", "x".repeat(64));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for from in [nowhere, format!("http://{closed}")] {
        let mut command = binary();
        command.args(["migrate", "--sdkappid", HERE, "--key", KEY, "--from", &from]);
        command.arg("--admin-url").arg(format!("http://{}", here.admin_address));
        command.args(["--admin-token", &here.admin_token, "--accounts"]).arg(&accounts);
        let started = Instant::now();
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.contains("nothing was imported") && told.contains(&from) && told.contains("check --from"),
            "{told}"
        );
        assert!(started.elapsed() < Duration::from_secs(5), "after {:?}: {told}", started.elapsed());
        assert!(!told.contains("usersig"), "{told}");
        assert!(!dir.path().join("users.txt.progress").exists());
    }
}
