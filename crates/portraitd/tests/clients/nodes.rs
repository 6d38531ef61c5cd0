//! The same programs on several nodes over a Galera cluster: `portraitd serve` processes, which programs find by the cloud's
//! own names in a hosts file. Each connection goes to the next node, so that what a program writes through one node it reads
//! through another.

use super::namespaces::can_isolate;
use super::{RECIPES, Run, Standin};
use portraitd_model::{AppKey, SdkAppId, SignRequest, UserId, sign};
use portraitd_test_support::galera::{self, Galera};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use tempfile::TempDir;

const NODES: usize = 3;
const APP: SdkAppId = SdkAppId(1_400_000_000);
const KEY: &str = "5f0c1e7ab3d94862c7e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6";
const ADMIN: &str = "administrator";

/// Nodes that serve. Dropped, they end.
struct Nodes {
    children: Vec<Child>,
    dir: TempDir,
    /// What `portraitd cert` says.
    certificates: Value,
    url: String,
    tls_url: String,
}

fn portraitd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portraitd"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTRAITD_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a command says; it must succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Nodes {
    /// Starts them; without a cluster or namespaces the test is skipped, and fails under CI.
    fn start() -> Option<Self> {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let cluster = galera::shared()?;
        if !can_isolate() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("certificates");
        let described = said(portraitd().args(["cert", "--json", "--certificates"]).arg(&folder));
        let certificates: Value = serde_json::from_str(&described).unwrap();
        // An address that no other test uses, so that the port of HTTPS is free there.
        let [.., high, low] = std::process::id().to_be_bytes();
        let address =
            Ipv4Addr::new(127, 128 + NEXT.fetch_add(1, Ordering::Relaxed) % 64, high, low.clamp(1, 254));
        let hosts = certificates["hosts"].as_str().unwrap().replace("127.0.0.1", &address.to_string());
        fs::write(dir.path().join("hosts"), format!("127.0.0.1 localhost\n{hosts}\n")).unwrap();
        let mut nodes =
            Self { children: Vec::new(), dir, certificates, url: String::new(), tls_url: String::new() };
        let (mut plain, mut tls) = (Vec::new(), Vec::new());
        nodes.configure(&cluster);
        for number in 0..NODES {
            let [http, https] = nodes.add(number);
            plain.push(http);
            tls.push(https);
        }
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        nodes.url = format!("http://{}", relay(here, plain));
        nodes.tls_url = format!("https://{}", relay(here, tls.clone()));
        relay(SocketAddr::from((address, 443)), tls);
        Some(nodes)
    }

    fn configure(&self, cluster: &Galera) {
        let (url, of) =
            (cluster.url(&cluster.new_database()), |name: &str| self.certificates[name].as_str().unwrap());
        let config = format!(
            "[server]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\nadmin_listen = \"127.0.0.1:0\"\n\
             [store]\nurl = \"{url}\"\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n[limits]\nenabled = false\n",
            of("certificate"),
            of("key")
        );
        let file = self.dir.path().join("portraitd.toml");
        fs::write(&file, config).unwrap();
        said(portraitd().args(["store", "migrate", "--config"]).arg(file));
    }

    /// Starts a node; the first makes the app, which the others know from their start. Returns its addresses.
    fn add(&mut self, number: usize) -> [SocketAddr; 2] {
        let data = self.dir.path().join(format!("node{number}"));
        let mut serve = portraitd();
        serve.args(["serve", "--json", "--config"]).arg(self.dir.path().join("portraitd.toml"));
        let log = fs::File::create(self.dir.path().join(format!("node{number}.log"))).unwrap();
        let mut child = serve.arg("--data").arg(&data).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.children.push(child);
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address =
            |at: usize| ready["urls"][at].as_str().unwrap().split("://").nth(1).unwrap().parse().unwrap();
        if number == 0 {
            said(portraitd().args(["app", "create", &APP.to_string(), "--key", KEY, "--data"]).arg(&data));
        }
        [address(0), address(1)]
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Standin for Nodes {
    fn run(&self, words: &[&OsStr]) -> Run {
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$PORTRAITD_TEST_HOSTS\" /etc/hosts && exec \"$@\"";
        command.args(["--mount", "--propagation", "private", "sh", "-ec", script, "sh"]).args(words);
        let key = AppKey::parse(KEY).unwrap();
        let identifier = UserId::parse(ADMIN).unwrap();
        let time = super::signers::now();
        let usersig = sign(&key, SignRequest { app: APP, identifier, time, expire: 3600, userbuf: None });
        let of = |name: &str| self.certificates[name].as_str().unwrap().to_owned();
        command.env("PORTRAITD_TEST_HOSTS", self.dir.path().join("hosts"));
        command.envs([
            ("PORTRAITD_URL", self.url.clone()),
            ("PORTRAITD_TLS_URL", self.tls_url.clone()),
            ("PORTRAITD_SDKAPPID", APP.to_string()),
            ("PORTRAITD_KEY", KEY.to_owned()),
            ("PORTRAITD_ADMIN", ADMIN.to_owned()),
            ("PORTRAITD_USERSIG", usersig),
            ("PORTRAITD_CA", of("authority")),
            ("SSL_CERT_FILE", of("bundle")),
            ("CURL_CA_BUNDLE", of("bundle")),
            ("REQUESTS_CA_BUNDLE", of("bundle")),
            ("NODE_EXTRA_CA_CERTS", of("authority")),
            ("PHP_INI_SCAN_DIR", format!(":{}", of("php_settings"))),
            ("JAVA_TOOL_OPTIONS", format!("-Djavax.net.ssl.trustStore={}", of("java_trust_store"))),
        ]);
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        Run { command, certificates: None }
    }
}

/// Passes each connection to the next of some addresses; returns where it listens. Ends with the process.
fn relay(at: SocketAddr, to: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind(at).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (accepted, to) in listener.incoming().zip(to.iter().cycle()) {
            let (here, there) = (accepted.unwrap(), TcpStream::connect(to).unwrap());
            pass(here.try_clone().unwrap(), there.try_clone().unwrap());
            pass(there, here);
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        // Either side may close whenever it likes.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}

#[test]
fn published_clients_of_pypi_on_several_nodes() {
    if let Some(nodes) = Nodes::start() {
        super::pypi_clients(&nodes);
    }
}

#[test]
fn npm_signer_with_fetch_on_several_nodes() {
    if let Some(nodes) = Nodes::start() {
        super::npm_signer(&nodes);
    }
}

#[test]
fn published_clients_of_crates_io_on_several_nodes() {
    if let Some(nodes) = Nodes::start() {
        super::crates_io_clients(&nodes);
    }
}

#[test]
fn recipes_on_several_nodes() {
    let Some(nodes) = Nodes::start() else { return };
    for (language, ..) in RECIPES {
        super::recipe(language, &nodes);
    }
}

#[test]
fn sample_project_with_pytest_on_several_nodes() {
    if let Some(nodes) = Nodes::start() {
        super::sample_project(&nodes);
    }
}
