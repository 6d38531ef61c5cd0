//! What an emulator starts with and what it leaves behind.

use crate::emulator::{done, set};
use crate::harness::{App, KEY, TestServer, binary};
use serde_json::json;
use std::path::Path;

const LINES: &str = "{\"UserID\":\"dora\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"D\"}]}\n\n{\"UserID\":\"emil\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_Custom_Test\",\"Value\":\"e\"}]}\n";

const DOCUMENT: &str = r#"
[[app]]
sdkappid = 1400000007
keys = ["the-key"]
admins = ["boss"]
words = ["bad"]
limits = { portrait_set = 5 }

[[app.field]]
keyword = "Score"
type = "uint64"
write = ["admin"]

[[app.account]]
UserID = "dora"
profile = { Tag_Profile_IM_Nick = "D", Tag_Profile_IM_Level = 3, Tag_Profile_Custom_Score = { number = "18446744073709551615" } }

[[app]]
sdkappid = 1400000008

[[app.account]]
UserID = "emil"
"#;

fn get(app: &App<'_>, user: &str, tag: &str) -> serde_json::Value {
    let got = app.call("portrait_get", &json!({"To_Account": [user], "TagList": [tag]}).to_string());
    assert_eq!(got["ErrorCode"], 0, "{got}");
    got["UserProfileItem"][0]["ProfileItem"][0]["Value"].clone()
}

fn stop(mut server: TestServer) {
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn lines_are_loaded_and_a_reset_goes_back_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let (seed, left) = (dir.path().join("seed.jsonl"), dir.path().join("left.jsonl"));
    std::fs::write(&seed, LINES).unwrap();
    let server =
        TestServer::dev_with(&["--seed", seed.to_str().unwrap(), "--export-on-exit", left.to_str().unwrap()]);
    let app = server.dev_app();
    assert_eq!(get(&app, "dora", "Tag_Profile_IM_Nick"), "D");
    assert_eq!(get(&app, "emil", "Tag_Profile_Custom_Test"), "e");
    assert_eq!(app.code("portrait_set", &set("alice", "A").to_string()), 40003, "no samples");
    assert_eq!(app.code("portrait_set", &set("dora", "changed").to_string()), 0);
    done(&server, "POST", "/reset", "");
    assert_eq!(get(&app, "dora", "Tag_Profile_IM_Nick"), "D");
    app.import("fred");
    stop(server);
    let exported = std::fs::read_to_string(&left).unwrap();
    let users: Vec<_> = exported.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(users, ["administrator", "dora", "emil", "fred"]);
    // What was left is a seed.
    let server = TestServer::dev_with(&["--seed", left.to_str().unwrap()]);
    assert_eq!(server.dev_app().code("portrait_set", &set("fred", "F").to_string()), 0);
}

#[test]
fn a_document_holds_apps_with_all_that_belongs_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let (seed, left) = (dir.path().join("seed.toml"), dir.path().join("left.toml"));
    std::fs::write(&seed, DOCUMENT.replace("the-key", KEY)).unwrap();
    let start = |file: &Path| {
        let mut command = binary();
        command.args(["dev", "--limits", "--seed"]).arg(file).arg("--export-on-exit").arg(&left);
        TestServer::start_with(&mut command)
    };
    for file in [&seed, &left] {
        let server = start(file);
        // The first app is the one that is printed, with its key.
        let app = App { server: &server, id: 1_400_000_007 };
        assert_eq!(get(&app, "dora", "Tag_Profile_Custom_Score"), u64::MAX);
        assert_eq!(get(&app, "dora", "Tag_Profile_IM_Level"), 3);
        assert_eq!(app.code("portrait_set", &set("dora", "bad").to_string()), 40005);
        let (_, shown) = server.admin("GET", "/apps/1400000007", "");
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["admins"], json!(["administrator", "boss"]));
        assert_eq!(
            (&shown["limits"]["portrait_set"], &shown["fields"][0]["write"]),
            (&json!(5), &json!(["admin"]))
        );
        let (status, other) = server.admin("GET", "/apps/1400000008/accounts/emil", "");
        assert_eq!(status, 200, "{other}");
        done(&server, "POST", "/apps", "");
        stop(server);
    }
    assert!(!std::fs::read_to_string(&left).unwrap().contains("1600000000"), "throw-away apps are not left");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&left).unwrap());
    assert_eq!(mode & 0o777, 0o600, "it holds keys");
}

