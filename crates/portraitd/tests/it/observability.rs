//! Metrics, slow requests, probes, reloaded certificates.

use crate::harness::{Connection, TestServer, path_of, post};
use std::net::Ipv4Addr;

const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

pub(crate) fn metrics(server: &TestServer) -> String {
    let mut admin = Connection::open(&server.admin_address);
    admin.exchange(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap().body
}

/// The value of a sample.
pub(crate) fn sample(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{page}")).parse().unwrap()
}

#[test]
fn every_call_is_in_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&folder.path().join("data"), "");
    let app = server.app();
    app.import("alice");
    for _ in 0..5 {
        assert_eq!(app.code("portrait_set", SET), 0);
    }
    assert_eq!(app.code("portrait_set", "{}"), 40001);
    assert_eq!(server.connect().exchange(&post("/v4/nope", "{}")).unwrap().code(), 60009);
    let page = metrics(&server);
    for (name, value) in [
        ("portraitd_requests_total{command=\"portrait_set\",code=\"0\"}", 5.0),
        ("portraitd_requests_total{command=\"portrait_set\",code=\"40001\"}", 1.0),
        ("portraitd_requests_total{command=\"unknown\",code=\"60009\"}", 1.0),
        ("portraitd_request_seconds_count{command=\"portrait_set\"}", 6.0),
        ("portraitd_request_seconds_bucket{le=\"+Inf\",command=\"portrait_set\"}", 6.0),
        ("portraitd_store_failed_commits_total", 0.0),
        ("portraitd_connections_refused_total{listener=\"public\"}", 0.0),
        ("portraitd_store_waiting", 0.0),
    ] {
        assert!((sample(&page, name) - value).abs() < 0.5, "{name}: {}", sample(&page, name));
    }
    for name in ["portraitd_store_journal_bytes", "portraitd_store_journal_age_seconds"] {
        assert!(sample(&page, name) >= 0.0, "{name}");
    }
    for name in [
        "portraitd_store_commit_seconds_count",
        "portraitd_store_batch_changes_sum",
        "portraitd_store_wait_seconds_count",
        "portraitd_store_database_bytes",
        "portraitd_store_log_bytes",
        "portraitd_store_disk_free_bytes",
        "portraitd_store_disk_kept_bytes",
        "portraitd_usersig_lookups_total{result=\"miss\"}",
        "portraitd_connections{listener=\"admin\"}",
        "portraitd_connections_accepted_total{listener=\"public\"}",
    ] {
        assert!(sample(&page, name) > 0.5, "{name}: {}", sample(&page, name));
    }
}

#[test]
fn strangers_are_not_counted_as_slow_calls() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        TestServer::serve(&folder.path().join("data"), "[log]\nslow_request_ms = 500\nfilter = \"debug\"");
    // Refused at once; the rest of the body comes late, or never.
    for rest in ["{}{}", ""] {
        let mut stranger = server.connect();
        stranger.send(b"POST /v4/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n{}");
        // Not a wait for something to happen: the request is made slow.
        std::thread::sleep(std::time::Duration::from_millis(700));
        stranger.send(rest.as_bytes());
        assert_eq!(stranger.answer().unwrap().code(), 60009);
    }
    let log = server.log();
    assert!(log.contains("60009") && !log.contains("slow request"), "{log}");
    assert!((sample(&metrics(&server), "portraitd_slow_requests_total")).abs() < 0.5);
}

#[test]
fn what_strangers_send_is_cut_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&folder.path().join("data"), "[log]\nfilter = \"debug\"\naccess = true");
    let (long, get) = ("x".repeat(2_000), path_of("portrait_get"));
    let requests = [
        (format!("{long} {get}"), 60002),
        (format!("POST /v4/{long}"), 60009),
        (format!("POST {get}?sdkappid=1&identifier={long}&usersig={long}"), 70020),
    ];
    for (request, code) in &requests {
        let head =
            format!("{request} HTTP/1.1\r\nHost: {long}\r\n{long}: {long}\r\nContent-Length: 2\r\n\r\n{{}}");
        assert_eq!(server.connect().exchange(head.as_bytes()).unwrap().code(), *code);
    }
    let log = server.log();
    let of_requests = log.lines().filter(|line| line.contains("request_id=")).count();
    assert_eq!(of_requests, 2 * requests.len(), "each has two lines, one of them of the access log: {log}");
    assert!(log.contains("xxx…") && log.lines().all(|line| line.len() < 1_000), "{log}");
}

#[test]
fn admin_calls_without_a_token_are_logged_once_a_minute_for_each_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&folder.path().join("data"), "");
    for source in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 7, 7, 7)] {
        let mut stranger = Connection::open_from(source, &server.admin_address);
        for number in 0..50 {
            let headers =
                ["", "Authorization: Bearer wrong\r\n", "Sec-Fetch-Site: cross-site\r\n"][number % 3];
            let path = "x".repeat(4_000);
            let request = format!("GET /admin/v1/apps/{path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
            let status = stranger.exchange(request.as_bytes()).unwrap().status;
            assert!([401, 403, 429].contains(&status), "{status}");
        }
    }
    let log = server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("an admin call")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (line, address) in lines.iter().zip(["address=127.0.0.1", "address=127.7.7.7"]) {
        assert!(line.contains(address) && line.contains("refused=1") && line.len() < 600, "{line}");
    }
}

#[test]
fn slow_requests_are_logged_with_where_the_time_went() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::serve(&folder.path().join("data"), "[log]\nslow_request_ms = 50");
    let app = server.app();
    app.import("alice");
    // The server must have the head before the clock of the body can run; its "100 Continue" proves that it has.
    let mut connection = server.connect();
    let (target, length) = (format!("{}?{}", path_of("portrait_set"), app.query("administrator")), SET.len());
    connection.send(
        format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
    );
    assert!(connection.raw_head().unwrap().starts_with("HTTP/1.1 100"));
    // Not a wait for something to happen: the request is made slow.
    std::thread::sleep(std::time::Duration::from_millis(120));
    let answer = connection.exchange(SET.as_bytes()).unwrap();
    assert_eq!(answer.code(), 0);
    let (id, log) = (answer.header("x-request-id").unwrap(), server.log());
    let line = log.lines().find(|line| line.contains("slow request") && line.contains(id));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    let of = |name: &str| {
        let rest = line.split_once(&format!("{name}=")).unwrap().1;
        rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse::<u64>().unwrap()
    };
    assert!(of("body_ms") >= 50 && of("total_ms") >= of("body_ms"), "{line}");
    assert!(line.contains("auth_ms") && line.contains("store_ms") && !line.contains("usersig"), "{line}");
    assert!(sample(&metrics(&server), "portraitd_slow_requests_total") > 0.5);
}
