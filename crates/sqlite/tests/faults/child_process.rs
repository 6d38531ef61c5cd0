//! A story told by a process of its own, on a disk that fails: this test's own binary, started anew.

use crate::story::{self, Story};
use portraitd_test_support::disk::Disk;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directories of one story.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// In memory where that is possible: what is tested is not the machine's disk.
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let place = Self { dir: dir.unwrap() };
        std::fs::create_dir_all(place.data()).unwrap();
        place
    }

    /// What the disk watches.
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

    /// The process that tells a story here; not started yet.
    pub(crate) fn teller(&self, story: &Story) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "teller::tells", "--nocapture", "--test-threads=1"]);
        let Story { seed, clients, steps, chapters, rests } = *story;
        command.env("STORY", format!("{seed} {clients} {steps} {chapters} {}", u8::from(rests)));
        command.env("STORY_DATA", self.data()).env("STORY_MARKS", self.marks());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Not a test: the part of the other process.
#[test]
#[ignore = "run by the other tests"]
fn tells() {
    let Ok(story) = std::env::var("STORY") else { return };
    let numbers: Vec<u64> = story.split(' ').map(|number| number.parse().unwrap()).collect();
    let [seed, clients, steps, chapters, rests] = numbers[..] else { panic!("{story}") };
    let (clients, steps, chapters) = (clients as usize, steps as usize, chapters as usize);
    let story = Story { seed, clients, steps, chapters, rests: rests == 1 };
    let path = |name: &str| PathBuf::from(std::env::var_os(name).unwrap());
    portraitd_test_support::fixtures::block_on(story::tell(
        &story,
        &path("STORY_DATA"),
        &path("STORY_MARKS"),
    ));
}
