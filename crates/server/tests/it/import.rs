//! Import of what people have: cut lines, blank ones, doubles, unknown fields, spreadsheets.

use crate::cli::{on, refused, run};
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
    // A second run knows nothing of what the first one refused.
    fs::write(&file, "{\"UserID\":\"e\"}\n").unwrap();
    run(on(&data, &["import", &id]).arg(&file));
    assert!(!dir.path().join("mixed.jsonl.refused").exists());
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
    refused(&mut import("Nick\nx\n"), 1, "needs one column UserID; it has 0");
    refused(&mut import("UserID,Nick,UserID\na,x,b\n"), 1, "it has 2");
    refused(
        &mut import("UserID,Nick,Tag_Profile_IM_Nick\na,x,y\n"),
        1,
        "two columns are Tag_Profile_IM_Nick",
    );
    refused(&mut import("UserID,Nope\na,x\n"), 1, "has no such field");
    refused(&mut import(&format!("UserID,Nick\na,\"{}", "x\n".repeat(3 << 20))), 1, "is a quote not closed?");
    assert_eq!(run(&mut on(&data, &["account", "list", &id])), "administrator\n", "nothing was imported");

    let mut sheet = import(
        "\u{feff}UserID,Nick,Level,Str,Tag_Profile_Custom_Num\n\
         a,\"A, with \"\"quotes\"\"\n and a line\",1,s,18446744073709551615\n\n\
         b,,,,\n\
         c,C,high,,\n\
         d,D\n\
         ,nobody,,,\n\
         a,,2,,\n",
    );
    refused(&mut sheet, 1, "3 rows were refused");
    let refused = refusals(&dir.path().join("sheet.csv.refused"));
    let found: Vec<(u64, &str)> = refused.iter().map(|(line, _, text)| (*line, text.as_str())).collect();
    assert_eq!(found, [(6, "c,C,high,,"), (7, "d,D"), (8, ",nobody,,,")]);
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
    assert!(status == 400 && answer.contains("at most 1000 lines"), "{answer}");
    assert_eq!(import("1400000000", "").1, r#"{"imported":0,"refused":[]}"#);
    let (status, page) = server.admin("GET", "/apps/1400000000/export?limit=2&after=alice", "");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((status, &page["next"]), (200, &json!("carol")));
    assert_eq!(page["accounts"].as_array().unwrap().len(), 2);
}
