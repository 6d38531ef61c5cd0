//! The files that `scripts/package` builds, each tried from the built file in an empty environment until a first signed
//! call is answered. They carry the binary of this build; the binary of a release is built and tried by
//! `scripts/test-full portable`, or here with `PORTRAIT_BINARY`.

use crate::harness::{KEY, TestServer, binary};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs a command that must succeed; returns what it printed on standard output.
fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Says SKIPPED; under CI it fails.
fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    eprintln!("SKIPPED: {why}");
}

/// Whether a program is there that a test needs.
fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        skipped(&format!("{program} is not installed"));
    }
    found.status.success()
}

/// `portraitd` and `portraitd-port` without symbols: a debug build is six times as large as a release, and each package is
/// compressed.
fn binaries(folder: &Path) -> PathBuf {
    let binaries = folder.join("binaries");
    std::fs::create_dir(&binaries).unwrap();
    let built = PathBuf::from(binary().get_program());
    for name in ["portraitd", "portraitd-port"] {
        let from = built.with_file_name(name);
        succeed(Command::new("strip").arg(from).arg("-o").arg(binaries.join(name)));
    }
    binaries
}

/// `scripts/package` with this build's binaries.
fn package(folder: &Path, arguments: &[&str]) -> Command {
    let mut package = Command::new(root().join("scripts/package"));
    package
        .arg("--binaries")
        .arg(binaries(folder))
        .arg("--output")
        .arg(folder.join("packages"))
        .args(arguments);
    // Time counts more than size here.
    package.envs([("DPKG_DEB_COMPRESSOR_TYPE", "gzip"), ("DPKG_DEB_COMPRESSOR_LEVEL", "1")]);
    package
}

/// The built files with this ending.
fn built(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder.join("packages")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "no {ending} was built");
    files
}

/// One signed change, and the profile read back.
fn ensure_answers(server: &TestServer) {
    let app = server.dev_app();
    let nickname = json!([{"Tag": "Tag_Profile_IM_Nick", "Value": "Alice L"}]);
    let set = json!({"From_Account": "alice", "ProfileItem": nickname}).to_string();
    assert_eq!(app.code("portrait_set", &set), 0);
    let get = json!({"To_Account": ["alice"], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
    assert_eq!(app.call("portrait_get", &get)["UserProfileItem"][0]["ProfileItem"], nickname);
}

/// A server behind the program that was started, such as `npx`, which must pass signals on.
struct Behind(TestServer);

impl Behind {
    /// Starts the emulator by this command, and makes the first calls.
    fn start(command: &mut Command) -> Self {
        let server = Self(TestServer::start_with(command.args(["dev", "--key", KEY])));
        ensure_answers(&server.0);
        server
    }

    /// Ends it as a terminal or a container would.
    fn stop(mut self) {
        self.0.signal("-TERM");
        self.0.child.wait().unwrap();
        // The binary behind it gets the signal at the same time, or when it notices that npm is gone.
        let ended = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            TcpStream::connect(&self.0.address).is_err()
        });
        assert!(ended, "the server outlived the program before it");
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        if matches!(self.0.child.try_wait(), Ok(None)) {
            self.0.signal("-TERM");
            let _ = self.0.child.wait();
        }
    }
}

/// A command that knows nothing of this machine's settings.
fn in_empty_environment(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap());
    command
}