#[test]
fn data_on_a_disk_is_exported_too() {
    let dir = tempfile::tempdir().unwrap();
    let (data, left) = (dir.path().join("data"), dir.path().join("left.jsonl"));
    let server =
        TestServer::dev_with(&["--data", data.to_str().unwrap(), "--export-on-exit", left.to_str().unwrap()]);
    stop(server);
    assert_eq!(std::fs::read_to_string(&left).unwrap().lines().count(), 4);
}

#[test]
fn a_wrong_line_is_named_and_nothing_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, text: &str, part: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let output = binary()
            .args(["dev", "--key", KEY, "--listen", "127.0.0.1:0", "--seed"])
            .arg(&file)
            .output()
            .unwrap();
        let why = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{text}: {why}");
        assert!(why.contains(part), "{text}: {why}");
    };
    refused("a.jsonl", &format!("{LINES}{{\"UserID\":\"x\",\n"), "line 4: not an account's line");
    refused(
        "b.jsonl",
        &format!("{LINES}{{\"UserID\":\"\"}}\n"),
        "line 4: the UserID is empty; nothing was loaded",
    );
    let long =
        json!({"UserID": "x", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "x".repeat(501)}]});
    refused(
        "c.jsonl",
        &format!("{long}\n{LINES}"),
        "line 1: item 1 (Tag_Profile_IM_Nick): the value is 501 bytes",
    );
    refused("d.csv", "x", "name ends in .jsonl");
    refused("e.toml", "", "there is no [[app]]");
    let with = |from: &str, to: &str| DOCUMENT.replace(from, to);
    refused(
        "f.toml",
        &with("sdkappid = 1400000008", "sdkappid = 1400000007"),
        "app 1400000007 is there twice",
    );
    refused("g.toml", &with("admins =", "admin ="), "unknown field `admin`");
    refused("h.toml", &with("uint64", "uint128"), "line 9: `uint128` is not a type");
    refused("i.toml", &with("\"Score\"", "\"Score1\""), "line 9: `Score1` is not a keyword");
    refused("j.toml", &with("Tag_Profile_IM_Level = 3", "Tag_Profile_IM_Levl = 3"), "line 14: ");
    refused("k.toml", &with("Level = 3", "Level = -3"), "a text or a whole number");
    refused("l.toml", &with("UserID = \"emil\"", "UserID = \"\""), "line 21: the UserID is empty");
    refused("m.toml", &with("portrait_set = 5", "portrait_sett = 5"), "no limit is named `portrait_sett`");
    refused("n.toml", &with("\"18446744073709551615\"", "\"1e3\""), "is not a whole number");
    // Digits as letters: a keyword has no others.
    let keyword =
        |number: u32| number.to_string().bytes().map(|digit| char::from(digit + 49)).collect::<String>();
    let retired = (0..=1000).map(|number| {
        format!("[[app.field]]\nkeyword = \"{}\"\ntype = \"string\"\nretired = true\n", keyword(number))
    });
    let many = ["[[app]]\nsdkappid = 9\n".to_owned()].into_iter().chain(retired).collect::<String>();
    refused("o.toml", &many, "at most 1000 custom fields, retired ones included");
    let good = dir.path().join("good.toml");
    std::fs::write(&good, DOCUMENT).unwrap();
    let mistaken = |more: &[&str], code: i32, part: &str| {
        let output = binary().args(["dev", "--seed"]).arg(&good).args(more).output().unwrap();
        let why = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{why}");
        assert!(why.contains(part), "{why}");
    };
    mistaken(&["--sdkappid", "9"], 1, "--sdkappid: 9 is not in");
    mistaken(&["--data", "x"], 2, "cannot be used with");
    mistaken(&["--export-on-exit", "x.csv"], 1, "name ends in .jsonl");
}

fn set_field(app: &App<'_>, tag: &str, value: &serde_json::Value) -> u64 {
    let body = json!({"From_Account": "alice", "ProfileItem": [{"Tag": tag, "Value": value}]});
    app.code("portrait_set", &body.to_string())
}

/// Starts `dev` with arguments that it refuses, and returns what it says.
fn refused(args: &[&str]) -> String {
    let output = binary().args(["dev", "--key", KEY, "--listen", "127.0.0.1:0"]).args(args).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    error
}

