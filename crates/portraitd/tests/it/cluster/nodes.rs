//! Nodes: `portraitd serve` processes over one database.

use crate::harness::{App, TestServer, binary};
use portraitd_test_support::galera::Galera;
use std::cell::Cell;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No frequency limits; webhooks may go to this machine.
pub(crate) const CONFIG: &str = r#"
[limits]
enabled = false
[webhook]
retry_schedule = ["0s", "100ms", "100ms", "100ms", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]
allow_networks = ["127.0.0.0/8"]
"#;

/// What all nodes of a database share.
pub(crate) struct Place {
    dir: TempDir,
    url: String,
    config: String,
}

impl Place {
    /// A new database of a cluster, with its tables.
    pub(crate) fn new(cluster: &Galera, config: &str) -> Self {
        Self::at(&cluster.url(&cluster.new_database()), config)
    }

    /// The database of a URL, with its tables.
    pub(crate) fn at(url: &str, config: &str) -> Self {
        let place =
            Self { dir: tempfile::tempdir().unwrap(), url: url.to_owned(), config: config.to_owned() };
        place.migrate();
        place
    }

    /// The database of a URL as it is.
    pub(crate) fn without_tables(url: &str, config: &str) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), url: url.to_owned(), config: config.to_owned() }
    }

    fn migrate(&self) {
        let file = self.configuration("migrate", "");
        let output = binary().args(["store", "migrate", "--config"]).arg(file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The data directory of a node.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the configuration of a node, `server` first.
    fn configuration(&self, name: &str, server: &str) -> PathBuf {
        let file = self.data(name).with_extension("toml");
        std::fs::write(&file, self.text(server)).unwrap();
        file
    }

    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    fn text(&self, server: &str) -> String {
        format!("{server}\n[store]\nurl = \"{}\"\n{}", self.url, self.config)
    }

    /// Starts a node on free ports.
    pub(crate) fn node(&self, name: &str) -> TestServer {
        self.altered_node(name, |_| {})
    }

    /// The same, with something else about the process.
    pub(crate) fn altered_node(&self, name: &str, alter: impl FnOnce(&mut Command)) -> TestServer {
        TestServer::serve_altered(&self.data(name), &self.text(""), alter)
    }

    /// Starts a node on a port that it keeps.
    pub(crate) fn node_on(&self, name: &str, port: u16) -> TestServer {
        let server = format!("[server]\nlisten = \"127.0.0.1:{port}\"\nadmin_listen = \"127.0.0.1:0\"");
        TestServer::serve_where_configured(&self.data(name), &self.text(&server))
    }

    /// `portraitd serve` for a node that may not start.
    pub(crate) fn serve(&self, name: &str) -> Command {
        let mut command = binary();
        command
            .arg("serve")
            .arg("--config")
            .arg(self.configuration(name, ""))
            .arg("--data")
            .arg(self.data(name));
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--json"]);
        command
    }
}

/// The same app at another node.
pub(crate) fn at<'a>(node: &'a TestServer, app: &App<'_>) -> App<'a> {
    App { server: node, id: app.id }
}

/// A port that is free, of those that the kernel gives to no client: a node that was killed finds it free again.
pub(crate) fn free_port() -> u16 {
    thread_local!(static NEXT: Cell<u16> = const { Cell::new(0) });
    let first = u16::try_from(std::process::id() % 7000).unwrap();
    loop {
        let port = 12_000 + (first + NEXT.replace(NEXT.get() + 1)) % 7000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until something is true; returns how long that took. `promise` is what is promised: five times as long fails.
pub(crate) fn until(what: &str, promise: Duration, is_true: impl FnMut() -> bool) -> Duration {
    let took = wait_for(what, promise * 5, is_true);
    eprintln!("{what}: after {} ms (promised: {} ms)", took.as_millis(), promise.as_millis());
    took
}

/// Waits until something is true.
pub(crate) fn wait_for(what: &str, limit: Duration, mut is_true: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < limit, "waited {} s in vain: {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
    began.elapsed()
}
