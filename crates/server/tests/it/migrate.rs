//! Moving from the cloud: a second portraitd plays the cloud.

use crate::harness::{App, KEY, TestServer, binary};
use crate::interrupted::{Between, press_ctrl_c};
use crate::tls::Authority;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

const USERS: usize = 2000;
/// The app that `dev` made.
const HERE: &str = "1400000000";

fn name(n: usize) -> String {
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

fn migrate(cloud: &App<'_>, here: &TestServer, url: &str, accounts: &Path, into: &str) -> Command {
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
        refused.contains("Err_Profile_Invalid_Account") && refused.contains("at most 32 bytes"),
        "{refused}"
    );
    let moved =
        |lines: Vec<String>| lines.into_iter().filter(|line| line.contains("用户")).collect::<Vec<_>>();
    let (from, to) = (moved(export(&there, cloud.id)), moved(export(&here, 1_400_000_000)));
    assert_eq!(from.len(), USERS);
    assert!(from == to);
}

#[test]
fn what_the_cloud_has_against_a_move_is_said() {
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
    check(&mut migrate(&cloud, &here, &url, &accounts, HERE), "name those to move with --tags");
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
    assert!(summary.starts_with("1 rows read: 0 imported, 1 refused"), "{output:?}");
    let why = fs::read_to_string(dir.path().join("users.txt.refused")).unwrap();
    assert!(why.contains("the cloud did not answer for this account"), "{why}");
}
