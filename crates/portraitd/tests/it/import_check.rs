//! Imports that only check, and imports of CSV by the admin API: the same report, and nothing stored by a check.

use crate::harness::{Connection, TestServer};
use serde_json::{Value, json};

/// The answer to an import of a body of this type.
fn import(server: &TestServer, query: &str, kind: &str, body: &str) -> (u16, Value) {
    let (app, token, length) = (server.dev_app().id, &server.admin_token, body.len());
    let request = format!(
        "POST /admin/v1/apps/{app}/import{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = Connection::open(&server.admin_address).exchange(request.as_bytes()).unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

fn line(user: &str, nick: &str) -> String {
    json!({"UserID": user, "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]}).to_string() + "\n"
}

fn picture(server: &TestServer) -> (String, String) {
    let app = server.dev_app().id;
    (server.admin("GET", &format!("/apps/{app}/export"), "").1, server.admin("GET", "/store", "").1)
}

#[test]
fn a_check_reports_what_an_import_would_do_and_stores_nothing() {
    let server = TestServer::dev();
    let ok = |(status, answer): (u16, Value)| {
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let stored = line("old", "same") + &line("other", "before");
    ok(import(&server, "", "text/plain", &stored));
    let before = picture(&server);
    let body = [
        &line("new", "a"),
        &line("new", "b"),
        &line("old", "same"),
        &line("other", "after"),
        "not JSON\n",
        "\n",
        "{\"UserID\":\"bare\"}\n",
        &line("long", &"x".repeat(501)),
        &line("other", "before"),
    ]
    .concat();
    let checked = ok(import(&server, "?check=true&tell=true", "text/plain", &body));
    assert_eq!(picture(&server), before, "nothing was stored, not even in the audit log");
    assert_eq!(checked["imported"], 6);
    // `other` is as it was in the end.
    assert_eq!((&checked["created"], &checked["changed"]), (&json!(2), &json!(0)));
    let lines = checked["refused"].as_array().unwrap().iter().map(|refused| &refused["line"]);
    assert_eq!(lines.collect::<Vec<_>>(), [5, 8]);
    let changes = ok(import(&server, "?check=true", "text/plain", &line("other", "after")));
    assert_eq!((&changes["created"], &changes["changed"]), (&json!(0), &json!(1)));
    assert_eq!(picture(&server), before);

    let imported = ok(import(&server, "?check=false", "text/plain", &body));
    assert_eq!((&imported["imported"], &imported["refused"]), (&checked["imported"], &checked["refused"]));
    assert!(imported["created"].is_null() && imported["changed"].is_null(), "{imported}");

    // What the import refuses as a whole, the check refuses too.
    let too_many = line("a", "x").repeat(1002);
    for query in ["", "?check=true"] {
        let (status, answer) = import(&server, query, "text/plain", &too_many);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains("at most 1000"), "{answer}");
        let (status, _) = import(
            &server,
            &format!("{query}{}store=0", if query.is_empty() { "?" } else { "&" }),
            "text/plain",
            "",
        );
        assert_eq!(status, 400);
    }
    assert_eq!(ok(import(&server, "?check=true", "text/plain", ""))["imported"], 0);
}

#[test]
fn csv_is_imported_by_its_header() {
    let server = TestServer::dev();
    let csv = "\u{feff}UserID,Nick,Level\r\na,\"A, \"\"x\"\"\",7\r\n\r\n\"b\",\"two\nlines\",\r\nshort\r\nc,C,seven\r\n,nobody,1\r\nd,\r\ne,E,3\r\n";
    for (query, kind) in
        [("?check=true", "text/csv"), ("", "text/csv; charset=utf-8"), ("", "Text/CSV;header=present")]
    {
        let (status, answer) = import(&server, query, kind, csv);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["imported"], 3, "{answer}");
        let refused: Vec<_> = answer["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|refused| (refused["line"].as_u64().unwrap(), refused["reason"].as_str().unwrap()))
            .collect();
        let expected = [
            (6, "the row has 1 cells, and the header 3"),
            (7, "Tag_Profile_IM_Level: `seven` is not a number"),
            (8, "the UserID is empty"),
            (9, "the row has 2 cells, and the header 3"),
        ];
        for ((line, reason), (expected_line, part)) in refused.iter().zip(expected) {
            assert!(*line == expected_line && reason.contains(part), "{line}: {reason}");
        }
        assert_eq!(refused.len(), 4);
    }
    let (_, shown) = server.admin("GET", "/apps/1400000000/accounts/a", "");
    assert!(
        shown.contains(r#""Tag_Profile_IM_Nick":"A, \"x\"""#) && shown.contains(r#"Level":7"#),
        "{shown}"
    );
    let (_, shown) = server.admin("GET", "/apps/1400000000/accounts/b", "");
    assert!(shown.contains(r"two\nlines") && !shown.contains("Level"), "{shown}");
    for (body, part) in [
        ("", "must have one column UserID; it has 0"),
        ("Nick\nx\n", "must have one column UserID; it has 0"),
        ("UserID,Nope\na,x\n", "column `Nope`"),
        ("UserID,Nick,Tag_Profile_IM_Nick\na,x,y\n", "two columns"),
    ] {
        let (status, answer) = import(&server, "?check=true", "text/csv", body);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(part), "{answer}");
    }
    let rows = format!("UserID\n{}", "a\n".repeat(1001));
    let (status, answer) = import(&server, "", "text/csv", &rows);
    assert!(status == 400 && answer["error"].as_str().unwrap().contains("more than 1000 rows"), "{answer}");
    assert_eq!(import(&server, "", "text/csv", &rows[..rows.len() - 2]).1["imported"], 1000);
    // A body of any other type is lines of JSON.
    let (_, answer) = import(&server, "", "application/json", "UserID\na\n");
    assert_eq!(answer["refused"].as_array().unwrap().len(), 2);
}
