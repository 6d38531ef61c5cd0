//! The command line, with its error messages, on a running server and on a stopped one.

use crate::harness::{KEY, TestServer, binary};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Runs a command and gives its result; fails when it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr_of(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must fail with this exit code and say this.
pub(crate) fn refused(command: &mut Command, code: i32, part: &str) {
    let output = command.output().unwrap();
    let said = stderr_of(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(part), "{said}");
}

pub(crate) fn on(data: &Path, words: &[&str]) -> Command {
    let mut command = binary();
    command.args(words).arg("--data").arg(data);
    command
}

/// The same changes of settings, on a running server and on a stopped one.
fn settings_walk(data: &Path, app: &str) {
    let created = run(&mut on(data, &["app", "create", app, "--name", "Shop"]));
    let key = created.trim_end().to_owned();
    assert_eq!(key.len(), 64, "alone, so that `> key.txt` makes a key file: {created}");
    refused(&mut on(data, &["app", "create", app]), 1, "exists already");
    let listed = run(&mut on(data, &["app", "list"]));
    assert!(listed.contains(&format!("…{}", &key[60..])) && !listed.contains(&key), "{listed}");
    let second = on(data, &["app", "key", "add", app]).output().unwrap();
    assert_eq!(stderr_of(&second), format!("key 2 of app {app}; keep it, it is not shown again:\n"));
    assert_eq!(second.stdout.trim_ascii_end().len(), 64);
    run(&mut on(data, &["app", "key", "revoke", app, "1"]));
    refused(&mut on(data, &["app", "key", "revoke", app, "1"]), 1, "has no key 1");
    run(&mut on(data, &["app", "admin", "add", app, "运营 1"]));
    run(&mut on(data, &["app", "admin", "remove", app, "运营 1"]));
    refused(&mut on(data, &["app", "admin", "remove", app, "administrator"]), 1, "can't be removed");
    let limits = run(&mut on(data, &["app", "limits", app, "portrait_set=500", "total=0"]));
    assert!(
        limits.contains("portrait_set         500/s") && limits.contains("total                no limit"),
        "{limits}"
    );
    refused(&mut on(data, &["app", "limits", app, "portrait_sett=5"]), 1, "portrait_set");
    run(&mut on(data, &["app", "disable", app]));
    let shown = run(&mut on(data, &["app", "show", app, "--json"]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["enabled"], &shown["name"]), (&false.into(), &"Shop".into()));
    run(&mut on(data, &["app", "enable", app]));
    let set = run(&mut on(
        data,
        &["app", "set", app, "--self-service", "on", "--location-bytes-max", "16", "--allow-ip", "127.0.0.1"],
    ));
    assert!(set.contains("Self-service        true") && set.contains("127.0.0.1/32"), "{set}");
    run(&mut on(data, &["field", "define", app, "Score", "--type", "uint64", "--write", "admin"]));
    run(&mut on(data, &["account", "set", app, "administrator", "Tag_Profile_Custom_Score:=7"]));
    refused(
        &mut on(data, &["field", "define", app, "Score", "--type", "string"]),
        1,
        "has a value in 1 account,",
    );
    run(&mut on(data, &["field", "define", app, "Note", "--type", "uint64"]));
    run(&mut on(data, &["field", "define", app, "Note", "--type", "string"]));
    run(&mut on(data, &["field", "remove", app, "Score"]));
    let fields = run(&mut on(data, &["field", "list", app]));
    assert!(fields.contains("Tag_Profile_Custom_Score") && fields.contains("retired"), "{fields}");
    let words = data.with_extension("words");
    std::fs::write(&words, "bad\n\n敏感\nbad\n").unwrap();
    let set = run(on(data, &["words", "set", app]).arg(&words));
    assert!(set.contains("2 sensitive words") && set.contains("1 blank line, 1 repeated word"), "{set}");
    assert_eq!(run(&mut on(data, &["words", "list", app])), "bad\n敏感\n");
    assert_eq!(run(&mut on(data, &["account", "list", app])), "administrator\n运营 1\n");
}

#[test]
fn settings_work_on_a_running_and_on_a_stopped_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = TestServer::serve(&data, "");
    settings_walk(&data, "1400000001");
    server.signal("-TERM");
    server.child.wait().unwrap();
    settings_walk(&data, "1400000002");
    drop(server);
    let _server = TestServer::serve(&data, "");
    let listed = run(&mut on(&data, &["app", "list", "--json"]));
    assert!(listed.contains("1400000001") && listed.contains("1400000002"), "{listed}");
}

