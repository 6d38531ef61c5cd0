//! A start that would expose keys or profiles is refused, and other processes can't see secrets.

use crate::harness::{KEY, TestServer, binary};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

/// Key of the cloud's own samples.
const PUBLISHED: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

/// `serve` on data that it must not start with.
fn refused(data: &Path, env: Option<&str>) -> Output {
    let mut command = binary();
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"]).arg(data);
    if let Some(accept) = env {
        command.env("PORTRAITD_SERVER_ACCEPT", accept);
    }
    command.output().unwrap()
}

#[test]
fn serve_refuses_a_key_that_everybody_knows() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    let (status, answer) =
        server.admin("POST", "/apps", &json!({"sdkappid": 7, "key": PUBLISHED}).to_string());
    assert_eq!(status, 201, "{answer}");
    drop(server);
    let output = refused(&data, None);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("portraitd app key revoke 7 1"), "{said}");
    assert!(!said.contains(PUBLISHED), "{said}");
    // What the message says does mend it.
    for arguments in [["app", "key", "add", "7"], ["app", "key", "revoke", "7"]] {
        let mut command = binary();
        command.args(arguments);
        if arguments[2] == "revoke" {
            command.arg("1");
        }
        assert!(command.arg("--data").arg(&data).output().unwrap().status.success());
    }
    drop(TestServer::serve(&data, ""));
}

#[test]
fn serve_refuses_data_that_everybody_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(TestServer::serve(&data, ""));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let database = data.join("portraitd.db");
    assert_eq!((mode(&data), mode(&database), mode(&data.join("admin.token"))), (0o700, 0o600, 0o600));
    fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    fs::set_permissions(&database, PermissionsExt::from_mode(0o644)).unwrap();
    let output = refused(&data, None);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains(&format!("chmod 600 {}", database.display())),
        "{said}"
    );
    drop(TestServer::serve(&data, "[server]\naccept = [\"readable-files\"]\n"));
    let output = refused(&data, Some("[\"everything\"]"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("readable-files"),
        "an unknown danger is named: {said}"
    );
}

#[test]
fn a_crash_leaves_no_core_dump() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "");
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["bytes", "0", "0"], "{core}");
}

/// Every user of a machine sees every command line.
#[test]
fn keys_need_not_stand_on_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.txt");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let server = TestServer::start_with(binary().args(["dev", "--key"]).arg(format!("@{}", file.display())));
    let line = fs::read(format!("/proc/{}/cmdline", server.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains(KEY));
    assert_eq!(server.dev_app().code("account_check", r#"{"CheckItem":[{"UserID":"alice"}]}"#), 0);
    let mut signer = binary();
    signer.args([
        "usersig",
        "gen",
        "--sdkappid",
        "1400000000",
        "--identifier",
        "administrator",
        "--key",
        "-",
    ]);
    signer.stdin(fs::File::open(&file).unwrap());
    let output = signer.output().unwrap();
    let sig = String::from_utf8(output.stdout).unwrap();
    let query = format!("sdkappid=1400000000&identifier=administrator&usersig={}", sig.trim());
    let request = crate::harness::post(
        &format!("/v4/im_open_login_svc/account_check?{query}"),
        r#"{"CheckItem":[{"UserID":"alice"}]}"#,
    );
    assert_eq!(server.connect().exchange(&request).unwrap().code(), 0);
    // A file that can't be used is named; what is in it is not.
    let output = binary()
        .args(["usersig", "gen", "--sdkappid", "1", "--identifier", "a", "--key", "@/nowhere"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("No such file"));
}
