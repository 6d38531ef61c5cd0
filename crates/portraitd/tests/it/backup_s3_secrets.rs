//! The storage's credentials, from the environment or a file: in no log however much it says, no answer, no output of a command and
//! no URL; also when the storage repeats them in what it refuses with.

use crate::backup_s3::{Storage, config, stop};
use crate::backup_schedule::{metric, wait_for_backups};
use crate::cli::on;
use crate::faults::until;
use crate::harness::{Connection, TestServer, binary};
use crate::secrets::Secrets;
use crate::storage_gate::{Completion, Gate};
use std::fs;
use std::process::Command;

const KEY_ID: &str = "AKIDCANARY0123456789";
const SECRET: &str = "canary/secret+of/the+storage/0123456789";
const TOKEN: &str = "canary-session-token-0123456789abcdef";

fn with_credentials(command: &mut Command) -> &mut Command {
    command.envs([
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
    ])
}

fn said(command: &mut Command) -> String {
    let output = with_credentials(command).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_credentials_of_the_storage_are_shown_nowhere() {
    let Some(storage) = Storage::start(&[]) else { return };
    assert_eq!(storage.ask("PUT", "/copies").0, 200);
    let mut secrets = Secrets(Vec::new());
    for secret in [KEY_ID, SECRET, TOKEN] {
        secrets.add(secret);
    }
    for (format, completion) in [("text", Completion::Pass), ("json", Completion::Refuse)] {
        let (dir, gate) = (tempfile::tempdir().unwrap(), Gate::before(&storage, completion));
        let (data, log) =
            (dir.path().join("data"), format!("[log]\nfilter = \"trace\"\nformat = \"{format}\"\n"));
        let settings =
            config(dir.path(), &gate.address, "").replace("credentials_file", "# credentials_file") + &log;
        let server = TestServer::serve_altered(&data, &settings, |command| {
            with_credentials(command);
        });
        match completion {
            Completion::Pass => wait_for_backups(&server, "s3", 1),
            _ => until("the backup fails", || metric(&server, "failures_total", "s3") >= 1),
        }
        let mut shown = String::new();
        for (method, path) in
            [("GET", "/jobs"), ("GET", "/server"), ("GET", "/store"), ("GET", "/audit?limit=1000")]
        {
            shown.push_str(&server.admin(method, path, "").1);
        }
        for path in ["/metrics", "/readyz", "/healthz"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            shown.push_str(
                &Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap().body,
            );
        }
        let file = data.with_extension("toml");
        for words in
            [&["doctor"][..], &["doctor", "--json"], &["config", "show"], &["config", "show", "--json"]]
        {
            shown.push_str(&said(on(&data, words).arg("--config").arg(&file)));
        }
        for words in [&["backup", "list"][..], &["backup", "list", "--json"]] {
            shown.push_str(&said(binary().args(words).arg("--config").arg(&file)));
        }
        let none = "s3://copies/shop/one/portraitd-20200101T000000Z";
        let mut restore = on(&dir.path().join("new"), &["restore", none]);
        shown.push_str(&said(restore.arg("--config").arg(&file)));
        assert!(shown.contains("s3://copies/shop/one") && shown.contains("is no backup"), "{shown}");
        secrets.are_not_in("what is shown", &shown);
        secrets.are_not_in("the log", &server.log());
        assert!(server.log().contains("TRACE") || server.log().contains("trace"), "it says everything");
        // The key's id and the token are in headers; the secret signs and is sent nowhere.
        let heads = gate.heads();
        assert!(
            heads.iter().any(|head| head.contains(KEY_ID)) && heads.iter().any(|head| head.contains(TOKEN))
        );
        for head in &heads {
            secrets.are_not_in("a URL", head.lines().next().unwrap());
            assert!(!head.contains(SECRET), "{head}");
        }
        stop(server);
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn credentials_in_the_wrong_place_are_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.toml");
    let mut secrets = Secrets(Vec::new());
    for secret in [KEY_ID, SECRET] {
        secrets.add(secret);
    }
    for (line, part) in [
        (format!("secret_access_key = \"{SECRET}\""), "there is no key `secret_access_key` in [backup.s3]"),
        (format!("endpoint = \"https://{KEY_ID}:canary-secret@s3.example.com\""), "(hidden)@s3.example.com"),
    ] {
        fs::write(&file, format!("[backup.s3]\nbucket = \"copies\"\n{line}\n")).unwrap();
        for words in [&["config", "check"][..], &["backup", "list", "--config"]] {
            let text = said(binary().args(words).arg(&file));
            assert!(text.contains(part) && text.contains("wrong.toml:3"), "{text}");
            secrets.are_not_in("an error", &text);
        }
    }
    let mut variable = binary();
    let text = said(variable.env("PORTRAITD_BACKUP_S3_SECRET_ACCESS_KEY", SECRET).args(["config", "show"]));
    assert!(text.contains("there is no such setting in [backup.s3]"), "{text}");
    secrets.are_not_in("an error", &text);
    let credentials = dir.path().join("credentials");
    fs::write(&credentials, format!("aws_access_key_id = {KEY_ID}\naws_secret_key = {SECRET}\n")).unwrap();
    let path = credentials.display();
    fs::write(&file, format!("[backup.s3]\nbucket = \"copies\"\ncredentials_file = \"{path}\"\n")).unwrap();
    let text = said(binary().args(["backup", "list", "--config"]).arg(&file));
    assert!(text.contains("lacks a line") && text.contains("aws_secret_access_key"), "{text}");
    secrets.are_not_in("an error", &text);
}