#[test]
fn the_quick_client_sets_and_gets() {
    let server = TestServer::dev();
    let client = |words: &[&str]| {
        let mut command = binary();
        command.args(words).args(["--key", KEY, "--url"]).arg(format!("http://{}", server.address));
        command
    };
    assert_eq!(run(&mut client(&["account", "import", "dora", "--nick", "Dora"])), "OK\n");
    assert_eq!(run(&mut client(&["set", "dora", "Level=3", "Test=hello"])), "OK\n");
    let got = run(&mut client(&["get", "dora", "ghost", "--tags", "Nick,Level,Test"]));
    insta::assert_snapshot!(got, @r#"
    dora
      Tag_Profile_IM_Nick              "Dora"
      Tag_Profile_IM_Level             3
      Tag_Profile_Custom_Test          "hello"
    ghost
      40003 Err_Profile_Invalid_Account
    "#);
    refused(
        &mut client(&["set", "dora", "nickName=x"]),
        1,
        "the REST API calls this field Tag_Profile_IM_Nick",
    );
    refused(&mut client(&["set", "ghost", "Nick=x"]), 1, "40003");
    let mut wrong_key = binary();
    wrong_key.args(["get", "dora", "--key", "wrong", "--url"]).arg(format!("http://{}", server.address));
    refused(&mut wrong_key, 1, "a key that no app here has");
    refused(
        binary().args(["get", "dora", "--key", KEY, "--url", "http://127.0.0.1:1"]),
        1,
        "is portraitd running there?",
    );
}

#[test]
fn usersigs_are_made_and_inspected() {
    let made = run(binary().args([
        "usersig",
        "gen",
        "--sdkappid",
        "1400000000",
        "--key",
        KEY,
        "--identifier",
        "alice",
        "--time",
        "1700000000",
        "--userbuf",
        "abc",
    ]));
    let sig = made.trim();
    let inspected = run(binary().args(["usersig", "inspect", sig, "--key", KEY]));
    assert!(
        inspected.contains("alice") && inspected.contains("verifies") && inspected.contains("YWJj"),
        "{inspected}"
    );
    assert!(inspected.contains("expired"), "{inspected}");
    refused(binary().args(["usersig", "inspect", sig, "--key", "other"]), 1, "70009");
    refused(binary().args(["usersig", "inspect", &sig[..20]]), 1, "cut short");
    assert!(inspected.contains("2023-11-14 22:13:20Z (1700000000)"), "{inspected}");
    assert!(inspected.contains("days ago"), "{inspected}");
    // As people have it at hand: a URL, percent-encoded, in Chinese, and for whom it should be.
    let encoded = crate::harness::encode(sig);
    let url = format!(
        "https://console.tim.qq.com/v4/openim/x?sdkappid=1400000000&identifier=alice&usersig={encoded}&random=1"
    );
    for text in [&url, &encoded] {
        assert!(
            run(binary().args(["usersig", "inspect", text, "--key", KEY])).contains("verifies with this key")
        );
    }
    let chinese = run(binary().args(["usersig", "inspect", &url, "--key", KEY, "--language", "zh"]));
    assert!(chinese.contains("用户名      alice") && chinese.contains("与此密钥相符"), "{chinese}");
    refused(binary().args(["usersig", "inspect", sig, "--identifier", "bob"]), 1, "(70013)");
    refused(binary().args(["usersig", "inspect", &url.replace("=alice", "=bob")]), 1, "made for \"alice\"");
    refused(binary().args(["usersig", "inspect", sig, "--sdkappid", "7"]), 1, "(70014)");
    let upper = run(binary().args([
        "usersig",
        "gen",
        "--sdkappid",
        "7",
        "--identifier",
        "a",
        "--key",
        &KEY.to_uppercase(),
        "--expire",
        "1795953600",
    ]));
    let bad = binary().args(["usersig", "inspect", upper.trim(), "--key", KEY]).output().unwrap();
    let (shown, told) = (String::from_utf8_lossy(&bad.stdout), String::from_utf8_lossy(&bad.stderr));
    assert!(shown.contains("Warning     TLS.expire is 1795953600"), "{shown}");
    assert!(
        told.contains("the key in upper case") && told.contains("70009") && !told.contains(KEY),
        "{told}"
    );
}

/// Commands that sign refuse the names that the server refuses, before anything is signed.
#[test]
fn names_with_control_characters_are_not_signed() {
    let too_long = "x".repeat(33);
    for (name, why) in [
        ("a\nb", "control character"),
        ("administrator\n", "control character"),
        ("\u{7f}", "control character"),
        ("", "empty"),
        (&too_long, "33 bytes long"),
    ] {
        let generate = ["usersig", "gen", "--sdkappid", "1", "--key", KEY, "--identifier", name];
        refused(binary().args(generate), 2, why);
        let nowhere = "http://127.0.0.1:1";
        refused(binary().args(["get", "u", "--key", KEY, "--url", nowhere, "--admin", name]), 2, why);
        let migrate = ["migrate", "--from", nowhere, "--sdkappid", "1", "--key", KEY, "--accounts", "none"];
        refused(binary().args(migrate).args(["--admin", name]), 2, why);
        refused(binary().args(["dev", "--admin", name]), 1, why);
    }
}

/// A newcomer's first command need not be `serve`.
#[test]
fn the_first_app_may_come_before_the_first_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("not/yet");
    let output = on(&data, &["app", "create", "1400000001"]).output().unwrap();
    let said = stderr_of(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("portraitd serve --data {}", data.display())), "{said}");
    let created = String::from_utf8(output.stdout).unwrap();
    let key = created.trim_end();
    assert_eq!(key.len(), 64, "{created}");
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let again = on(&data, &["app", "create", "1400000002"]).output().unwrap();
    assert!(again.status.success(), "{}", stderr_of(&again));
    assert_eq!(stderr_of(&again), "the key of the new app 1400000002; keep it, it is not shown again:\n");
    let server = TestServer::serve(&data, "");
    let shown = run(&mut on(&data, &["app", "show", "1400000001"]));
    assert!(shown.contains(&format!("\nKey                 1 (…{}), added 2", &key[60..])), "{shown}");
    assert!(shown.contains(", last used: not since the server's start, 2"), "{shown}");
    drop(server);
    let shown = run(&mut on(&data, &["app", "show", "1400000001"]));
    assert!(shown.contains(", last used: noted by a running server only"), "{shown}");
    let typo = dir.path().join("typo");
    refused(&mut on(&typo, &["token", "create", "ci"]), 1, "app create SDKAPPID --data");
    refused(&mut on(&typo, &["app", "key", "add", "1400000001"]), 1, "there is no data directory");
    assert!(!typo.exists());
}