#[test]
fn the_wheel_answers_from_a_fresh_environment() {
    if !is_there("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    succeed(&mut package(dir.path(), &["wheel"]));
    let environment = dir.path().join("environment");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    let mut pip = in_empty_environment(environment.join("bin/python"), dir.path());
    pip.args(["-m", "pip", "install", "--quiet", "--no-index", "--find-links"]);
    succeed(pip.arg(dir.path().join("packages")).arg("portraitd"));
    let mut python = in_empty_environment(environment.join("bin/python"), dir.path());
    let files = "import importlib.metadata as m; print(sorted({f.name for f in m.files('portraitd')}), m.version('portraitd'))";
    let files = succeed(python.args(["-c", files]));
    let expected = format!(
        "['INSTALLER', 'LICENSE', 'METADATA', 'RECORD', 'REQUESTED', 'WHEEL', 'portraitd'] {}\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(files, expected, "the binary and nothing else");
    Behind::start(&mut in_empty_environment(environment.join("bin/portraitd"), dir.path())).stop();
}

/// A registry for npm on a free port: what it has is the packages in a folder, and it ends with the test.
fn npm_registry(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut documents = BTreeMap::new();
    for file in built(folder, ".tgz") {
        let manifest = succeed(Command::new("tar").args(["-xOzf"]).arg(&file).arg("package/package.json"));
        let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
        let (name, version) = (manifest["name"].as_str().unwrap().to_owned(), manifest["version"].clone());
        manifest["dist"] = json!({"tarball": format!("{url}/{name}.tgz")});
        let versions = BTreeMap::from([(version.as_str().unwrap(), &manifest)]);
        let document = json!({"name": name, "dist-tags": {"latest": version}, "versions": versions});
        documents.insert(format!("/{name}"), document.to_string().into_bytes());
        documents.insert(format!("/{name}.tgz"), std::fs::read(file).unwrap());
    }
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer_npm(stream.unwrap(), &documents);
        }
    });
    url
}

fn answer_npm(mut stream: TcpStream, documents: &BTreeMap<String, Vec<u8>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())).unwrap_or_default();
    // The rest of the head.
    for _ in lines.by_ref().take_while(|line| !line.is_empty()) {}
    let (status, body) =
        documents.get(&path).map_or(("404 Not Found", &b"{}"[..]), |body| ("200 OK", body.as_slice()));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

#[test]
fn the_npm_packages_answer_from_an_empty_folder() {
    if !is_there("npm") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    succeed(&mut package(dir.path(), &["npm"]));
    let registry = npm_registry(dir.path());
    let project = dir.path().join("project");
    std::fs::create_dir(&project).unwrap();
    let npm = |program: &str| {
        let mut npm = in_empty_environment(program, dir.path());
        npm.current_dir(&project)
            .env("npm_config_registry", &registry)
            .env("npm_config_update_notifier", "false");
        npm
    };
    // Neither package is installed: npx takes both from the registry.
    Behind::start(npm("npx").args(["--yes", "portraitd"])).stop();
    // Installed from the files alone, and started through the link that npm makes.
    let mut install = npm("npm");
    install.args(["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund"]);
    succeed(install.args(built(dir.path(), ".tgz")));
    let packages = project.join("node_modules");
    let link = packages.join(".bin/portraitd");
    Behind::start(&mut in_empty_environment(&link, dir.path())).stop();
    let failing = in_empty_environment(&link, dir.path()).args(["explain", "99999"]).output().unwrap();
    assert_eq!(failing.status.code(), Some(1), "the exit code is passed on");
    // Without the package of the platform it says what to do.
    for entry in std::fs::read_dir(&packages).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_name().to_string_lossy().starts_with("portraitd-linux-") {
            std::fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    for (language, part) in
        [("C", "npm install --include=optional portraitd"), ("zh_CN.UTF-8", "未安装 portraitd-linux-")]
    {
        let output =
            in_empty_environment(&link, dir.path()).env("LANG", language).arg("dev").output().unwrap();
        assert!(output.status.code() == Some(1) && printed(&output).contains(part), "{}", printed(&output));
    }
}

/// The command of a row of README's table of packages, by the row's first cell.
fn readme_command(file: &str, row: &str) -> String {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("| {row} | `")));
    let line = line.unwrap_or_else(|| panic!("{file} has no row `{row}`"));
    line.split('`').nth(1).unwrap().to_owned()
}

