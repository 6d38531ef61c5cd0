//! Short keys: refused where an app is made for a service, taken by an emulator, warned of where they are in force.

use crate::cli::{on, refused, run};
use crate::harness::{TestServer, binary};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const SHORT: &str = "0123456789abcde";

#[test]
fn an_app_of_a_service_gets_no_short_key() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    refused(&mut on(&data, &["app", "create", "7", "--key", SHORT]), 1, "the key is 15 bytes long");
    run(&mut on(&data, &["app", "create", "7", "--key", &format!("{SHORT}f")]));
    refused(&mut on(&data, &["app", "key", "add", "7", "--key", "dev"]), 1, "give at least 16, or none");
    let file = dir.path().join("apps.toml");
    std::fs::write(&file, "[[app]]\nsdkappid = 8\nkeys = [\"dev\"]\n").unwrap();
    refused(on(&data, &["app", "apply", "--dry-run"]).arg(&file), 1, "the key is 3 bytes long");
    drop(server);
    // And so on the data of a stopped server.
    refused(&mut on(&data, &["app", "create", "9", "--key", SHORT]), 1, "the key is 15 bytes long");
    let mut chinese = on(&data, &["app", "create", "9", "--key", SHORT, "--language", "zh"]);
    refused(&mut chinese, 1, "密钥仅 15 字节");
    let listed = run(&mut on(&data, &["app", "list"]));
    assert!(listed.contains("\n7 ") && !listed.contains("\n9 "), "{listed}");
}

#[test]
fn an_emulator_takes_any_key_and_says_what_real_apps_need() {
    let mut command = binary();
    command.args(["dev", "--key", "dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.starts_with("The key is 3 bytes long: that will do for an emulator.")));
    child.kill().unwrap();
    child.wait().unwrap();
    let server = TestServer::dev();
    let (status, answer) = server.admin("POST", "/apps", &json!({"sdkappid": 7, "key": "dev"}).to_string());
    assert_eq!(status, 201, "{answer}");
}

#[test]
fn a_service_goes_on_with_a_short_key_and_warns_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let dev = TestServer::start_with(binary().args(["dev", "--key", SHORT, "--data"]).arg(&data));
    drop(dev);
    let server = TestServer::serve(&data, "");
    let log = server.log();
    let add = format!("portraitd app key add 1400000000 --data {}", data.display());
    assert!(log.contains("key 1 of app 1400000000 has fewer than 16 bytes") && log.contains(&add), "{log}");
    assert!(!log.contains(SHORT), "{log}");
}
