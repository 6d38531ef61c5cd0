//! The test helpers of `testing/`, each with its own tests in its own language; receivers of webhooks against real and
//! forged deliveries.
//!
//! Each package's tests run twice: with an emulator that the package starts, and within `portraitd run`, whose emulator
//! they reuse and whose proxy the control calls must not take.

use super::{alone, clients, install, installed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The test framework's console, as Debian's package `junit5` has it.
const JUNIT: &str = "/usr/share/java/junit-platform-console-standalone.jar";

/// Whether everything is there that a language's tests need; each need is a condition of the shell.
fn has(needs: &[&str]) -> bool {
    needs.iter().all(|need| install(need, Command::new("sh").args(["-c", need])))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of a package, where building leaves no trace in the repository.
fn package(language: &str) -> PathBuf {
    let folder = installed(&format!("testing-{language}"));
    fs::remove_dir_all(&folder).unwrap();
    copy(&clients().join("../testing").join(language), &folder);
    folder
}

/// Runs a shell script in a folder; it must succeed.
fn script(folder: &Path, script: &str, before: &[&str]) {
    let portraitd = env!("CARGO_BIN_EXE_portraitd");
    let words = [before, &["sh", "-ec", script]].concat();
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("PORTRAITD_BINARY", portraitd).env("PORTRAITD", portraitd).env_remove("PORTRAITD_URL");
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    eprintln!("{out}{err}");
}

/// Runs a package's tests with an emulator of their own, and with the one of `portraitd run`.
fn both_ways(folder: &Path, tests: &str) {
    script(folder, tests, &[]);
    let certificates = folder.join("certificates").display().to_string();
    let run = [env!("CARGO_BIN_EXE_portraitd"), "run", "--certificates", &certificates, "--"];
    script(folder, tests, &run);
}

/// Installed by pip, so that pytest finds the plugin by its entry point.
#[test]
fn testing_package_for_pytest() {
    let dependencies = installed("testing-python-packages");
    let _alone = alone(&dependencies);
    if !dependencies.join("pytest").is_dir() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&dependencies);
        if !install("pytest", pip.args(["setuptools", "pytest", "requests"])) {
            return;
        }
    }
    let folder = package("python");
    let paths = format!("PYTHONPATH=\"$PWD/own:{}\"; export PYTHONPATH", dependencies.display());
    let options = "--no-deps --no-build-isolation --no-index --target own";
    script(&folder, &format!("{paths}; python3 -m pip install --quiet {options} ."), &[]);
    fs::remove_dir_all(folder.join("portraitd_testing")).unwrap();
    both_ways(&folder, &format!("{paths}; python3 -B -m pytest -q -p no:cacheprovider tests"));
}

#[test]
fn testing_package_for_node() {
    if has(&["command -v node >&2"]) {
        both_ways(&package("node"), "node --test");
    }
}

#[test]
fn testing_package_for_go() {
    if has(&["command -v go >&2"]) {
        both_ways(&package("go"), "test -z \"$(gofmt -l .)\"; go vet ./...; go test -count=1 ./...");
    }
}

#[test]
fn testing_package_for_junit() {
    if has(&["command -v javac >&2", &format!("ls {JUNIT}")]) {
        let folder = package("java");
        let lint = "-Xlint:all,-path,-processing -Werror --release 17";
        script(&folder, &format!("javac {lint} -d out -cp {JUNIT} $(find src -name '*.java')"), &[]);
        let console = "org.junit.platform.console.ConsoleLauncher --disable-banner --disable-ansi-colors";
        both_ways(&folder, &format!("java -cp out:{JUNIT} {console} --select-package portraitd.testing"));
    }
}

#[test]
fn testing_package_for_phpunit() {
    if has(&["command -v phpunit >&2", "php -r 'exit(function_exists(\"curl_init\") ? 0 : 1);'"]) {
        both_ways(&package("php"), "phpunit");
    }
}

/// Runs a receiver against real deliveries and forged ones; `drive.py` says which.
fn receiver(language: &str, needs: &[&str], build: &str, command: &str) {
    if has(needs) {
        let folder = installed(&format!("recipes/webhook-{language}"));
        copy(&clients().join("recipes/webhook"), &folder);
        script(&folder, &format!("{build} python3 -B drive.py {command}"), &[]);
    }
}

#[test]
fn webhook_receiver_in_python() {
    receiver("python", &["command -v python3 >&2"], "", "python3 -B receiver.py");
}

#[test]
fn webhook_receiver_in_node() {
    receiver("node", &["command -v node >&2"], "", "node receiver.mjs");
}

#[test]
fn webhook_receiver_in_go() {
    receiver("go", &["command -v go >&2"], "go vet .; go build -o receiver .;", "./receiver");
}

#[test]
fn webhook_receiver_in_php() {
    receiver("php", &["command -v php >&2"], "", "php -S 127.0.0.1:PORT receiver.php");
}
