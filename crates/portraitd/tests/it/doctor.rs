//! `portraitd doctor` and `healthcheck`, and the contents of packages.

use crate::harness::{TestServer, binary};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn run(args: &[&str], data: &Path) -> (bool, String) {
    let output = binary().args(args).arg("--data").arg(data).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn healthcheck_and_doctor_ask_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(!run(&["healthcheck"], &data).0);
    let mut server = TestServer::serve(&data, "");
    assert_eq!(run(&["healthcheck"], &data), (true, "ready\n".to_owned()));
    let (fine, said) = run(&["doctor"], &data);
    assert!(fine && said.contains("it runs and can write"), "{said}");
    server.kill();
    assert!(!run(&["healthcheck"], &data).0);
}

#[test]
fn doctor_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("portraitd.toml");
    let check = |text: &str, what: &str, part: &str| {
        fs::write(&config, text).unwrap();
        let (fine, said) = run(&["doctor", "--json", "--config", config.to_str().unwrap()], &data);
        assert!(!fine, "{said}");
        // The results, then the sentence on standard error.
        let (json, _) = said.split_once("\nerror:").unwrap();
        let results: Value = serde_json::from_str(json).unwrap();
        let bad = results.as_array().unwrap().iter().find(|result| result["verdict"] == "bad").unwrap();
        assert_eq!(bad["what"], what, "{said}");
        assert!(bad["sentence"].as_str().unwrap().contains(part), "{said}");
    };
    check("[server]\nlisten_adress = 1", "configuration", "did you mean `listen`?");
    check("[server]\nadmin_listen = \"0.0.0.0:0\"", "network", "plain-admin");
    check("[tls]\ncertificate = \"/no\"\nkey = \"/no\"", "certificates", "can't read /no");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(data.join("admin.token"), "x").unwrap();
    fs::set_permissions(data.join("admin.token"), PermissionsExt::from_mode(0o644)).unwrap();
    check("", "data directory", "chmod 600");
}

#[test]
fn completions_and_manual_pages_come_from_the_binary() {
    for shell in ["bash", "zsh", "fish"] {
        let script = binary().args(["completions", shell]).output().unwrap();
        assert!(script.status.success());
        let script = String::from_utf8(script.stdout).unwrap();
        assert!(script.contains("portraitd") && script.contains("healthcheck"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(binary().arg("man").arg(folder.path()).output().unwrap().status.success());
    let page = fs::read_to_string(folder.path().join("portraitd-serve.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("admin\\-listen"), "{page}");
}