/// README's commands for the wheel, the npm packages and the archive, pasted in the folder of the files. The .deb's is a test of its
/// own.
#[test]
fn readme_s_commands_install_what_was_built() {
    if !is_there("npm") || !is_there("python3") || std::env::consts::ARCH != "x86_64" {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    succeed(&mut package(dir.path(), &["wheel", "npm", "archive"]));
    let [environment, programs, system] =
        ["environment", "programs", "system"].map(|name| dir.path().join(name));
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    // `sudo install FILE FILE FOLDER`, into a folder of the test.
    std::fs::create_dir_all(&programs).unwrap();
    std::fs::create_dir(&system).unwrap();
    let sudo = programs.join("sudo");
    std::fs::write(&sudo, "#!/bin/sh\n[ \"$#\" = 4 ] && [ \"$4\" = /usr/local/bin/ ] && exec install \"$2\" \"$3\" \"$SYSTEM\"\n").unwrap();
    succeed(Command::new("chmod").arg("+x").arg(&sudo));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", programs.display(), environment.join("bin").display());
    let packages = dir.path().join("packages");
    let paste = |command: &str| {
        let mut bash = in_empty_environment("bash", dir.path());
        bash.current_dir(&packages).env("PATH", &path).env("SYSTEM", &system).args(["-e", "-c", command]);
        // Nothing comes from elsewhere: all is in the files.
        for name in ["npm_config_offline", "PIP_NO_INDEX"] {
            bash.env(name, "true");
        }
        succeed(bash.envs([("npm_config_audit", "false"), ("npm_config_fund", "false")]))
    };
    for (english, chinese) in [("Python", "Python"), ("Node", "Node"), ("any Linux", "任意 Linux")] {
        let command = readme_command("README.md", english);
        assert_eq!(command, readme_command("README.zh-CN.md", chinese));
        if let Some(wheel) = command.strip_prefix("pip install ") {
            // The name says from which glibc on it runs: for a release an earlier one than for this build.
            std::fs::rename(&built(dir.path(), ".whl")[0], packages.join(wheel)).unwrap();
        }
        paste(&command);
    }
    let version = format!("portraitd {}\n", env!("CARGO_PKG_VERSION"));
    let installed = environment.join("bin/portraitd").display().to_string();
    for program in [installed, "npx portraitd".into(), format!("{}/portraitd", system.display())] {
        assert_eq!(paste(&format!("{program} --version")), version, "{program}");
    }
    assert!(system.join("portraitd-port").exists());
}

/// On a copy of this machine: packages, users and services of the machine itself are only read.
#[test]
fn the_deb_is_installed_called_upgraded_removed_and_purged() {
    if !is_there("dpkg-deb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    succeed(&mut package(dir.path(), &["deb"]));
    let scripts = root().join("testing/deb");
    let mut copy = Command::new(scripts.join("machine-copy"));
    let output = copy.arg(scripts.join("lifecycle")).args(built(dir.path(), ".deb")).output().unwrap();
    match output.status.code() {
        Some(77) => skipped(&format!("no copy of this machine can be made: {}", printed(&output))),
        code => {
            let told = printed(&output);
            assert!(code == Some(0) && told.ends_with("upgraded, removed and purged\n"), "{told}");
        }
    }
}

/// No container engine is needed: the folder that is the whole image is entered as the image's user.
#[test]
fn the_image_holds_all_that_the_binary_needs() {
    let can_enter = Command::new("unshare").args(["--mount", "true"]).status();
    if !can_enter.is_ok_and(|status| status.success()) {
        skipped("entering the image needs root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let portraitd = binary().get_program().to_owned();
    succeed(Command::new(root().join("packaging/image/layout")).arg(portraitd).arg(&image));
    let mut enter = Command::new("unshare");
    enter.args(["--mount", "chroot", "--userspec=10001:10001"]).arg(&image);
    enter.arg("portraitd").env_clear().env("PATH", "/usr/sbin:/usr/bin");
    let server = TestServer::start_with(enter.args(["dev", "--key", KEY, "--data", "/data/trial"]));
    ensure_answers(&server);
    let user = std::fs::metadata(image.join("data/trial/portraitd.db")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&user), 10001);
    assert!(!image.join("bin/sh").exists());
}

#[test]
fn checksums_name_every_file_and_a_later_glibc_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused = package(dir.path(), &["--glibc-max", "2.5", "archive"]);
    let output = refused.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(&output).contains("refused: at most 2.5 may be needed"), "{}", printed(&output));
    assert_eq!(std::fs::read_dir(dir.path().join("packages")).unwrap().count(), 0);

    let other = tempfile::tempdir().unwrap();
    succeed(&mut package(other.path(), &["archive"]));
    let packages = other.path().join("packages");
    let checked = succeed(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&packages));
    let name = format!("portraitd-{}-linux-{}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    assert_eq!(checked, format!("{name}.tar.gz: OK\n"));
    let unpacked = other.path().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    succeed(Command::new("tar").arg("-xzf").arg(&built(other.path(), ".gz")[0]).arg("-C").arg(&unpacked));
    Behind::start(&mut in_empty_environment(unpacked.join(name).join("portraitd"), other.path())).stop();
}

/// What HTTP clients import, also where nothing was compiled, as when a release is put together; a release that is built with all
/// kinds has it, too.
#[test]
fn what_http_clients_import_is_among_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut package = Command::new(root().join("scripts/package"));
    succeed(package.arg("--output").arg(dir.path()).arg("api"));
    let sums = std::fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap();
    let named: Vec<&str> = sums.lines().map(|line| line.split("  ").nth(1).unwrap()).collect();
    let files = [
        "HTTP-CLIENTS.md",
        "HTTP-CLIENTS.zh-CN.md",
        "openapi-admin.json",
        "openapi-public.json",
        "portraitd.http",
    ];
    assert_eq!(named, files);
    for file in files {
        let [built, kept] =
            [dir.path(), &root().join("docs")].map(|folder| std::fs::read(folder.join(file)).unwrap());
        assert_eq!(built, kept, "{file}");
    }
    let script = std::fs::read_to_string(root().join("scripts/package")).unwrap();
    let all = script.lines().find(|line| line.contains("|| kinds=(")).unwrap();
    assert!(all.contains(" api)"), "{all}");
    for workflow in [".github/workflows/release.yml", ".gitlab-ci.yml"] {
        let text = std::fs::read_to_string(root().join(workflow)).unwrap();
        assert!(
            text.lines().any(|line| line.trim().ends_with("- scripts/package")
                || line.trim().ends_with("- run: scripts/package")),
            "{workflow} builds all kinds"
        );
    }
}

