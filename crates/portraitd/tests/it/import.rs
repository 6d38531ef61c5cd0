//! Import of real files: truncated and blank lines, duplicates, unknown fields, CSV.

use crate::cli::{on, refused, run, stderr_of};
use crate::harness::{TestServer, binary};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// A served app with a custom field of each kind.
fn app(data: &Path) -> (TestServer, String) {
    let server = TestServer::serve(data, "");
    let id = {
        let app = server.app();
        app.put("/fields/Str", r#"{"type":"string","read":["app"],"write":["app"]}"#);
        app.put("/fields/Num", r#"{"type":"uint64","read":["app"],"write":["app"]}"#);
        app.id.to_string()
    };
    (server, id)
}

/// Line number and reason of what was refused.
fn refusals(file: &Path) -> Vec<(u64, String, String)> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (line["line"].as_u64().unwrap(), text("reason"), text("text"))
    });
    lines.collect()
}

#[test]
fn good_lines_are_stored_and_bad_ones_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (_server, id) = app(&data);
    let file = dir.path().join("mixed.jsonl");
    let mut text = Vec::new();
    text.extend_from_slice("\u{feff}{\"UserID\":\"a\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"first\"},{\"Tag\":\"Tag_Profile_IM_Level\",\"Value\":1}]}\r\n".as_bytes());
    text.extend_from_slice(b"\n   \n");
    text.extend_from_slice(
        br#"{"UserID":"b","ProfileItem":[{"Tag":"Tag_Profile_Custom_Nope","Value":"x"}]}"#,
    );
    text.extend_from_slice(b"\n{\"UserID\":\"c\"}\n");
    text.extend_from_slice(
        br#"{"UserID":"a","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"second"}]}"#,
    );
    text.extend_from_slice(b"\n\xff\xfe\n");
    text.extend_from_slice(format!("{{\"UserID\":\"{}\"}}\n", "x".repeat(2 << 20)).as_bytes());
    text.extend_from_slice(br#"{"UserID":"d","ProfileItem":[{"Tag":"Tag_Profile_IM_Ni"#);
    fs::write(&file, &text).unwrap();
    let output = on(&data, &["import", &id, "--json"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (name, expected) in
        [("complete", json!(true)), ("read", json!(7)), ("imported", json!(3)), ("refused", json!(4))]
    {
        assert_eq!(summary[name], expected, "{summary}");
    }
    let refused = refusals(&dir.path().join("mixed.jsonl.refused"));
    let lines: Vec<u64> = refused.iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [4, 7, 8, 9]);
    assert!(
        refused[0].1.contains("Tag_Profile_Custom_Nope") && refused[0].2.contains("\"b\""),
        "{refused:?}"
    );
    assert!(refused[1].1.contains("not UTF-8"), "{refused:?}");
    assert!(refused[2].1.contains("longer than 1048576 bytes") && refused[2].2.len() < 1000);
    assert!(refused[3].1.contains("EOF") && refused[3].2.ends_with("IM_Ni"), "{refused:?}");
    assert!(!dir.path().join("mixed.jsonl.progress").exists());
    let exported = run(&mut on(&data, &["export", &id]));
    assert_eq!(
        exported,
        "{\"UserID\":\"a\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"second\"},{\"Tag\":\"Tag_Profile_IM_Level\",\"Value\":1}]}\n\
         {\"UserID\":\"administrator\",\"ProfileItem\":[]}\n{\"UserID\":\"c\",\"ProfileItem\":[]}\n"
    );
    // What a run refused stays, whatever later ones do, and each of them has a file of its own.
    let (first, second) = (dir.path().join("mixed.jsonl.refused"), dir.path().join("mixed.jsonl.refused.2"));
    let before = fs::read(&first).unwrap();
    fs::write(&file, "{\"UserID\":\"e\"}\n").unwrap();
    run(on(&data, &["import", &id]).arg(&file));
    assert!(!second.exists());
    fs::write(&file, "{\"UserID\":\"f\"}\n{\"UserID\":7}\n").unwrap();
    let output = on(&data, &["import", &id]).arg(&file).output().unwrap();
    let told = stderr_of(&output);
    assert!(
        told.contains("mixed.jsonl.refused holds rows that an earlier run refused, and is kept"),
        "{told}"
    );
    assert!(told.contains("1 row refused: see") && told.contains("mixed.jsonl.refused.2"), "{told}");
    assert_eq!(refusals(&second)[0].0, 2);
    crate::cli::refused(on(&data, &["import", &id]).arg(&file), 1, "mixed.jsonl.refused.3");
    assert!(fs::read(&first).unwrap() == before);
}

#[test]
fn csv_is_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (server, id) = app(&data);
    let check = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        let summary = run(on(&data, &["import", &id]).arg(&file));
        assert!(summary.starts_with("1 row read: 1 imported, 0 refused"), "{name}: {summary}");
    };
    check("people.csv", "UserID,Nick\nnamed,A\n");
    check("PEOPLE.CSV", "UserID,Nick\nupper,A\n");
    check("people.txt", "Nick,UserID\nA,header\n");
    check("from excel", "\u{feff}\"UserID\",\"Nick\"\r\nquoted,A\r\n");
    // Lines, whatever the file is called.
    check("lines.csv", "{\"UserID\":\"lines\"}\n");
    let wrong = dir.path().join("semicolon.csv");
    fs::write(&wrong, "UserID;Nick\nsemicolon;A\n").unwrap();
    refused(on(&data, &["import", &id]).arg(&wrong), 1, "a comma stands between two columns");

    let mut command = binary();
    command.args(["import", &id, "-", "--admin-token", &server.admin_token]).current_dir(dir.path());
    command.arg("--admin-url").arg(format!("http://{}", server.admin_address));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"UserID,Nick\npiped,A\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.starts_with(b"1 row read: 1 imported"), "{output:?}");
    let listed = run(&mut on(&data, &["account", "list", &id]));
    assert_eq!(listed, "administrator\nheader\nlines\nnamed\npiped\nquoted\nupper\n");
}

