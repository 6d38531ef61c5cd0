//! Published third-party clients against the running server, unmodified but for how they find the host.
//!
//! `clients/` has a driver for each; what they need is installed under `target/clients`. Where that is not possible the
//! test says SKIPPED, except under CI=true, where it fails.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    url: String,
    key: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portraitd"))
            .args(["dev", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&first_line(&mut child)).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { child, url: text("url"), key: text("key") }
    }

    fn drive(&self, command: &mut Command) {
        let driven = command
            .env("PORTRAITD_URL", &self.url)
            .env("PORTRAITD_SDKAPPID", "1400000000")
            .env("PORTRAITD_KEY", &self.key)
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&driven.stdout), String::from_utf8_lossy(&driven.stderr));
        assert!(driven.status.success(), "{out}{err}");
        eprintln!("{out}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients").canonicalize().unwrap()
}

/// Where installed packages are kept, beside the build.
fn installed(name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| clients().join("../target"), PathBuf::from);
    let dir = target.join("clients").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Runs an installation; says whether it worked.
fn install(what: &str, command: &mut Command) -> bool {
    let outcome = command.stdin(Stdio::null()).output();
    let why = match outcome {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "{what} can't be installed: {why}");
    eprintln!("SKIPPED: {what} can't be installed: {why}");
    false
}

#[test]
fn pypi_timsdk_and_tencentcloud_im() {
    let packages = installed("pypi");
    let requirements = clients().join("pypi/requirements.txt");
    if !packages.join("timsdk").is_dir() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&packages).arg("-r").arg(&requirements);
        if !install("PyPI's timsdk", &mut pip) {
            return;
        }
    }
    let server = Server::start();
    for driver in ["drive_timsdk.py", "drive_tencentcloud_im.py"] {
        let mut python = Command::new("python3");
        server.drive(python.arg(clients().join("pypi").join(driver)).env("PYTHONPATH", &packages));
    }
}

#[test]
fn npm_signer_with_fetch() {
    let packages = installed("npm");
    let folder = clients().join("npm");
    for file in ["package.json", "drive.js"] {
        std::fs::copy(folder.join(file), packages.join(file)).unwrap();
    }
    if !packages.join("node_modules/tls-sig-api-v2").is_dir() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock"]).current_dir(&packages);
        if !install("npm's tls-sig-api-v2", &mut npm) {
            return;
        }
    }
    Server::start().drive(Command::new("node").arg(packages.join("drive.js")));
}

#[test]
fn crates_io_tencent_im_rs() {
    let target = installed("crates");
    let cargo = |command: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--quiet", "--locked"]).current_dir(clients().join("crates"));
        // This test's own cargo leaves variables that would steer the other build.
        cargo.env("CARGO_TARGET_DIR", &target).env_remove("RUSTFLAGS").env_remove("CARGO_MANIFEST_DIR");
        cargo
    };
    if !install("crates.io's tencent_im_rs", &mut cargo("fetch")) {
        return;
    }
    assert!(
        cargo("build").status().unwrap().success(),
        "the driver does not build (needs libssl-dev and pkg-config)"
    );
    let server = Server::start();
    let mut forwarder = Command::new("python3")
        .arg(clients().join("forward_tls.py"))
        .arg(server.url.trim_start_matches("http://"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let address = first_line(&mut forwarder);
    let mut driver = Command::new(target.join("debug/drive-tencent-im-rs"));
    server.drive(driver.env("PORTRAITD_TLS", address.trim()));
    // Its input ends, and so does it.
    drop(forwarder.stdin.take());
    forwarder.wait().unwrap();
}
