//! What operators use, on several nodes: the console's sign-ins, usage, readiness, metrics, doctor; and what only a data
//! directory can do, which says what to do instead.

use super::nodes::{CONFIG, Place, at, until, wait_for};
use crate::authorization::{call_with, create_token};
use crate::harness::{Connection, TestServer, binary};
use portraitd_test_support::galera::{self, Galera};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// What is promised of what one node changes.
const PROMISE: Duration = Duration::from_secs(2);

fn made(node: &TestServer, secret: &str, path: &str, member: &str) -> String {
    let (status, answer) = call_with(node, secret, "POST", &format!("/admin/v1/{path}"), "");
    assert!(status < 300, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()[member].as_str().unwrap().to_owned()
}

fn status_of(node: &TestServer, secret: &str) -> u16 {
    call_with(node, secret, "GET", "/admin/v1/session", "").0
}

#[test]
fn a_sign_in_holds_on_every_node_and_ends_on_all() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let token = create_token(&one, "ci");
    // Not asked again and again: an address that sends ten wrong tokens is not looked at for a while.
    std::thread::sleep(PROMISE);
    assert_eq!(status_of(&other, &token), 200);

    let session = made(&one, &token, "session", "session");
    assert_eq!([&one, &other].map(|node| status_of(node, &session)), [200, 200]);
    let (_, shown) = call_with(&other, &session, "GET", "/admin/v1/session", "");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["who"], &shown["node"]["live"]), (&json!("ci"), &json!(2)), "{shown}");
    assert!(shown["node"]["name"].as_str().unwrap().contains("127.0.0.1"), "{shown}");

    // A ticket opens one session, at whichever node.
    let ticket = made(&one, &session, "login-link", "ticket");
    let by_link = made(&other, &ticket, "session", "session");
    assert_eq!([&one, &other].map(|node| status_of(node, &ticket)), [401, 401]);
    // Also when both are asked at the same moment.
    for _ in 0..2 {
        let ticket = made(&one, &session, "login-link", "ticket");
        let used = std::thread::scope(|scope| {
            let calls = [&one, &other].map(|node| scope.spawn(|| status_of(node, &ticket)));
            calls.map(|call| call.join().unwrap())
        });
        assert!(matches!(used, [200, 401] | [401, 200]), "{used:?}");
    }

    // Signed out at one node, it is out on both at once.
    assert_eq!(call_with(&other, &session, "DELETE", "/admin/v1/session", "").0, 204);
    assert_eq!([&one, &other].map(|node| status_of(node, &session)), [401, 401]);
    assert_eq!([&one, &other].map(|node| status_of(node, &by_link)), [200, 200]);
    // A revoked token takes its sessions along. Nodes of their own: these have seen enough wrong secrets of this address.
    drop((one, other));
    let (one, other) = (place.node("a"), place.node("b"));
    let unused = made(&one, &by_link, "login-link", "ticket");
    assert_eq!(one.admin("DELETE", "/tokens/ci", "").0, 204);
    for secret in [&by_link, &unused] {
        assert_eq!([&one, &other].map(|node| status_of(node, secret)), [401, 401]);
    }
    std::thread::sleep(PROMISE);
    assert_eq!(status_of(&other, &token), 401);
    for wrong in ["ps_", "pl_", "ps_00", "pl_' OR 1"] {
        assert_eq!(status_of(&one, wrong), 401, "{wrong}");
    }
}

#[test]
fn usage_is_the_sum_of_all_nodes() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let (one, other) = (place.node("a"), place.node("b"));
    let here = one.app();
    here.import("u");
    let there = at(&other, &here);
    let check = r#"{"CheckItem":[{"UserID":"u"}]}"#;
    until("the app is known there", PROMISE, || there.code("account_check", check) == 0);
    for _ in 0..7 {
        assert_eq!(here.code("account_check", "{}"), 70402);
        assert_eq!(there.code("account_check", "{}"), 70402);
    }
    let usage = |node: &TestServer| -> Value {
        let (status, answer) = node.admin("GET", &format!("/apps/{}/usage", here.id), "");
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    };
    let counted = |usage: &Value| usage["calls"]["account_check"]["70402"].as_u64();
    for node in [&one, &other] {
        wait_for("the calls of both are added", Duration::from_secs(30), || {
            counted(&usage(node)) == Some(14)
        });
        assert_eq!(usage(node)["nodes"], 2);
        assert!(usage(node)["last_call_ms"].as_u64() > Some(0));
    }
    // Figures with a past are of the node that is asked, and name it.
    for node in [&one, &other] {
        let (_, answer) = node.admin("GET", "/series", "");
        let series: Value = serde_json::from_str(&answer).unwrap();
        let name = series["node"].as_str().unwrap();
        assert!(name.contains("127.0.0.1"), "{name}");
    }
    // A node that ends leaves its last calls behind.
    assert_eq!(there.code("account_check", "{}"), 70402);
    other.signal("-TERM");
    wait_for("its last call is added", Duration::from_secs(30), || counted(&usage(&one)) == Some(15));
    let (_, page) = get(&one, "/metrics");
    for line in ["portraitd_nodes_live ", "portraitd_node_parts ", "portraitd_database_up{host=\"127.0.0.1:"]
    {
        assert!(page.lines().any(|found| found.starts_with(line)), "{line}: {page}");
    }
}

