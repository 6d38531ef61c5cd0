//! Databases that can't be used: the message names the thing and the remedy. And one that comes and goes.

use super::nodes::{CONFIG, Place, wait_for};
use crate::harness::{App, TestServer};
use crate::webhook::nick_body;
use portraitd_test_support::galera::{self, Galera};
use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Starts a node that can't; checks that it ends by itself with code 1, and that its last words name all these.
fn assert_refused(place: &Place, what: &str, named: &[&str]) {
    let (mut node, began) = (Waiting::start(place), Instant::now());
    wait_for(&format!("it ends by itself: {what}"), Duration::from_secs(20), || {
        node.child.try_wait().unwrap().is_some()
    });
    let (code, said) = (node.child.wait().unwrap().code(), node.said());
    eprintln!("{what} ({} ms): {}", began.elapsed().as_millis(), said.trim());
    assert_eq!(code, Some(1), "{what}: {said}");
    for word in named {
        assert!(said.contains(word), "{what}: `{word}` is missing: {said}");
    }
}

#[test]
fn a_url_that_leads_nowhere_is_refused() {
    let Some(cluster) = galera::shared() else { return };
    let database = cluster.new_database();
    let url = cluster.url(&database);
    let (scheme, hosts) = (url.split(':').next().unwrap(), cluster.hosts().join(","));
    let user = cluster.state()["users"]["all"]["name"].as_str().unwrap().to_owned();
    let refused = |url: &str, what: &str, named: &[&str]| {
        assert_refused(&Place::without_tables(url, CONFIG), what, named);
    };

    refused(&url, "no tables", &["no tables", "portraitd store migrate"]);
    refused(
        &format!("{scheme}://{user}:wrong@{hosts}/{database}"),
        "a wrong password",
        &["Access denied for user", "store.url"],
    );
    refused(&cluster.url("portraitd_nowhere"), "no such database", &["portraitd_nowhere", "CREATE DATABASE"]);
    refused(&cluster.url("mysql"), "no right", &["Access denied", "'mysql'"]);
    let state = cluster.state();
    let other = state["other_ca"].as_str().unwrap();
    refused(&format!("{url}?tls=on&tls_ca={other}"), "another authority", &["certificate", "tls_ca"]);
    refused(&format!("{url}?tls=on"), "an authority that is not public", &["certificate", "tls_ca"]);
    refused(&format!("{url}?tls=on&tls_ca=/nowhere/ca.pem"), "no such file", &["/nowhere/ca.pem"]);
    let ca = state["ca"].as_str().unwrap();
    let by_name = url.replace("127.0.0.1", "localhost");
    refused(&format!("{by_name}?tls=on&tls_ca={ca}"), "another name", &["certificate", "localhost"]);
    // By the right authority it gets as far as without TLS.
    refused(&format!("{url}?tls=on&tls_ca={ca}"), "TLS", &["no tables"]);
}

#[test]
fn tables_of_another_version_are_refused() {
    let Some(cluster) = galera::shared() else { return };
    let database = cluster.new_database();
    let place = Place::at(&cluster.url(&database), CONFIG);
    let set = |format: u64| {
        let names = "('format', 'oldest_node')";
        let table = format!("{database}.portrait_meta");
        cluster.sql("all", 0, &format!("UPDATE {table} SET value = {format} WHERE name IN {names}"))
    };
    set(0);
    assert_refused(&place, "older", &["format 0", "older", "portraitd store migrate"]);
    set(999);
    assert_refused(&place, "newer", &["format 999", "newer", "too old"]);
    cluster.sql("all", 0, &format!("DELETE FROM {database}.portrait_meta WHERE name = 'format'"));
    assert_refused(&place, "half made", &["portraitd store migrate"]);
}

#[test]
fn a_database_that_may_lose_commits_is_refused() {
    let Some(cluster) = Galera::start("single", &[("GALERA_FLUSH", "0"), ("GALERA_TLS", "off")]) else {
        return;
    };
    let url = cluster.url(&cluster.new_database());
    assert_refused(
        &Place::without_tables(&format!("{url}?tls=on"), CONFIG),
        "no TLS there",
        &["TLS", "tls=off"],
    );
    assert_refused(
        &Place::at(&url, CONFIG),
        "not durable",
        &["innodb_flush_log_at_trx_commit is 0", "set it to 1"],
    );
}

/// A node that waits for its database. Dropped, it ends.
struct Waiting {
    child: Child,
    log: tempfile::NamedTempFile,
}

impl Waiting {
    fn start(place: &Place) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = place.serve("waiting");
        command
            .stdin(Stdio::null())
            .stdout(File::create(place.data("waiting.out")).unwrap())
            .stderr(log.reopen().unwrap());
        Self { child: command.spawn().unwrap(), log }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    fn must_wait(&mut self, named: &[&str]) {
        wait_for("it says what it waits for", Duration::from_secs(30), || {
            let said = self.said();
            named.iter().all(|word| said.contains(word))
        });
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.said());
    }

    /// SIGTERM ends it, though it waits.
    fn end(mut self) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
        wait_for("it ends when it is asked to", Duration::from_secs(10), || {
            self.child.try_wait().unwrap().is_some()
        });
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.said());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_code(app: &App<'_>, nick: &str) -> u64 {
    app.code("portrait_set", &nick_body("u", nick))
}

/// Calls until one is answered by `wanted`; returns the longest time that a call took, and the time until then.
fn call_until(app: &App<'_>, wanted: u64, limit: Duration) -> (Duration, Duration) {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    loop {
        let call = Instant::now();
        let code = set_code(app, &format!("{}", began.elapsed().as_nanos()));
        longest = longest.max(call.elapsed());
        assert!([0, 40006].contains(&code), "{code}");
        if code == wanted {
            return (longest, began.elapsed());
        }
        assert!(began.elapsed() < limit, "{code} for {} s", limit.as_secs());
    }
}

#[test]
fn a_node_waits_for_its_database_and_outlives_its_absence() {
    let Some(cluster) = Galera::start("single", &[]) else { return };
    let place = Place::new(&cluster, CONFIG);
    cluster.run(&["kill", "1"]);
    let mut waiting = Waiting::start(&place);
    waiting.must_wait(&["waiting for the database", &cluster.hosts()[0]]);
    waiting.end();
    let mut waiting = Waiting::start(&place);
    waiting.must_wait(&["waiting for the database"]);
    cluster.run(&["start", "1"]);
    let ready = || std::fs::read_to_string(place.data("waiting.out")).unwrap().contains("admin_url");
    wait_for("it serves as soon as the database is there", Duration::from_secs(30), ready);
    drop(waiting);

    let node: TestServer = place.node("a");
    let app = node.app();
    app.import("u");
    cluster.run(&["kill", "1"]);
    let (longest, _) = call_until(&app, 40006, Duration::from_secs(30));
    cluster.run(&["start", "1"]);
    let (_, back) = call_until(&app, 0, Duration::from_secs(30));
    eprintln!(
        "gone: 40006 after at most {} ms; back: {} ms after the database",
        longest.as_millis(),
        back.as_millis()
    );

    cluster.sql("admin", 0, "SET GLOBAL read_only = 1");
    call_until(&app, 40006, Duration::from_secs(30));
    let mut waiting = Waiting::start(&place);
    waiting.must_wait(&["waiting for the database", "read-only", "read_only"]);
    cluster.sql("admin", 0, "SET GLOBAL read_only = 0");
    call_until(&app, 0, Duration::from_secs(30));
    wait_for("it serves as soon as the database takes writes", Duration::from_secs(30), ready);
}