/// Lines `from` to `to`, each of an account; `tag` is the field that each sets.
fn lines(from: usize, to: usize, tag: &str) -> String {
    (from..to).fold(String::new(), |text, n| {
        let item = json!({"Tag": tag, "Value": "x"});
        text + &json!({"UserID": format!("u{n:05}"), "ProfileItem": [item]}).to_string() + "\n"
    })
}

#[test]
fn a_thousand_refused_rows_in_a_row_stop_an_import() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (server, id) = app(&data);
    let file = dir.path().join("all.jsonl");
    let (good, later) = ("Tag_Profile_IM_Nick", "Tag_Profile_Custom_Later");
    let accounts = || run(&mut on(&data, &["export", &id])).lines().count() - 1;

    // From the first row on.
    fs::write(&file, lines(0, 5000, later)).unwrap();
    let output = on(&data, &["import", &id]).arg(&file).output().unwrap();
    let told = stderr_of(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains(
            "nothing was imported: 1000 rows in succession were refused, the first of them (line 1)"
        ) && told.contains(later)
            && told.contains("all.jsonl.refused")
            && told.contains("--keep-going"),
        "{told}"
    );
    assert!(output.stdout.starts_with(b"1000 rows read: 0 imported, 1000 refused"), "{output:?}");
    assert!(!dir.path().join("all.jsonl.progress").exists());
    assert_eq!(refusals(&dir.path().join("all.jsonl.refused")).len(), 1000);
    fs::remove_file(dir.path().join("all.jsonl.refused")).unwrap();

    // In the middle: 999 in a row are no reason, the thousandth is.
    let text = lines(0, 700, good)
        + &lines(700, 1699, later)
        + &lines(1699, 1801, good)
        + &lines(1801, 4000, later)
        + &lines(4000, 4200, good);
    fs::write(&file, text).unwrap();
    refused(on(&data, &["import", &id]).arg(&file), 1, "the first of them (line 1802)");
    assert_eq!(accounts(), 802);
    // The same command, once the cause is removed, tries those rows again, and each one only once.
    server.admin(
        "PUT",
        &format!("/apps/{id}/fields/Later"),
        r#"{"type":"string","read":["app"],"write":["app"]}"#,
    );
    let output = on(&data, &["import", &id]).arg(&file).output().unwrap();
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(
        summary.starts_with("4200 rows read, 1500 of them in an earlier run: 3400 imported, 800 refused"),
        "{output:?}"
    );
    assert_eq!(accounts(), 3400);
    let numbers: Vec<u64> =
        refusals(&dir.path().join("all.jsonl.refused")).iter().map(|(line, ..)| *line).collect();
    assert_eq!(numbers, (701..=1500).collect::<Vec<u64>>());
}

#[test]
fn an_import_can_go_past_refused_rows() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (_server, id) = app(&data);
    let file = dir.path().join("all.jsonl");
    fs::write(&file, lines(0, 2500, "Tag_Profile_Custom_Nope") + &lines(2500, 2600, "Tag_Profile_IM_Nick"))
        .unwrap();
    let output = on(&data, &["import", &id, "--keep-going"]).arg(&file).output().unwrap();
    assert!(output.stdout.starts_with(b"2600 rows read: 100 imported, 2500 refused"), "{output:?}");
    assert!(stderr_of(&output).contains("2500 rows refused"), "{output:?}");
}

