//! The disk that fails on command (`disk.c`), controlled from the test: which operations to spoil, and how many were spoiled.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kinds of operations, to be added up.
pub const OPEN: u64 = 1;
pub const WRITE: u64 = 2;
pub const SYNC: u64 = 4;
pub const TRUNCATE: u64 = 8;
pub const RENAME: u64 = 16;
pub const UNLINK: u64 = 32;
pub const READ: u64 = 64;
pub const MAP: u64 = 128;
/// Everything that changes files.
pub const CHANGES: u64 = WRITE | SYNC | TRUNCATE | RENAME | UNLINK;

/// Files, to be added up.
pub const DATABASE: u64 = 1;
pub const LOG: u64 = 2;
/// The journal and the lock; the file of a copy.
pub const OTHER: u64 = 8;
pub const EVERY_FILE: u64 = 15;

pub const EIO: u64 = 5;
pub const EMFILE: u64 = 24;
pub const ENOSPC: u64 = 28;
pub const EROFS: u64 = 30;
/// Beyond a quota.
pub const EDQUOT: u64 = 122;

/// What happens to a spoiled operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Fail = 0,
    KillBefore = 1,
    KillAfter = 2,
    /// Half of a write is done before the process is killed.
    KillAmid = 3,
    FailAmid = 4,
    /// Half of a write is done and reported (a short write).
    Short = 5,
    /// One bit of the bytes that are read is flipped.
    Flip = 6,
    /// It waits until the test heals the disk, then it is done.
    Hang = 7,
}

/// Which operations are spoiled, and how.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub kinds: u64,
    pub files: u64,
    /// The number of the first one to spoil, counted from now; 0 spoils none and only counts.
    pub first: u64,
    /// How many in a row.
    pub count: u64,
    pub action: Action,
    pub error: u64,
}

/// The library that is preloaded into the process under test; `build.rs` makes it.
const LIBRARY: &str = env!("DISK_LIBRARY");

/// A failing disk below a directory, for one process under test.
pub struct Disk {
    dir: PathBuf,
    control: File,
    control_path: PathBuf,
}

impl Disk {
    /// `control_path` must be outside of `dir`.
    pub fn below(dir: &Path, control_path: &Path) -> Self {
        let mut options = File::options();
        let control = options.read(true).write(true).create(true).truncate(true).open(control_path).unwrap();
        control.set_len(4096).unwrap();
        Self { dir: dir.to_owned(), control, control_path: control_path.to_owned() }
    }

    /// Makes a process that is about to start use this disk.
    pub fn attach(&self, command: &mut Command) {
        command.env("LD_PRELOAD", LIBRARY);
        command.env("DISK_DIR", &self.dir).env("DISK_CONTROL", &self.control_path);
    }

    /// Sets the fault from now on; the counters start from zero.
    pub fn spoil(&self, fault: Fault) {
        let Fault { kinds, files, first, count, action, error } = fault;
        // Off while it changes.
        self.put(2, 0);
        for (place, value) in
            [(0, kinds), (1, files), (3, count), (4, action as u64), (5, error), (6, 0), (7, 0), (2, first)]
        {
            self.put(place, value);
        }
    }

    /// Ends the fault.
    pub fn heal(&self) {
        self.put(2, 0);
    }

    /// The number of operations of the fault's kinds.
    pub fn seen(&self) -> u64 {
        self.get(6)
    }

    /// The number of spoiled operations.
    pub fn fired(&self) -> u64 {
        self.get(7)
    }

    /// Makes the wall clock of the process wrong by this many seconds.
    pub fn set_clock(&self, seconds: i64) {
        self.control.write_all_at(&seconds.to_ne_bytes(), 8 * 8).unwrap();
    }

    fn put(&self, place: u64, value: u64) {
        self.control.write_all_at(&value.to_ne_bytes(), place * 8).unwrap();
    }

    fn get(&self, place: u64) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, place * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }
}