#[test]
fn checksums_are_signed_and_a_changed_file_is_noticed() {
    if !is_there("minisign") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let packages = dir.path().join("packages");
    std::fs::create_dir(&packages).unwrap();
    std::fs::write(packages.join("file"), "what is published").unwrap();
    let sums = succeed(Command::new("sha256sum").arg("file").current_dir(&packages));
    std::fs::write(packages.join("SHA256SUMS"), &sums).unwrap();
    let (public, secret) = (dir.path().join("release.pub"), dir.path().join("release.key"));
    succeed(Command::new("minisign").args(["-G", "-W", "-p"]).arg(&public).arg("-s").arg(&secret));
    let sign = || {
        let mut sign = Command::new(root().join("scripts/sign"));
        sign.arg(&packages).env("MINISIGN_SECRET_KEY", std::fs::read_to_string(&secret).unwrap());
        sign.output().unwrap()
    };
    let verify = || {
        let mut minisign = Command::new("minisign");
        minisign.arg("-V").arg("-p").arg(&public).arg("-m").arg(packages.join("SHA256SUMS")).output().unwrap()
    };
    let signed = sign();
    assert!(signed.status.success(), "{}", printed(&signed));
    let verified = verify();
    assert!(verified.status.success(), "{}", printed(&verified));
    std::fs::write(packages.join("SHA256SUMS"), sums.replace("  file", "  other")).unwrap();
    assert!(!verify().status.success(), "changed checksums");
    std::fs::write(packages.join("SHA256SUMS"), &sums).unwrap();
    std::fs::write(packages.join("file"), "something else").unwrap();
    assert!(!sign().status.success(), "a file that is not what was built");
}