#[test]
fn fields_and_words_are_given_on_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let words = dir.path().join("words.txt");
    std::fs::write(&words, "\u{feff}bad\r\n\r\n敏感\n").unwrap();
    let server = TestServer::dev_with(&[
        "--field",
        "VIP:string",
        "--field",
        "Tag_Profile_Custom_Score:uint64",
        "--words",
        words.to_str().unwrap(),
    ]);
    let app = server.dev_app();
    let check = |app: &App<'_>| {
        assert_eq!(set_field(app, "Tag_Profile_Custom_VIP", &json!("gold")), 0);
        assert_eq!(set_field(app, "Tag_Profile_Custom_Score", &json!(7)), 0);
        assert_eq!(set_field(app, "Tag_Profile_Custom_Score", &json!("7")), 40610);
        assert_eq!(set_field(app, "Tag_Profile_Custom_Test", &json!("as before")), 0);
        assert_eq!(set_field(app, "Tag_Profile_IM_Nick", &json!("很敏感的")), 40005);
    };
    check(&app);
    // They belong to the initial data.
    done(&server, "POST", "/reset", "");
    check(&app);
    let made = crate::emulator::Made::new(&server, "{}");
    assert_eq!(made.set("alice", "a bad name"), 40005);
}

#[test]
fn fields_and_words_are_added_to_a_seed_and_to_data() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (lines, document, words, data) = (path("s.jsonl"), path("s.toml"), path("words"), path("data"));
    std::fs::write(&lines, LINES.replace("Custom_Test", "Custom_VIP")).unwrap();
    std::fs::write(&document, DOCUMENT.replace("the-key", KEY)).unwrap();
    std::fs::write(&words, "worse\n").unwrap();
    // The accounts of a .jsonl file use the field.
    let server = TestServer::dev_with(&["--seed", &lines, "--field", "VIP:string"]);
    assert_eq!(get(&server.dev_app(), "emil", "Tag_Profile_Custom_VIP"), "e");
    // A document's app gets it too, and other words; the field that it has keeps its permissions.
    let args = ["--seed", &document, "--field", "Score:uint64", "--field", "VIP:bytes", "--words", &words];
    let server = TestServer::dev_with(&args);
    let (_, app) = server.admin("GET", "/apps/1400000007", "");
    let app: serde_json::Value = serde_json::from_str(&app).unwrap();
    let fields: Vec<_> =
        app["fields"].as_array().unwrap().iter().map(|field| field["keyword"].clone()).collect();
    assert_eq!((fields, &app["fields"][0]["write"]), (vec![json!("Score"), json!("VIP")], &json!(["admin"])));
    assert_eq!(server.admin("GET", "/apps/1400000007/words", "").1, "worse\n");
    let error = refused(&["--seed", &document, "--field", "Score:string"]);
    assert!(error.contains("of app 1400000007 has the type uint64; write Score:uint64"), "{error}");
    // With --data they stay.
    stop(TestServer::dev_with(&["--data", &data, "--field", "VIP:string", "--words", &words]));
    let server = TestServer::dev_with(&["--data", &data, "--field", "VIP:string"]);
    assert_eq!(set_field(&server.dev_app(), "Tag_Profile_Custom_VIP", &json!("gold")), 0);
    assert_eq!(set_field(&server.dev_app(), "Tag_Profile_IM_Nick", &json!("worse")), 40005);
    stop(server);
    let error = refused(&["--data", &data, "--field", "VIP:uint64"]);
    assert!(error.contains("has the type string; write VIP:string"), "{error}");
}

#[test]
fn mistakes_in_fields_and_words_are_named_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("words");
    let words = file.to_str().unwrap();
    let long = format!("ok\n{}\n", "x".repeat(201));
    let many = (0..21).map(|n| format!("--field={}:string", char::from(b'A' + n))).collect::<Vec<_>>();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases: [(&[u8], &[&str], &str, &str); 6] = [
        (b"", &["--field", "Level2:uint64"], "1 to 8 ASCII letters", "1 至 8 个英文字母"),
        (
            b"",
            &["--field", "VIP:int"],
            "the types are string, uint64 and bytes",
            "类型为 string、uint64 或 bytes",
        ),
        (b"", &many, "would have 22 custom fields; at most 20", "将有 22 个自定义字段，最多允许 20 个"),
        (
            b"",
            &["--words", "/nonexistent/words"],
            "can't read /nonexistent/words; name a file",
            "无法读取 /nonexistent/words",
        ),
        (
            long.as_bytes(),
            &["--words", words],
            "line 2: `xxxxxxxxxxxxxxxxxxxx…` has 201 bytes; a word has at most 200",
            "第 2 行：`xxxxxxxxxxxxxxxxxxxx…` 长度为 201 字节，一个敏感词最多 200",
        ),
        (b"a\n\xff\n", &["--words", words], "not UTF-8 (line 2)", "不是 UTF-8 编码（第 2 行）"),
    ];
    for (content, args, english, chinese) in cases {
        std::fs::write(&file, content).unwrap();
        for (language, part) in [("en", english), ("zh", chinese)] {
            let error = refused(&[args, &["--language", language]].concat());
            assert!(error.contains(part), "{args:?}: {error}");
        }
    }
}
