//! The log of a running server: refused calls by app and code, the access log, and what SIGHUP and the admin API change.

use crate::authorization::call_with;
use crate::harness::{TestServer, binary, path_of, post};
use crate::https::Secure;
use std::net::TcpStream;
use std::path::Path;

const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick"]}"#;

/// Waits for a line that a working server writes.
fn wait_for(server: &TestServer, text: &str) {
    while !server.log().contains(text) {
        assert!(TcpStream::connect(&server.address).is_ok(), "the server is gone:\n{}", server.log());
        std::thread::yield_now();
    }
}

fn lines(server: &TestServer, text: &str) -> Vec<String> {
    server.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

#[test]
fn refused_calls_are_counted_by_app_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = TestServer::serve(&folder.path().join("data"), "");
    let (one, two) = (server.app().id, server.app().id);
    let app = |id| crate::harness::App { server: &server, id };
    app(one).import("alice");
    for _ in 0..4 {
        assert_eq!(app(one).code("portrait_set", "{}"), 40001);
    }
    assert_eq!(app(two).code("account_import", r#"{"UserID":""}"#), 70402);
    let stranger = post(&format!("{}?sdkappid=7&identifier=bob&usersig=secret", path_of("kick")), "{}");
    for _ in 0..2 {
        assert_eq!(server.connect().exchange(&stranger).unwrap().code(), 70020);
    }
    assert_eq!(app(one).code("portrait_get", GET), 0);
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    // The most frequent first; of equals, those without an app.
    let lines = lines(&server, "calls were refused");
    let expected = [
        format!("sdkappid={one} code=40001 calls=4"),
        "calls were refused code=70020 calls=2".to_owned(),
        format!("sdkappid={two} code=70402 calls=1"),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(" INFO ") && line.ends_with(&expected), "{line}: {expected}");
    }
    for private in ["alice", "bob", "secret", "usersig"] {
        assert!(!server.log().contains(private), "{private}: {}", server.log());
    }
}

#[test]
fn the_access_log_is_off_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&folder.path().join("data"), "[log]\nfilter = \"trace\"\n");
    assert_eq!(server.app().code("portrait_get", GET), 0);
    assert!(lines(&server, "INFO access").is_empty(), "{}", server.log());
    assert!(!server.log().contains("identifier"), "{}", server.log());
}

/// What is between `name=` and the next space.
fn field(line: &str, name: &str) -> String {
    let (_, rest) = line.split_once(&format!(" {name}=")).unwrap_or_else(|| panic!("{name}: {line}"));
    rest.split(' ').next().unwrap().to_owned()
}

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\n[log]\nfilter = \"warn\"\naccess = true\n";
    let server = TestServer::serve(&folder.path().join("data"), config);
    let app = server.app();
    let request = |query: &str| {
        let target = format!("{}?{query}", path_of("portrait_get"));
        format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.7\r\nContent-Length: {}\r\n\r\n{GET}",
            GET.len()
        )
    };
    let mut connection = server.connect();
    let answers = [
        connection.exchange(request(&app.query("administrator")).as_bytes()).unwrap(),
        connection
            .exchange(request(&format!("sdkappid={}&identifier=a%0Ab&usersig=SECRET", app.id)).as_bytes())
            .unwrap(),
        server.connect().exchange(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap(),
        // As in the other lines: the first 200 characters.
        server
            .connect()
            .exchange(format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(300)).as_bytes())
            .unwrap(),
    ];
    let lines = lines(&server, "INFO access");
    assert_eq!(lines.len(), answers.len(), "{}", server.log());
    let id = app.id.to_string();
    let path = format!("\"{}\"", path_of("portrait_get"));
    let expected = [
        ("192.0.2.7", Some("\"administrator\""), "POST", path.as_str(), Some(id.as_str())),
        ("192.0.2.7", Some("\"a\\\\nb\""), "POST", &path, Some(&id)),
        ("127.0.0.1", None, "GET", "\"/nowhere\"", None),
        ("127.0.0.1", None, "GET", &format!("\"/{}…\"", "x".repeat(199)), None),
    ];
    for ((line, answer), (client, identifier, method, path, sdkappid)) in
        lines.iter().zip(&answers).zip(expected)
    {
        assert_eq!(field(line, "client"), client, "{line}");
        assert_eq!(
            (field(line, "method"), field(line, "path")),
            (method.to_owned(), path.to_owned()),
            "{line}"
        );
        assert_eq!(field(line, "code"), answer.code().to_string(), "{line}");
        assert_eq!(
            field(line, "request_id"),
            format!("\"{}\"", answer.header("x-request-id").unwrap()),
            "{line}"
        );
        match identifier {
            Some(identifier) => assert_eq!(field(line, "identifier"), identifier, "{line}"),
            None => assert!(!line.contains("identifier"), "{line}"),
        }
        match sdkappid {
            Some(app) => assert_eq!(field(line, "sdkappid"), app, "{line}"),
            None => assert!(!line.contains("sdkappid"), "{line}"),
        }
        assert!(field(line, "micros").parse::<u64>().is_ok(), "{line}");
    }
    assert!(!server.log().contains("SECRET") && !server.log().contains(&app.sign("administrator")));
}

