//! Programs that know nothing of portraitd, and find it by the environment that `portraitd run` sets: published
//! third-party clients, entirely unmodified; the recipes of `docs/recipes/`; a sample project with pytest. The same programs
//! run on several nodes over a database (`clients/nodes.rs`).
//!
//! `clients/` has them; what they need is installed under `target/clients`. Where that is not possible the test says
//! SKIPPED, except under CI=true, where it fails.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod namespaces;
#[path = "clients/nodes.rs"]
mod nodes;
#[path = "clients/signers.rs"]
mod signers;
#[path = "clients/stacks.rs"]
mod stacks;
#[path = "clients/testing_packages.rs"]
mod testing_packages;

use portraitd_test_support::packages::{alone, install, installed, pip_install};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What stands in for the cloud.
trait Standin {
    /// Prepares a program that calls it.
    fn run(&self, words: &[&OsStr]) -> Run;
}

/// The emulator of `portraitd run`, one for each program.
struct Emulator;

impl Standin for Emulator {
    fn run(&self, words: &[&OsStr]) -> Run {
        Run::of(words)
    }
}

/// A program with its environment: `portraitd run -- COMMAND`, or the command itself.
struct Run {
    command: Command,
    certificates: Option<tempfile::TempDir>,
}

impl Run {
    fn of(command: &[&OsStr]) -> Self {
        let certificates = tempfile::tempdir().unwrap();
        let mut run = Command::new(env!("CARGO_BIN_EXE_portraitd"));
        run.arg("run").arg("--certificates").arg(certificates.path()).arg("--").args(command);
        run.stdin(Stdio::null());
        Self { command: run, certificates: Some(certificates) }
    }

    /// Runs it in a folder; it must succeed.
    fn in_folder(mut self, folder: &Path) {
        let output = self.command.current_dir(folder).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        eprintln!("{out}");
        drop(self.certificates);
    }
}

fn run(command: &[&str], folder: &Path, standin: &dyn Standin) {
    standin.run(&command.iter().map(OsStr::new).collect::<Vec<_>>()).in_folder(folder);
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients").canonicalize().unwrap()
}

/// Copies a folder's files to where building and caching leave no trace in the repository.
fn copied(name: &str) -> PathBuf {
    let (from, to) = (clients().join(name), installed(name));
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            // Another test may run the same file at this moment.
            let copy = tempfile::NamedTempFile::new_in(&to).unwrap();
            std::fs::copy(file.path(), copy.path()).unwrap();
            copy.persist(to.join(file.file_name())).unwrap();
        }
    }
    to
}

/// Installs the requirements of a folder of `clients/` once; gives the folder where the packages are.
fn pip(folder: &str, proof: &str) -> Option<PathBuf> {
    pip_install(&clients().join(folder), proof)
}

#[test]
fn pypi_timsdk_and_tencentcloud_im_unmodified() {
    pypi_clients(&Emulator);
}

fn pypi_clients(standin: &dyn Standin) {
    let Some(packages) = pip("pypi", "timsdk") else { return };
    for driver in ["drive_timsdk.py", "drive_tencentcloud_im.py"] {
        let mut run = standin.run(&["python3", "-B", driver].map(OsStr::new));
        run.command.env("PYTHONPATH", &packages);
        run.in_folder(&clients().join("pypi"));
    }
}

/// The documents of the public, the admin and the control API against a validator, their examples, and fuzz runs that are
/// driven by their schemas.
#[test]
fn openapi_documents_are_valid_and_every_answer_is_within_them() {
    let Some(packages) = pip("openapi", "schemathesis") else { return };
    let mut python = Command::new("python3");
    python.args(["-B", "drive.py"]).current_dir(copied("openapi")).env("PYTHONPATH", &packages);
    let output =
        python.env("PORTRAITD", env!("CARGO_BIN_EXE_portraitd")).env("NO_PROXY", "127.0.0.1").output();
    let output = output.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    eprintln!("{out}");
}

/// Installs npm's packages of a folder once; gives the folder where they and the drivers are.
fn npm(folder: &str, proof: &str) -> Option<PathBuf> {
    let _alone = alone(&installed(folder));
    let packages = copied(folder);
    if !packages.join("node_modules").join(proof).is_dir() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock"]).current_dir(&packages);
        if !install(&format!("npm's {proof}"), &mut npm) {
            return None;
        }
    }
    Some(packages)
}

#[test]
fn npm_signer_with_fetch() {
    npm_signer(&Emulator);
}

fn npm_signer(standin: &dyn Standin) {
    let Some(packages) = npm("npm", "tls-sig-api-v2") else { return };
    run(&["node", "drive.js"], &packages, standin);
}

#[test]
fn crates_io_tencent_im_rs_and_tcloud_im_api_unmodified_and_the_rust_recipe() {
    crates_io_clients(&Emulator);
}

fn crates_io_clients(standin: &dyn Standin) {
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
        "the drivers do not build (needs libssl-dev and pkg-config)"
    );
    for program in ["drive_tencent_im_rs", "drive_tcloud_im_api", "recipe"] {
        standin.run(&[target.join("debug").join(program).as_os_str()]).in_folder(&target);
    }
}

/// Language, the programs that it needs, and the command that runs its recipe.
const RECIPES: [(&str, &[&str], &str); 7] = [
    ("python", &["python3"], "python3 -B -m unittest"),
    ("node", &["node"], "node --test"),
    ("php", &["php"], "php test.php"),
    ("go", &["go"], "go test -count=1 ./..."),
    ("java", &["javac"], "javac -d out *.java && java -cp out ProfilesTest"),
    ("ruby", &["ruby"], "ruby -w profiles_test.rb"),
    // By Mono, over plain HTTP: .NET can't be had from Debian's packages, and Mono's TLS can't read the certificate
    // authority's name constraints.
    (
        "csharp",
        &["mcs", "mono"],
        "mcs -langversion:7 -out:profiles.exe -r:System.Net.Http.dll *.cs; mono profiles.exe",
    ),
];

/// Runs a recipe where its language is installed.
fn recipe(language: &str, standin: &dyn Standin) {
    let (_, needs, script) = RECIPES.into_iter().find(|(name, ..)| *name == language).unwrap();
    for program in needs {
        if !install(program, Command::new("sh").args(["-c", &format!("command -v {program} >&2")])) {
            return;
        }
    }
    let folder = copied(&format!("recipes/{language}"));
    let _alone = alone(&folder);
    run(&["sh", "-ec", script], &folder, standin);
}

#[test]
fn recipe_in_python() {
    recipe("python", &Emulator);
}

#[test]
fn recipe_in_node() {
    recipe("node", &Emulator);
}

#[test]
fn recipe_in_php() {
    recipe("php", &Emulator);
}

#[test]
fn recipe_in_go() {
    recipe("go", &Emulator);
}

#[test]
fn recipe_in_java() {
    recipe("java", &Emulator);
}

#[test]
fn recipe_in_ruby() {
    recipe("ruby", &Emulator);
}

#[test]
fn recipe_in_csharp() {
    recipe("csharp", &Emulator);
}

/// Show 4 of the emulator: a project of somebody's, its tests by pytest, green with one command.
#[test]
fn sample_project_with_pytest() {
    sample_project(&Emulator);
}

fn sample_project(standin: &dyn Standin) {
    let Some(packages) = pip("sample-pytest", "pytest") else { return };
    let mut run =
        standin.run(&["python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"].map(OsStr::new));
    run.command.env("PYTHONPATH", &packages);
    run.in_folder(&clients().join("sample-pytest"));
}