#[test]
fn spreadsheets_are_imported() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (_server, id) = app(&data);
    let file = dir.path().join("sheet.csv");
    let import = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = on(&data, &["import", &id, "--csv"]);
        command.arg(&file);
        command
    };
    refused(&mut import("User,Nick\na,x\n"), 1, "column `User`");
    refused(&mut import("Nick\nx\n"), 1, "must have one column UserID; it has 0");
    refused(&mut import("UserID,Nick,UserID\na,x,b\n"), 1, "it has 2");
    refused(
        &mut import("UserID,Nick,Tag_Profile_IM_Nick\na,x,y\n"),
        1,
        "two columns of the header are Tag_Profile_IM_Nick",
    );
    refused(&mut import("UserID,Nope\na,x\n"), 1, "has no such field");
    refused(&mut import(&format!("UserID,Nick\na,\"{}", "x\n".repeat(3 << 20))), 1, "is a quote not closed?");
    assert_eq!(run(&mut on(&data, &["account", "list", &id])), "administrator\n", "nothing was imported");

    let text = "\u{feff}UserID,Nick,Level,Str,Tag_Profile_Custom_Num\n\
         a,\"A, with \"\"quotes\"\"\n and a line\",1,s,18446744073709551615\n\n\
         b,,,,\n\
         c,C,high,,\n\
         d,D\n\
         ,nobody,,,\n\
         a,,2,,\n";
    let mut rows = Vec::new();
    for text in [text.replace('\n', "\r\n"), text.to_owned()] {
        refused(&mut import(&text), 1, "3 rows refused");
        let file = dir.path().join("sheet.csv.refused");
        rows = refusals(&file);
        fs::remove_file(file).unwrap();
        let found: Vec<(u64, &str)> = rows.iter().map(|(line, _, text)| (*line, text.as_str())).collect();
        assert_eq!(found, [(6, "c,C,high,,"), (7, "d,D"), (8, ",nobody,,,")]);
    }
    let refused = rows;
    assert!(
        refused[0].1.contains("`high` is not a number") && refused[1].1.contains("2 cells"),
        "{refused:?}"
    );
    assert!(refused[2].1.contains("UserID is empty"), "{refused:?}");
    assert_eq!(
        run(&mut on(&data, &["export", &id])),
        "{\"UserID\":\"a\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"A, with \\\"quotes\\\"\\n and a line\"},{\"Tag\":\"Tag_Profile_IM_Level\",\"Value\":2},\
         {\"Tag\":\"Tag_Profile_Custom_Num\",\"Value\":18446744073709551615},{\"Tag\":\"Tag_Profile_Custom_Str\",\"Value\":\"s\"}]}\n\
         {\"UserID\":\"administrator\",\"ProfileItem\":[]}\n{\"UserID\":\"b\",\"ProfileItem\":[]}\n"
    );
}

#[test]
fn standard_input_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::dev();
    let mut command = binary();
    command.current_dir(dir.path()).args(["import", "1400000000", "-", "--admin-token", &server.admin_token]);
    command.arg("--admin-url").arg(format!("http://{}", server.admin_address));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for n in 0..1500 {
        writeln!(input, "{{\"UserID\":\"piped{n}\"}}").unwrap();
    }
    input.write_all(b"{\"UserID\":\"\"}\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("1501 rows read: 1500 imported, 1 refused"), "{said}");
    assert_eq!(refusals(&dir.path().join("stdin.refused"))[0].0, 1501);
}

#[test]
fn an_import_request_is_bounded_and_checked() {
    let server = TestServer::dev();
    let import = |app: &str, body: &str| server.admin("POST", &format!("/apps/{app}/import"), body);
    assert_eq!(import("7", "{}").0, 404);
    let (status, answer) = import("1400000000", &"{\"UserID\":\"a\"}\n".repeat(1002));
    assert!(status == 400 && answer.contains("at most 1000 are allowed"), "{answer}");
    assert_eq!(import("1400000000", "").1, r#"{"imported":0,"refused":[]}"#);
    let (status, page) = server.admin("GET", "/apps/1400000000/export?limit=2&after=alice", "");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((status, &page["next"]), (200, &json!("carol")));
    assert_eq!(page["accounts"].as_array().unwrap().len(), 2);
}