#[test]
fn a_request_over_tls_is_one_line_too() {
    let secure = Secure::start("[log]\naccess = true\nformat = \"json\"\n");
    let (server, app) = (&secure.server, secure.create_app());
    let mut connection = secure.connect();
    for _ in 0..3 {
        assert_eq!(connection.exchange(&app.request("portrait_get", GET)).unwrap().code(), 0);
    }
    let lines: Vec<serde_json::Value> = lines(server, "\"message\":\"access\"")
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3, "{}", server.log());
    for line in lines {
        assert_eq!(
            (&line["client"], &line["identifier"], &line["code"]),
            (&"127.0.0.1".into(), &"administrator".into(), &0.into())
        );
    }
}

fn write(folder: &Path, log: &str) {
    // The file that the harness gave the server.
    std::fs::write(folder.join("data.toml"), log).unwrap();
}

#[test]
fn sighup_takes_up_what_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&folder.path().join("data"), "[log]\nfilter = \"info\"\n");
    let app = server.app();
    let debug_lines = || lines(&server, "DEBUG request ").len();
    let access_lines = || lines(&server, "INFO access ").len();
    let call = || assert_eq!(app.code("portrait_get", GET), 0);
    call();
    assert_eq!((debug_lines(), access_lines()), (0, 0));

    write(folder.path(), "[log]\nfilter = \"debug\"\naccess = true\n[server]\nrequests_max = 7\n");
    server.signal("-HUP");
    wait_for(&server, "the log changed filter=\"debug\" access=true");
    assert_eq!(
        lines(&server, "take effect at the next start: server.requests_max").len(),
        1,
        "{}",
        server.log()
    );
    call();
    assert_eq!((debug_lines(), access_lines()), (1, 1), "{}", server.log());

    // What can't be read changes nothing.
    write(folder.path(), "[log]\nfilter = \"loud\"\n");
    server.signal("-HUP");
    wait_for(&server, "the settings are kept, since they can't be read");
    assert!(server.log().contains("log.filter = \"loud\": `loud` is not a level"), "{}", server.log());
    call();
    assert_eq!((debug_lines(), access_lines()), (2, 2));

    write(folder.path(), "[log]\nfilter = \"info\"\n");
    server.signal("-HUP");
    wait_for(&server, "the log changed filter=\"info\" access=false");
    call();
    assert_eq!((debug_lines(), access_lines()), (2, 2));
}

