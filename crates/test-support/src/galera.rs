//! The database cluster of `testing/galera`: the one that all tests of a run share, or one that a test starts to break it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The file of the cluster that all tests share. `scripts/test` starts it.
const SHARED: &str = "PORTRAITD_TEST_MYSQL";
/// What `galera` ends with where no cluster can be started.
const CANNOT: i32 = 77;

/// A running cluster.
pub struct Galera {
    file: PathBuf,
    /// Ended with it, if it is this test's own.
    own: Option<TempDir>,
}

/// The cluster that all tests share. Without one the test says that it is skipped; under CI it fails.
pub fn shared() -> Option<Galera> {
    static FILE: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os(SHARED).map(PathBuf::from));
    let Some(file) = FILE.clone() else {
        skip(&format!("{SHARED} names no cluster; `scripts/test` starts one, or `testing/galera/galera up`"));
        return None;
    };
    Some(Galera { file, own: None })
}

/// Says why a test that needs a cluster does nothing; under CI it fails instead.
fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "under CI no test is skipped: {why}");
    eprintln!("SKIPPED: {why}");
}

impl Galera {
    /// Starts a cluster of a kind (`galera`, `single`, `netns`) for one test. `settings` are variables of `testing/galera`.
    pub fn start(kind: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let dir = TempDir::with_prefix("portraitd-galera.").unwrap();
        let mut command = tool(dir.path());
        command.args((kind != "galera").then_some(kind)).arg("up").envs(settings.iter().copied());
        let output = command.output().unwrap();
        if output.status.code() == Some(CANNOT) {
            skip(String::from_utf8_lossy(&output.stderr).trim());
            return None;
        }
        assert!(output.status.success(), "galera {kind} up: {}", String::from_utf8_lossy(&output.stderr));
        Some(Self { file: dir.path().join("cluster.json"), own: Some(dir) })
    }

    /// Runs a command of `testing/galera`, such as `["kill", "2"]`, and waits for its end.
    pub fn run(&self, arguments: &[&str]) {
        let kind = self.state()["kind"].as_str().unwrap().to_owned();
        let mut command = tool(self.directory());
        command.args((kind != "galera").then_some(kind)).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "galera {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What `cluster.json` says.
    pub fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.file).unwrap()).unwrap()
    }

    /// The same, with what every node says now.
    pub fn state_now(&self) -> Value {
        let output = tool(self.directory()).arg("status").output().unwrap();
        assert!(output.status.success(), "galera status: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn directory(&self) -> &Path {
        self.file.parent().unwrap()
    }

    /// The addresses of its nodes.
    pub fn hosts(&self) -> Vec<String> {
        let state = self.state();
        state["hosts"].as_array().unwrap().iter().map(|host| host.as_str().unwrap().to_owned()).collect()
    }

    /// The URL of a database, as the user who has every right on it, through these hosts.
    pub fn url_by(&self, hosts: &[String], database: &str) -> String {
        let state = self.state();
        let user = &state["users"]["all"];
        let (name, password) = (user["name"].as_str().unwrap(), user["password"].as_str().unwrap());
        let escaped = password.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        format!("mysql://{name}:{escaped}@{}/{database}", hosts.join(","))
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        self.url_by(&self.hosts(), database)
    }

    /// Makes an empty database that nothing else uses, and returns its name.
    pub fn new_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("portraitd_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("all", 0, &format!("CREATE DATABASE {name}"));
        name
    }

    /// What a node answers to statements of one of the users in `cluster.json`: lines, with tabs between their columns.
    pub fn sql(&self, user: &str, node: usize, statements: &str) -> String {
        let (state, hosts) = (self.state(), self.hosts());
        let user = &state["users"][user];
        let (host, port) = hosts[node].rsplit_once(':').unwrap();
        let mut command = Command::new("mariadb");
        command.args([
            "--no-defaults",
            "--batch",
            "--skip-column-names",
            "--connect-timeout=10",
            "--skip-ssl",
        ]);
        command.args([
            "--host",
            host,
            "--port",
            port,
            "--user",
            user["name"].as_str().unwrap(),
            "--execute",
            statements,
        ]);
        let output = command.env("MYSQL_PWD", user["password"].as_str().unwrap()).output().unwrap();
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Galera {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            // A test that fails must not hide why.
            let _ = tool(own.path()).arg("down").output();
        }
    }
}

/// The tool, for the cluster in a directory.
fn tool(directory: &Path) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/galera/galera"));
    command.env("GALERA_DIR", directory);
    command
}
