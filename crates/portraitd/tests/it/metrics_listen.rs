//! `server.metrics_listen`: the metrics and the probes alone, in both text formats, under limits of their own.

use crate::harness::{Answer, Connection, TestServer, binary};
use crate::routes::{Listener, routes};
use std::io::Write;
use std::process::{Command, Stdio};

/// A server with a listener for metrics, and where that is.
pub(crate) fn start(folder: &tempfile::TempDir, more: &str) -> (TestServer, String) {
    let config = format!("[server]\nmetrics_listen = \"127.0.0.1:0\"\n{more}");
    let server = TestServer::serve(&folder.path().join("data"), &config);
    let url = server.ready["metrics_urls"][0].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap().to_owned();
    (server, address)
}

pub(crate) fn ask(address: &str, line: &str, headers: &str) -> Answer {
    let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    Connection::open(address).exchange(request.as_bytes()).unwrap()
}

/// What `promtool check metrics` says of a page.
fn lint(page: &str) -> (bool, String) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("promtool (Debian's prometheus): {error}"));
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said)
}

#[test]
fn the_listener_has_the_metrics_and_the_probes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    for (path, start) in [("/healthz", "ok\n"), ("/readyz", "ok\n"), ("/metrics", "# HELP portraitd_build ")]
    {
        let answer = ask(&address, &format!("GET {path}"), "");
        assert!(answer.status == 200 && answer.body.starts_with(start), "{path}: {answer:?}");
    }
    assert!(server.log().contains(&format!("metrics_url=\"http://{address}\"")), "{}", server.log());
    let token = format!("Authorization: Bearer {}\r\n", server.admin_token);
    let (mut asked, open) = (0, ["/healthz", "/readyz", "/metrics"]);
    for route in routes().into_iter().filter(|route| !open.contains(&route.path.as_str())) {
        let path = route.path.replace(['{', '}'], "");
        let answer = ask(&address, &format!("{} {path}", route.method), &token);
        assert_eq!(answer.status, 404, "{} {path}: {answer:?}", route.method);
        asked += usize::from(route.listener == Listener::Admin);
    }
    assert!(asked > 40, "{asked}");
    for path in ["/", "/console/", "/metrics/", "/openapi.json", "/v4/profile/portrait_get?sdkappid=1"] {
        assert_eq!(ask(&address, &format!("GET {path}"), &token).status, 404, "{path}");
    }
    assert_eq!(ask(&address, "POST /metrics", "").status, 405);
}

#[test]
fn the_format_is_the_one_that_accept_names() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    server.app().import("alice");
    for place in [&address, &server.admin_address] {
        let text = ask(place, "GET /metrics", "");
        assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
        let open = ask(place, "GET /metrics", accept);
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(open.header("content-type"), Some(kind));
        assert!(open.body.ends_with("# EOF\n") && !text.body.contains("# EOF"));
        assert!(text.body.contains("# TYPE portraitd_requests_total counter\n"), "{}", text.body);
        assert!(open.body.contains("# TYPE portraitd_requests counter\n"), "{}", open.body);
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    server.app().import("alice");
    let page = ask(&address, "GET /metrics", "").body;
    assert_eq!(lint(&page), (true, String::new()));
    // It would have.
    let (is_fine, said) = lint(&page.replace("process_cpu_seconds_total", "process_cpu_millis"));
    assert!(!is_fine && said.contains("process_cpu_millis"), "{said}");
}

#[test]
fn the_process_and_the_accounts_of_each_app_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    let (one, two) = (server.app(), server.app());
    for user in ["alice", "bob", "carol"] {
        one.import(user);
    }
    two.import("alice");
    let page = || ask(&address, "GET /metrics", "").body;
    let sample = |page: &str, name: &str| {
        let line =
            page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        line.unwrap_or_else(|| panic!("{name} is not in\n{page}"))
    };
    let first = page();
    // An app has its admin, too.
    for (app, accounts) in [(one.id, 4.0), (two.id, 2.0)] {
        let found = sample(&first, &format!("portraitd_accounts{{sdkappid=\"{app}\"}}"));
        assert!((found - accounts).abs() < 0.1, "{app}: {found}");
    }
    let resident = sample(&first, "process_resident_memory_bytes");
    assert!(resident > 1e6 && sample(&first, "process_virtual_memory_bytes") > resident, "{first}");
    let now = f64::from(u32::try_from(crate::usersig::now()).unwrap());
    let age = now - sample(&first, "process_start_time_seconds");
    assert!((-2.0..600.0).contains(&age), "{age}");
    let held: Vec<_> = (0..64).map(|_| server.connect()).collect();
    // They are open once the server counts them.
    let second = std::iter::repeat_with(page)
        .find(|page| sample(page, "portraitd_connections{listener=\"public\"}") > 63.5)
        .unwrap();
    let opened = sample(&second, "process_open_fds") - sample(&first, "process_open_fds");
    // Connections of this test from before the first page may have closed.
    assert!(opened > 48.0, "{opened}");
    assert!(sample(&second, "process_max_fds") > sample(&second, "process_open_fds"));
    drop(held);
    let cpu = "process_cpu_seconds_total";
    assert!(sample(&second, cpu) >= sample(&first, cpu));
    assert!(std::iter::repeat_with(page).any(|page| sample(&page, cpu) > sample(&first, cpu)));
}