fn get(node: &TestServer, path: &str) -> (u16, String) {
    let address = &node.admin_address;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let answer = Connection::open(address).exchange(request.as_bytes()).unwrap();
    (answer.status, answer.body)
}

/// A pause of the database shorter than what a failover takes shows nowhere; a longer one takes the node out, and it comes back
/// by itself.
#[test]
fn a_node_is_not_ready_when_its_database_is_away_for_long() {
    let Some(cluster) = Galera::start("single", &[]) else { return };
    let place = Place::new(&cluster, CONFIG);
    let node = place.node("a");
    assert_eq!(get(&node, "/readyz").0, 200);
    cluster.run(&["kill", "1"]);
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(3) {
        let (status, answer) = get(&node, "/readyz");
        assert!(
            status == 200 || gone.elapsed() >= Duration::from_secs(3),
            "after {:?}: {answer}",
            gone.elapsed()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_for("it is not ready any more", Duration::from_mins(1), || get(&node, "/readyz").0 == 503);
    let (_, answer) = get(&node, "/readyz");
    assert!(answer.contains("the database can't be used for"), "{answer}");
    cluster.run(&["start", "1"]);
    wait_for("it is ready again", Duration::from_mins(1), || get(&node, "/readyz").0 == 200);
    cluster.sql("admin", 0, "SET GLOBAL read_only = 1");
    wait_for("read-only", Duration::from_mins(1), || get(&node, "/readyz").0 == 503);
    let (_, answer) = get(&node, "/readyz");
    assert!(answer.contains("read_only = 0"), "it names the remedy: {answer}");
    cluster.sql("admin", 0, "SET GLOBAL read_only = 0");
    wait_for("it takes writes again", Duration::from_mins(1), || get(&node, "/readyz").0 == 200);
}

/// A later format that only adds, as an upgrade from node to node needs it; and one that nodes of this version can't use, which
/// takes them out at once.
#[test]
fn a_node_goes_on_when_the_tables_get_a_later_format_that_only_adds() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let node = place.node("a");
    let app = node.app();
    app.import("u");
    let set = |name: &str, value: u64| {
        let table = format!("{}.portrait_meta", place.database());
        cluster.sql("all", 0, &format!("UPDATE {table} SET value = {value} WHERE name = '{name}'"));
    };
    set("format", 2);
    // Longer than until a node looks at the format again.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        assert_eq!(get(&node, "/readyz"), (200, "ok\n".into()));
        app.import("u");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(node);
    let node = place.node("a");
    assert_eq!(get(&node, "/readyz").0, 200, "a node of this version starts, too");
    set("oldest_node", 2);
    wait_for("a format that it can't use", Duration::from_mins(1), || get(&node, "/readyz").0 == 503);
    let (_, answer) = get(&node, "/readyz");
    assert!(answer.contains("the tables have format 2, newer than 1"), "{answer}");
    set("oldest_node", 1);
    wait_for("the format is back", Duration::from_mins(1), || get(&node, "/readyz").0 == 200);
    set("format", 0);
    wait_for("an older format", Duration::from_mins(1), || get(&node, "/readyz").0 == 503);
    assert!(get(&node, "/readyz").1.contains("store migrate"));
}

#[test]
fn a_node_whose_clock_is_wrong_does_not_become_ready() {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    let Some(cluster) = galera::shared() else { return };
    assert!(Path::new(library).exists(), "the package libfaketime is missing; scripts/test installs it");
    let place = Place::new(&cluster, CONFIG);
    let dir = tempfile::tempdir().unwrap();
    let offset = dir.path().join("offset");
    std::fs::write(&offset, "+0s\n").unwrap();
    let node = place.altered_node("a", |command| {
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &offset)
            .env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    });
    assert_eq!(get(&node, "/readyz").0, 200);
    std::fs::write(&offset, "+5s\n").unwrap();
    wait_for("its clock is noticed", Duration::from_mins(1), || get(&node, "/readyz").0 == 503);
    assert!(get(&node, "/readyz").1.contains("clock"));
    std::fs::write(&offset, "+0s\n").unwrap();
    wait_for("its clock is right again", Duration::from_mins(1), || get(&node, "/readyz").0 == 200);
}

