//! `portraitd app apply`: what is checked before anything is changed, and what its errors say.

use crate::cli::{on, refused, run};
use crate::harness::{KEY, TestServer, binary};
use std::path::{Path, PathBuf};

/// Writes a file of settings.
fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_list_with_repeated_words_is_applied_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run(&mut on(&data, &["app", "create", "7"]));
    let text = "[[app]]\nsdkappid = 7\nwords = [\"bad\", \"敏感\", \"bad\", \" bad \", \"\"]\n";
    let file = file(dir.path(), "apps.toml", text);
    let apply = || run(on(&data, &["app", "apply"]).arg(&file));
    assert_eq!(apply(), "app 7: words: 0 -> 2\n1 change made\n");
    assert_eq!(apply(), "nothing to change\n");
}

/// The networks of webhooks are a setting of the server, and the values of a field are in its accounts.
#[test]
fn a_dry_run_refuses_what_the_server_would_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    run(&mut on(&data, &["app", "create", "7", "--key", KEY]));
    run(&mut on(&data, &["field", "define", "7", "Score", "--type", "uint64"]));
    run(&mut on(&data, &["account", "set", "7", "administrator", "Tag_Profile_Custom_Score:=7"]));
    let apps = || run(&mut on(&data, &["app", "list", "--json"]));
    let before = apps();
    let audit = || run(&mut on(&data, &["audit", "--json"])).lines().count();
    let entries = audit();
    let private = "[[app]]\nsdkappid = 8\nname = \"New\"\n[app.webhook]\nurl = \"http://10.0.0.1/hook\"\n";
    let fields = |kind: &str| {
        format!(
            "[[app]]\nsdkappid = 7\nname = \"Other\"\ncustom_fields_max = 21\n[[app.field]]\nkeyword = \"Score\"\ntype = \"{kind}\"\n"
        )
    };
    for (name, text, parts) in [
        (
            "webhook",
            private,
            ["app 8: + webhook http://10.0.0.1/hook: the server would refuse it: ", "10.0.0.1"],
        ),
        ("field", &fields("string"), ["app 7: ~ field Score string", "has a value in 1 account"]),
    ] {
        let file = file(dir.path(), &format!("{name}.toml"), text);
        for words in [&["app", "apply", "--dry-run"][..], &["app", "apply"]] {
            for part in parts {
                refused(on(&data, words).arg(&file), 1, part);
            }
            refused(on(&data, words).arg(&file), 1, ". Nothing was changed");
            assert_eq!(apps(), before, "{words:?} {name}");
        }
    }
    assert_eq!(audit(), entries, "what is checked is no change");
    // The app and its field.
    assert_eq!(server.log().matches("app settings changed").count(), 2, "{}", server.log());
    let good = file(dir.path(), "good.toml", &fields("uint64"));
    let said = run(on(&data, &["app", "apply", "--dry-run"]).arg(&good));
    assert!(said.ends_with("2 changes to make, which the server accepts; none was made\n"), "{said}");
    assert_eq!(apps(), before);
    run(on(&data, &["app", "apply"]).arg(&good));
    assert_ne!(apps(), before);
}

#[test]
fn errors_name_the_file_the_line_the_member_and_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run(&mut on(&data, &["app", "create", "7"]));
    let app = "[[app]]\nsdkappid = 7\n";
    for (text, english, chinese) in [
        (
            format!("{app}nam = \"x\"\n"),
            "wrong.toml: line 3: app.nam: unknown field `nam`, expected one of `sdkappid`, ",
            "wrong.toml：第 3 行：app.nam：未知的成员 `nam`，应为 `sdkappid`、",
        ),
        (
            "[[app]]\nsdkappid = \"x\"\n".to_owned(),
            "wrong.toml: line 2: app.sdkappid: invalid type: string \"x\", expected u32",
            "wrong.toml：第 2 行：app.sdkappid：类型或取值不符：字符串 \"x\"，应为非负整数",
        ),
        (
            format!("{app}[app.webhook]\nurl = 5\n"),
            "wrong.toml: line 4: app.webhook.url: invalid type: integer `5`, expected a string",
            "wrong.toml：第 4 行：app.webhook.url：类型或取值不符：整数 `5`，应为字符串",
        ),
        (
            format!("{app}keys = \"s3cret-s3cret-s3cret\"\n"),
            "wrong.toml: line 3: app.keys: its value, which is not shown, must be a list of texts in quotes",
            "wrong.toml：第 3 行：app.keys：取值（不显示）的类型不符，应为带引号文本的列表",
        ),
        (
            format!("{app}webhook = \"https://example.com/?key=s3cret\"\n"),
            "wrong.toml: line 3: app.webhook: its value, which is not shown, must be a table such as { url",
            "wrong.toml：第 3 行：app.webhook：取值（不显示）的类型不符，应为{ url",
        ),
        (
            "[[app]]\nname = \"x\"\n".to_owned(),
            "wrong.toml: line 1: app: missing field `sdkappid`",
            "wrong.toml：第 1 行：app：缺少成员 `sdkappid`",
        ),
        (
            format!("{app}name = \"s3cret\n"),
            "wrong.toml: line 3: app.name: is not TOML: ",
            "wrong.toml：第 3 行：app.name：不是有效的 TOML（",
        ),
        (
            format!("{app}limits = {{ portrait_sett = 5 }}\n"),
            "wrong.toml: line 1: app 7: limits: no limit is named `portrait_sett`; there are portrait_set",
            "wrong.toml：第 1 行：应用 7：limits：没有名为 `portrait_sett` 的频率限制；可用的有 portrait_set",
        ),
        (
            format!("{app}words = [\"ok\", \"{}\"]\n", "x".repeat(201)),
            "app 7: words: word 2: `xxxxxxxxxxxxxxxxxxxx…` has 201 bytes; a word has at most 200",
            "应用 7：words：第 2 个词：`xxxxxxxxxxxxxxxxxxxx…` 长度为 201 字节",
        ),
    ] {
        let file = file(dir.path(), "wrong.toml", &text);
        let said = |language: &str| {
            let mut command = on(&data, &["app", "apply", "--language", language]);
            let output = command.arg(&file).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        };
        for (language, part) in [("en", english), ("zh", chinese)] {
            let said = said(language);
            assert!(said.contains(part) && !said.contains("s3cret"), "{part}\n{said}");
        }
    }
    let missing = dir.path().join("none.toml");
    refused(on(&data, &["app", "apply"]).arg(&missing), 1, "can't read");
    refused(binary().args(["app", "apply"]).arg(&missing), 1, "--data DIR");
}
