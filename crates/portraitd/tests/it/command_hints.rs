//! Commands that messages tell people to run: pasted into a shell, they work on the same store.

use crate::cli::{on, run, stderr_of};
use crate::harness::{TestServer, binary};
use std::path::Path;
use std::process::{Command, Output};

/// Runs a line as a shell does, with this program for `portraitd`.
fn pasted(line: &str) -> Output {
    let program = binary().get_program().to_str().unwrap().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("portraitd() {{ '{program}' \"$@\"; }}; {line}")]);
    command.env_clear().output().unwrap()
}

/// The command in a message, from its name to the end of the line or to what follows it.
fn hint<'a>(said: &'a str, end: &str) -> &'a str {
    let (_, rest) = said.split_once("portraitd ").unwrap_or_else(|| panic!("no command: {said}"));
    let line = rest.lines().next().unwrap();
    let start = said.len() - rest.len() - "portraitd ".len();
    let length = "portraitd ".len() + line.find(end).filter(|_| !end.is_empty()).unwrap_or(line.len());
    &said[start..start + length]
}

fn works(said: &str, end: &str) -> String {
    let command = hint(said, end);
    let output = pasted(command);
    assert!(output.status.success(), "{command}\n{}", stderr_of(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Every hint of a command that works on a store, on one whose directory is no plain word.
fn walk(data: &Path) {
    let said = |words: &[&str]| {
        let Output { stdout, stderr, .. } = on(data, words).output().unwrap();
        String::from_utf8([stdout, stderr].concat()).unwrap()
    };
    run(&mut on(data, &["app", "create", "7"]));
    works(&said(&["app", "key", "revoke", "7", "1"]), "; or revoke");
    run(&mut on(data, &["account", "create", "7", "x y"]));
    let more = works(&said(&["account", "list", "7", "--limit", "1"]), "");
    assert_eq!(more, "x y\n");
    let file = data.with_extension("toml");
    std::fs::write(&file, "[[app]]\nsdkappid = 7\nkeys = [\"0123456789abcdef\"]\n").unwrap();
    let applied = on(data, &["app", "apply"]).arg(&file).output().unwrap();
    works(&stderr_of(&applied), "");
    works(&said(&["app", "delete", "7"]), "");
    assert!(!said(&["app", "list"]).contains("\n7 "));
}

#[test]
fn commands_in_messages_name_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("it's my data");
    let created = on(&data, &["app", "create", "9"]).output().unwrap();
    let serve = stderr_of(&created);
    assert!(hint(&serve, "").starts_with("portraitd serve --data '"), "{serve}");
    walk(&data);
    let server = TestServer::serve(&data, "");
    walk(&data);
    let set = run(&mut on(&data, &["webhook", "set", "9", "https://example.com/hook"]));
    let test = set.lines().nth(1).unwrap();
    let quoted = "'it'\\''s my data'".replace("it", &format!("{}/it", dir.path().display()));
    assert!(test.ends_with(&format!("portraitd webhook test 9 --data {quoted}")), "{test}");
    // By the address of a server, whose token is never shown.
    let mut remote = binary();
    remote.args(["app", "delete", "9", "--admin-url", &format!("http://{}", server.admin_address)]);
    let token = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        stderr_of(&output)
    };
    let with_variable = token(remote.env("PORTRAITD_ADMIN_TOKEN", &server.admin_token));
    let url = format!(" --admin-url http://{}", server.admin_address);
    assert!(with_variable.trim_end().ends_with(&url), "{with_variable}");
    let given =
        token(remote.env_remove("PORTRAITD_ADMIN_TOKEN").args(["--admin-token", &server.admin_token]));
    assert!(
        given.contains(&format!("{url} --admin-token TOKEN")) && !given.contains(&server.admin_token),
        "{given}"
    );
}

/// The admin API and the public API have addresses of their own, which are easily mistaken for each other.
#[test]
fn the_other_api_is_named_when_its_address_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&dir.path().join("data"), "");
    let (public, admin) = (format!("http://{}", server.address), format!("http://{}", server.admin_address));
    let said = |words: &[&str]| {
        let output = binary().args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        stderr_of(&output)
    };
    let list = said(&["app", "list", "--admin-token", "x", "--admin-url", &public]);
    assert!(list.contains(&format!("{public} is the public API")) && list.contains("8081"), "{list}");
    let get = said(&["get", "alice", "--key", crate::harness::KEY, "--url", &admin]);
    assert!(
        get.contains(&format!(
            "the answer of {admin} has no ErrorCode; --url is the address of the public API"
        )),
        "{get}"
    );
}