#[test]
fn mistakes_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    refused(binary().args(["app", "list"]), 1, "--data DIR");
    refused(&mut on(&dir.path().join("none"), &["app", "list"]), 1, "there is no data directory");
    refused(
        binary().args(["app", "list", "--admin-url", "http://127.0.0.1:1", "--admin-token", "x"]),
        1,
        "can't reach",
    );
    refused(binary().args(["dev", "--listen", "8080"]), 2, "invalid socket address");
    refused(binary().args(["dev", "--key", ""]), 1, "the key is empty");
    for (key, why) in [
        (format!("{KEY}\n"), "white space or a line end"),
        (format!("\"{KEY}\""), "quotation marks"),
        (format!("{KEY}\n{KEY}"), "more than one line"),
        (
            "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----".to_owned(),
            "PEM key of UserSig version 1",
        ),
    ] {
        let generate = ["usersig", "gen", "--sdkappid", "1", "--identifier", "a", "--key", &key];
        for command in [&["dev", "--key", &key][..], &generate, &["get", "u", "--key", &key]] {
            let output = binary().args(command).output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(1) && told.contains(why) && !told.contains(KEY), "{told}");
        }
    }
    let file = dir.path().join("key.txt");
    std::fs::write(&file, format!("{KEY}\n{KEY}\n")).unwrap();
    let from_file = format!("@{}", file.display());
    let generate = ["usersig", "gen", "--sdkappid", "1", "--identifier", "a", "--key", &from_file];
    refused(binary().args(generate), 1, "--key: the key has more than one line: give one key, in one line");
    refused(binary().args(generate).args(["--language", "zh"]), 1, "--key: 密钥多于一行");
    refused(
        &mut on(&dir.path().join("none"), &["app", "create", "1", "--key", &from_file]),
        1,
        "more than one line",
    );
    let chinese = binary().args(["dev", "--language", "zh", "--key", "a b"]).output().unwrap();
    assert!(String::from_utf8_lossy(&chinese.stderr).contains("密钥中间有空白"));
    let number = "an SDKAppID is a whole number from 1 to 4294967295";
    refused(binary().args(["get", "u", "--key", KEY, "--sdkappid", "abc"]), 2, number);
    refused(&mut on(&dir.path().join("none"), &["app", "show", "0"]), 2, number);
    refused(binary().args(["explain", "99999"]), 1, "there is no error code `99999`");
    let output = binary().args(["serve", "--data", "/proc/portraitd"]).output().unwrap();
    let error = stderr_of(&output);
    assert_eq!(error.matches("os error").count(), 1, "{error}");
    let config = dir.path().join("portraitd.toml");
    std::fs::write(&config, "[server]\nlisten_adress = \"127.0.0.1:1\"\n").unwrap();
    refused(binary().arg("serve").arg("--config").arg(&config), 1, "did you mean `listen`?");
    refused(binary().args(["serve", "--config", "/no/such/file.toml"]), 1, "can't read /no/such/file.toml");
    let server = TestServer::dev();
    refused(binary().args(["dev", "--listen", &server.address]), 1, "the port is in use");
    let example = run(binary().args(["config", "--example"]));
    std::fs::write(&config, example).unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, &std::fs::read_to_string(&config).unwrap());
    assert_eq!(server.admin("GET", "/apps", "").0, 200);
}
