//! Export and import: an export that is imported and exported again is the same, and both continue where they stopped.

use crate::cli::{on, refused, run};
use crate::harness::{App, TestServer, binary};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Defines fields of each type and imports accounts with everything that is awkward; more than two pages.
fn fill(app: &App<'_>) {
    for (keyword, value_type) in [("Str", "string"), ("Num", "uint64"), ("Byt", "bytes"), ("Gone", "string")]
    {
        app.put(
            &format!("/fields/{keyword}"),
            &json!({"type": value_type, "read": ["admin"], "write": ["app"]}).to_string(),
        );
    }
    let mut lines = String::new();
    for n in 0..1200 {
        let line = json!({"UserID": format!("user {n}"), "ProfileItem": [
            {"Tag": "Tag_Profile_Custom_Num", "Value": u64::MAX - n},
            {"Tag": "Tag_Profile_IM_Nick", "Value": format!("第{n}\u{0}\"\\\n\u{2028}😀")},
            {"Tag": "Tag_Profile_IM_AdminForbidType", "Value": "AdminForbid_Type_SendOut"},
            {"Tag": "Tag_Profile_Custom_Gone", "Value": "stays"},
        ]});
        writeln!(lines, "{line}").unwrap();
        if n % 600 == 599 {
            import(app, &lines);
            lines.clear();
        }
    }
    let empty = json!({"UserID": "管理员_01", "ProfileItem": [{"Tag": "Tag_Profile_IM_Image", "Value": ""}]});
    import(app, &empty.to_string());
    let (status, answer) = app.server.admin("DELETE", &format!("/apps/{}/fields/Gone", app.id), "");
    assert_eq!(status, 200, "{answer}");
}

fn import(app: &App<'_>, lines: &str) {
    let (status, answer) = app.server.admin("POST", &format!("/apps/{}/import", app.id), lines);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, &answer["refused"]), (200, &json!([])), "{answer}");
}

/// The same app without accounts, in a data directory that nobody serves.
fn empty_copy(data: &Path, app: &str) {
    drop(TestServer::serve(data, ""));
    run(&mut on(data, &["app", "create", app]));
    for (keyword, value_type) in [("Str", "string"), ("Num", "uint64"), ("Byt", "bytes"), ("Gone", "string")]
    {
        run(&mut on(data, &["field", "define", app, keyword, "--type", value_type]));
    }
    run(&mut on(data, &["field", "remove", app, "Gone"]));
}

#[test]
fn what_is_exported_and_imported_exports_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    let app = server.app();
    fill(&app);
    let id = app.id.to_string();
    let first = dir.path().join("first.jsonl");
    let said = run(on(&data, &["export", &id]).arg(&first));
    assert!(said.starts_with("1202 accounts exported to"), "{said}");
    assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&first).unwrap();
    assert_eq!(run(&mut on(&data, &["export", &id])), text, "standard output has the same");
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1202);
    assert_eq!(lines[0], r#"{"UserID":"administrator","ProfileItem":[]}"#);
    assert_eq!(
        lines[1],
        r#"{"UserID":"user 0","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"第0\u0000\"\\\n"#
            .to_owned()
            + "\u{2028}😀"
            + r#""},{"Tag":"Tag_Profile_IM_AdminForbidType","Value":"AdminForbid_Type_SendOut"},{"Tag":"Tag_Profile_Custom_Gone","Value":"stays"},{"Tag":"Tag_Profile_Custom_Num","Value":18446744073709551615}]}"#
    );
    let users =
        |line: &&str| serde_json::from_str::<Value>(line).unwrap()["UserID"].as_str().unwrap().to_owned();
    assert!(lines.is_sorted_by_key(users));
    // Whatever the order of the lines, and whether a server runs or not.
    lines.reverse();
    let reversed = dir.path().join("reversed.jsonl");
    fs::write(&reversed, lines.join("\n")).unwrap();
    let other = dir.path().join("other");
    empty_copy(&other, &id);
    let said = run(on(&other, &["import", &id]).arg(&reversed));
    assert!(said.starts_with("1202 rows read: 1202 imported, 0 refused"), "{said}");
    let second = dir.path().join("second.jsonl");
    run(on(&other, &["export", &id]).arg(&second));
    assert!(fs::read(&second).unwrap() == text.as_bytes(), "{}", second.display());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_str().unwrap().contains("jsonl.")), "{left:?}");
}

