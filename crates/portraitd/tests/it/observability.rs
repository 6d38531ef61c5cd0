//! Metrics, slow requests, probes, reloaded certificates.

use crate::harness::{Connection, TestServer, path_of, post};

const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;

fn metrics(server: &TestServer) -> String {
    let mut admin = Connection::open(&server.admin_address);
    admin.exchange(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap().body
}

/// The value of a sample.
fn sample(page: &str, name: &str) -> f64 {
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