#[test]
fn its_connections_have_limits_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (server, address) = start(&folder, "");
    let mut held: Vec<_> = (0..32).map(|_| Connection::open(&address)).collect();
    for connection in &mut held {
        let answer = connection.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(answer.status, 200);
    }
    assert!(Connection::open(&address).is_closed(), "32 from one address");
    // Operators and callers still get in.
    let page = ask(&server.admin_address, "GET /metrics", "").body;
    assert!(page.contains("portraitd_connections{listener=\"metrics\"} 32\n"), "{page}");
    assert!(page.contains("portraitd_connections_refused_total{listener=\"metrics\"} 1\n"), "{page}");
    assert_eq!(server.admin("GET", "/apps", "").0, 200);
    drop(held);
}

#[test]
fn every_layer_of_the_settings_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |alter: &dyn Fn(&mut Command)| {
        let mut command = binary();
        command.args(["config", "show"]);
        alter(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find(|line| line.contains("metrics_listen")).unwrap().to_owned()
    };
    let file = folder.path().join("portraitd.toml");
    std::fs::write(&file, "[server]\nmetrics_listen = \"127.0.0.1:9001\"\n").unwrap();
    assert!(shown(&|_| {}).ends_with("# not set"));
    let of_file = |command: &mut Command| {
        command.arg("--config").arg(&file);
    };
    let line = shown(&of_file);
    assert!(line.contains("= \"127.0.0.1:9001\"") && line.ends_with(":2"), "{line}");
    let of_variable = |command: &mut Command| {
        of_file(command);
        command.env("PORTRAITD_SERVER_METRICS_LISTEN", "[\"127.0.0.1:9002\", \"unix:/run/m.sock\"]");
    };
    let line = shown(&of_variable);
    assert!(line.contains("[\"127.0.0.1:9002\", \"unix:/run/m.sock\"]"), "{line}");
    let line = shown(&|command| {
        of_variable(command);
        command.args(["--metrics-listen", "http://127.0.0.1:9003"]);
    });
    assert!(line.contains("\"http://127.0.0.1:9003\"") && line.ends_with("# --metrics-listen"), "{line}");
}

#[test]
fn an_address_that_another_listener_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portraitd.toml");
    for (address, reason) in [
        (
            "127.0.0.1:8081",
            "127.0.0.1:8081 can't be opened beside server.admin_listen = 127.0.0.1:8081; give one of them another port",
        ),
        ("https://0.0.0.0:1", "https://0.0.0.0:1 needs a certificate; set tls.admin_certificate and its key"),
        ("localhost", "`localhost`: invalid socket address syntax; write an IP address and a port"),
    ] {
        std::fs::write(&file, format!("[server]\nmetrics_listen = \"{address}\"\n")).unwrap();
        let output = binary().args(["config", "check"]).arg(&file).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success()
                && said.contains(&format!("server.metrics_listen = \"{address}\": {reason}")),
            "{said}"
        );
    }
}

#[test]
fn it_speaks_tls_with_the_admin_certificate() {
    let folder = tempfile::tempdir().unwrap();
    crate::tls::Authority::new("metrics").certificate("localhost").write(folder.path(), "admin");
    let at = folder.path().display();
    let more = format!("[tls]\nadmin_certificate = \"{at}/admin.pem\"\nadmin_key = \"{at}/admin.key\"\n");
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\nmetrics_listen = [\"127.0.0.1:0\", \"http://127.0.0.1:0\"]\n{more}"
    );
    let server = TestServer::serve_where_configured(&folder.path().join("data"), &config);
    let urls: Vec<_> =
        server.ready["metrics_urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
    let [encrypted, plain] = urls[..] else { panic!("{urls:?}") };
    let plain = plain.strip_prefix("http://").unwrap();
    assert_eq!(ask(plain, "GET /metrics", "").status, 200);
    let encrypted = encrypted.strip_prefix("https://").unwrap();
    let refused = ask(encrypted, "GET /metrics", "");
    assert!(refused.status == 400 && refused.body.contains("tls_only"), "{refused:?}");
}