#[test]
fn an_export_is_continued_after_its_last_whole_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::dev();
    let app = server.app();
    fill(&app);
    let (id, file) = (app.id.to_string(), dir.path().join("all.jsonl"));
    let export = |words: &[&str]| {
        let mut command = binary();
        command.args(["export", &id]).arg(&file).args(words).args(["--admin-token", &server.admin_token]);
        command.arg("--admin-url").arg(format!("http://{}", server.admin_address));
        command
    };
    run(&mut export(&[]));
    let whole = fs::read(&file).unwrap();
    let partial = dir.path().join("all.jsonl.partial");
    let (_, store) = server.admin("GET", "/store", "");
    let store: Value = serde_json::from_str(&store).unwrap();
    let origin = json!({"v": 1, "store": store["id"], "app": app.id, "user": null});
    let progress = dir.path().join("all.jsonl.partial.progress");
    for cut in [0, 1, 60, whole.len() / 2, whole.len() - 1, whole.len()] {
        fs::write(&partial, &whole[..cut]).unwrap();
        fs::write(&progress, origin.to_string()).unwrap();
        refused(&mut export(&[]), 1, "continue it with --resume, or delete it");
        run(&mut export(&["--resume"]));
        assert!(fs::read(&file).unwrap() == whole, "cut at {cut}");
        assert!(!partial.exists() && !progress.exists());
    }
    // A part of an export of one user alone is no part of all.
    fs::write(&partial, &whole[..60]).unwrap();
    fs::write(&progress, origin.to_string().replace("null", "\"user 1\"")).unwrap();
    refused(&mut export(&["--resume"]), 1, "is an export of other users");
    fs::remove_file(&partial).unwrap();
    let one = run(&mut export(&["--user", "管理员_01"]));
    assert!(one.starts_with("1 account exported"), "{one}");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "{\"UserID\":\"管理员_01\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Image\",\"Value\":\"\"}]}\n"
    );
    refused(&mut export(&["--user", "ghost"]), 1, "has no account ghost");
}

#[test]
fn an_operator_creates_sets_and_deletes_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = TestServer::serve(&data, "");
    let app = server.app();
    let id = app.id.to_string();
    app.put("/fields/Own", r#"{"type":"uint64","read":["app"],"write":["app"]}"#);
    app.put("/words", "bad");
    let account = |user: &str| format!("/apps/{id}/accounts/{user}");
    assert_eq!(server.admin("PUT", &account("neu"), "").0, 201);
    assert_eq!(server.admin("PUT", &account("neu"), "").0, 200);
    assert_eq!(server.admin("PUT", &account(&"x".repeat(33)), "").0, 400);
    let profile = format!("{}/profile", account("neu"));
    let (status, answer) = server.admin(
        "PATCH",
        &profile,
        r#"{"Tag_Profile_IM_Nick":"so bad","Tag_Profile_Custom_Own":18446744073709551615,"Tag_Profile_IM_AdminForbidType":"AdminForbid_Type_SendOut"}"#,
    );
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["profile"]["Tag_Profile_Custom_Own"], json!(u64::MAX));
    assert_eq!(answer["profile"]["Tag_Profile_IM_Nick"], "so bad");
    for (body, part) in [
        ("{}", "at least one tag"),
        ("[]", "an object of tags and values"),
        (r#"{"Nope":1}"#, "Nope"),
        (r#"{"Tag_Profile_IM_Level":"1"}"#, "a number from 0 to 4294967295"),
        (r#"{"Tag_Profile_IM_Level":null}"#, "a string or a number"),
    ] {
        let (status, answer) = server.admin("PATCH", &profile, body);
        assert!(status == 400 && answer.contains(part), "{status} {answer}");
    }
    let ghost = format!("{}/profile", account("ghost"));
    assert_eq!(server.admin("PATCH", &ghost, r#"{"Tag_Profile_IM_Level":1}"#).0, 404);
    assert_eq!(server.admin("DELETE", &account("neu"), "").0, 204);
    assert_eq!(server.admin("DELETE", &account("neu"), "").0, 404);
    assert_eq!(server.admin("GET", &account("neu"), "").0, 404);

    run(&mut on(&data, &["account", "create", &id, "运营"]));
    assert_eq!(
        run(&mut on(&data, &["account", "set", &id, "运营", "Nick=bad", "Level=3", "Own:=7"])),
        "OK\n"
    );
    let shown = run(&mut on(&data, &["account", "get", &id, "运营"]));
    assert!(shown.contains("\"bad\"") && shown.contains(" 7"), "{shown}");
    run(&mut on(&data, &["account", "delete", &id, "运营"]));
    refused(&mut on(&data, &["account", "get", &id, "运营"]), 1, "has no account 运营");
    refused(
        &mut on(&data, &["account", "delete", &id, "administrator"]),
        1,
        "remove it from the admins first",
    );
}