#[test]
fn the_admin_api_changes_what_is_logged_until_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::serve(&data, "[log]\nfilter = \"info\"\n");
    let app = server.app();
    let counts = || {
        assert_eq!(app.code("portrait_get", GET), 0);
        (lines(&server, "DEBUG request ").len(), lines(&server, "INFO access ").len())
    };
    let change = |body: &str| server.admin("PATCH", "/log", body);
    let now = || server.admin("GET", "/log", "").1;
    assert_eq!((now(), counts()), (r#"{"filter":"info","access":false}"#.into(), (0, 0)));
    let answer = change(r#"{"filter":"debug"}"#);
    assert_eq!(answer, (200, r#"{"filter":"debug","access":false}"#.into()));
    assert_eq!(counts(), (1, 0), "{}", server.log());
    // What a change does not name stays; the access log is another switch.
    assert_eq!(change(r#"{"access":true}"#), (200, r#"{"filter":"debug","access":true}"#.into()));
    assert_eq!(counts(), (2, 1));
    assert_eq!(change("{}"), (200, now()));

    // The settings did not change, and are what counts after a SIGHUP.
    server.signal("-HUP");
    wait_for(&server, "the log changed filter=\"info\" access=false");
    assert_eq!((now(), counts()), (r#"{"filter":"info","access":false}"#.into(), (2, 1)));

    let (status, audit) = server.admin("GET", "/audit", "");
    let audit: serde_json::Value = serde_json::from_str(&audit).unwrap();
    let of_log = |entry: &&serde_json::Value| entry["resource"] == "/log" && entry["after"]["access"] == true;
    let entry = audit["entries"].as_array().unwrap().iter().find(of_log).unwrap();
    assert_eq!((status, &entry["before"]["access"], &entry["method"]), (200, &false.into(), &"PATCH".into()));
    assert!(entry["after"].get("filter").is_none(), "what stays is not in the entry: {entry}");
}

#[test]
fn a_filter_that_can_t_be_used_is_refused_with_the_levels() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = TestServer::serve(&data, "[log]\nfilter = \"warn\"\n");
    let long = format!(r#"{{"filter":"{}"}}"#, "a=info,".repeat(200));
    for (body, english) in [
        (
            r#"{"filter":"loud"}"#,
            "filter: `loud` is not a level; write `off`, `error`, `warn`, `info`, `debug` or `trace`",
        ),
        (r#"{"filter":"info,portraitd_http=much"}"#, "filter: `much` is not a level"),
        (long.as_str(), "filter: it has 1400 bytes; at most 1000 are allowed"),
        (r#"{"level":"debug"}"#, "unknown field `level`, expected `filter` or `access`"),
        (r#"{"access":"on"}"#, "expected a boolean"),
    ] {
        let (status, answer) = server.admin("PATCH", "/log", body);
        assert!(status == 400 && answer.contains(english), "{body}: {status} {answer}");
        assert_eq!(server.admin("GET", "/log", "").1, r#"{"filter":"warn","access":false}"#);
    }
    for (role, reads, changes) in [("viewer", 200, 403), ("operator", 200, 403), ("admin", 200, 200)] {
        let made = server.admin("POST", "/tokens", &format!(r#"{{"name":"{role}","role":"{role}"}}"#)).1;
        let token =
            serde_json::from_str::<serde_json::Value>(&made).unwrap()["token"].as_str().unwrap().to_owned();
        assert_eq!(call_with(&server, &token, "GET", "/admin/v1/log", "").0, reads, "{role}");
        assert_eq!(call_with(&server, &token, "PATCH", "/admin/v1/log", "{}").0, changes, "{role}");
    }

    // The command, also in Chinese; and without a server there is no log.
    let log = |more: &[&str]| {
        let output = binary().arg("log").args(more).arg("--data").arg(&data).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(printed).unwrap())
    };
    assert_eq!(log(&[]), (true, "filter = \"warn\"\naccess = false\n".into()));
    assert_eq!(log(&["off", "--access", "on"]), (true, "filter = \"off\"\naccess = true\n".into()));
    assert_eq!(log(&["--json"]), (true, "{\n  \"filter\": \"off\",\n  \"access\": true\n}\n".into()));
    let (done, said) = log(&["loud", "--language", "zh"]);
    assert!(!done && said.contains("filter：`loud` 不是日志级别"), "{said}");
    drop(server);
    let (done, said) = log(&["debug"]);
    assert!(!done && said.contains("only a running server has a log"), "{said}");
}