fn doctor(url: &str) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = binary();
    command
        .args(["doctor", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(dir.path());
    let output = command.env("PORTRAITD_STORE_URL", url).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn finds(url: &str, named: &[&str]) {
    let (good, said) = doctor(url);
    assert!(!good, "{said}");
    for word in named {
        assert!(said.contains(word), "`{word}` is missing: {said}");
    }
}

#[test]
fn doctor_knows_the_database() {
    let Some(cluster) = galera::shared() else { return };
    let (state, hosts, database) = (cluster.state(), cluster.hosts(), cluster.new_database());
    let url = cluster.url(&database);
    finds(&url, &["no tables", "portraitd store migrate"]);
    let place = Place::at(&url, CONFIG);
    let (good, said) = doctor(&url);
    assert!(good && hosts.iter().all(|host| said.contains(&format!("{host} can be used"))), "{said}");
    // One host that is away is a warning: another would serve.
    let (good, said) = doctor(&cluster.url_by(&["127.0.0.1:1".into(), hosts[1].clone()], &database));
    assert!(good && said.contains("warn") && said.contains("127.0.0.1:1"), "{said}");
    finds(&cluster.url_by(&["127.0.0.1:1".into()], &database), &["BAD", "start it"]);
    finds(&cluster.url("portraitd_nowhere"), &["create the database"]);
    let user = state["users"]["all"]["name"].as_str().unwrap();
    finds(&format!("mysql://{user}:wrong@{}/{database}", hosts[0]), &["correct user or password"]);
    // Users who may read and write the tables, only read them, or nothing.
    let limited = &state["users"]["limited"];
    let (name, password) = (limited["name"].as_str().unwrap(), limited["password"].as_str().unwrap());
    let by = |name: &str, password: &str| format!("mysql://{name}:{password}@{}/{database}", hosts.join(","));
    finds(&by(name, password), &["(error 1044)", "grant the user rights"]);
    for rights in ["SELECT, INSERT, UPDATE, DELETE", "SELECT, UPDATE, DELETE", "SELECT"] {
        let user = format!("{database}_{}", rights.len());
        cluster.sql(
            "admin",
            0,
            &format!(
                "CREATE USER '{user}'@'%' IDENTIFIED BY 'p'; GRANT {rights} ON {database}.* TO '{user}'@'%'"
            ),
        );
        let (good, said) = doctor(&by(&user, "p"));
        assert_eq!(good, rights.contains("INSERT"), "{said}");
        assert!(good || said.contains("the user needs SELECT, INSERT, UPDATE and DELETE"), "{said}");
    }
    cluster.sql(
        "all",
        0,
        &format!("UPDATE {database}.portrait_meta SET value = 9 WHERE name IN ('format', 'oldest_node')"),
    );
    finds(&url, &["format 9", "too old"]);
    drop(place);
}

#[test]
fn doctor_knows_a_host_that_loses_commits_or_takes_none() {
    let Some(cluster) = Galera::start("single", &[("GALERA_FLUSH", "0")]) else { return };
    let url = cluster.url(&cluster.new_database());
    let _place = Place::at(&url, CONFIG);
    finds(&url, &["innodb_flush_log_at_trx_commit is 0", "set it to 1"]);
    cluster.sql("admin", 0, "SET GLOBAL read_only = 1");
    finds(&url, &["read-only", "read_only = 0"]);
}

#[test]
fn what_only_a_directory_can_do_says_what_to_do_instead() {
    let Some(cluster) = galera::shared() else { return };
    let place = Place::new(&cluster, CONFIG);
    let node = place.node("a");
    let (status, answer) = node.admin("POST", "/backup", r#"{"directory":"/tmp/portraitd-none"}"#);
    assert!(
        status == 409 && answer.contains("own tools") && answer.contains("store copy"),
        "{status} {answer}"
    );
    assert!(!Path::new("/tmp/portraitd-none").exists());
    drop(node);
    let data = place.data("a");
    let [backup, restored] = ["backup", "restored"].map(|name| place.data(name));
    let data_of = ["--data", data.to_str().unwrap()];
    for arguments in [
        &["check"][..],
        &["repair"],
        &["compact"],
        &["backup", backup.to_str().unwrap()],
        &["restore", restored.to_str().unwrap()],
    ] {
        for (language, wanted) in [("en", "the database's own tools"), ("zh", "请使用该数据库自带的工具")]
        {
            let output =
                binary().args(["--language", language]).args(arguments).args(data_of).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(1) && said.contains(wanted), "{arguments:?}: {said}");
        }
    }
    for arguments in [&["account", "list", "1"][..], &["token", "list"], &["dev"]] {
        let output = binary().args(arguments).args(data_of).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && said.contains("belongs to a node"),
            "{arguments:?}: {said}"
        );
    }
}
