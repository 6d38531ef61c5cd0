//! A workload in a child process on a disk that fails: this test's own binary, started again.

use crate::workload::{self, Workload};
use portraitd_test_support::disk::Disk;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directories of one run.
pub(crate) struct TestDirs {
    dir: tempfile::TempDir,
}

impl TestDirs {
    /// In memory where possible: the machine's disk is not under test.
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let dirs = Self { dir: dir.unwrap() };
        std::fs::create_dir_all(dirs.data()).unwrap();
        dirs
    }

    /// The failing disk of these directories.
    pub(crate) fn disk(&self) -> Disk {
        Disk::below(&self.dir.path().join("disk"), &self.dir.path().join("control"))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("disk/data")
    }

    pub(crate) fn marks(&self) -> PathBuf {
        self.dir.path().join("disk/marks")
    }

    pub(crate) fn recording(&self) -> PathBuf {
        self.dir.path().join("recording")
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// The process that runs a workload here; not started yet.
    pub(crate) fn child(&self, workload: &Workload) -> Command {
        let mut command = child_that("child_process::runs_a_workload");
        let Workload { seed, clients, steps, rounds, pauses } = *workload;
        command.env("WORKLOAD", format!("{seed} {clients} {steps} {rounds} {}", u8::from(pauses)));
        command.env("WORKLOAD_DATA", self.data()).env("WORKLOAD_MARKS", self.marks());
        command
    }
}

/// A process that runs a function of this binary, one that the tests leave out; not started yet.
pub(crate) fn child_that(function: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", function, "--nocapture", "--test-threads=1"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Not a test: the child process runs this.
#[test]
#[ignore = "run by the other tests"]
fn runs_a_workload() {
    let Ok(workload) = std::env::var("WORKLOAD") else { return };
    let numbers: Vec<u64> = workload.split(' ').map(|number| number.parse().unwrap()).collect();
    let [seed, clients, steps, rounds, pauses] = numbers[..] else { panic!("{workload}") };
    let (clients, steps, rounds) = (clients as usize, steps as usize, rounds as usize);
    let workload = Workload { seed, clients, steps, rounds, pauses: pauses == 1 };
    let path = |name: &str| PathBuf::from(std::env::var_os(name).unwrap());
    portraitd_test_support::fixtures::block_on(workload::run(
        &workload,
        &path("WORKLOAD_DATA"),
        &path("WORKLOAD_MARKS"),
    ));
}
