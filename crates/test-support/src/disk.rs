//! The disk that fails on command (`disk.c`), from the outside: built once, told what to spoil, asked what it did.

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
pub const EVERY_FILE: u64 = 15;

pub const EIO: u64 = 5;
pub const EMFILE: u64 = 24;
pub const ENOSPC: u64 = 28;
pub const EROFS: u64 = 30;
/// Beyond a quota.
pub const EDQUOT: u64 = 122;

/// What becomes of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Fail = 0,
    KillBefore = 1,
    KillAfter = 2,
    /// Half of a write is done.
    KillAmid = 3,
    FailAmid = 4,
    /// Half of a write is done, and said to be.
    Short = 5,
    /// A bit of what is read.
    Flip = 6,
    /// Until the test heals the disk; then it is done.
    Hang = 7,
}

/// What is spoiled, and from when on.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub kinds: u64,
    pub files: u64,
    /// The number of the first among the operations meant, from now on; 0 spoils none, and counts.
    pub first: u64,
    /// So many in a row.
    pub count: u64,
    pub action: Action,
    pub error: u64,
}

/// What is preloaded into a process that is to see the disk; `build.rs` makes it.
const LIBRARY: &str = env!("DISK_LIBRARY");

/// One failing disk below a directory: goes into the process that is to see it.
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

    /// Puts the process that is about to be started on this disk.
    pub fn attach(&self, command: &mut Command) {
        command.env("LD_PRELOAD", LIBRARY);
        command.env("DISK_DIR", &self.dir).env("DISK_CONTROL", &self.control_path);
    }

    /// From now on; the counters start from zero.
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

    /// From now on nothing is spoiled.
    pub fn heal(&self) {
        self.put(2, 0);
    }

    /// How many operations of the kinds meant there were.
    pub fn seen(&self) -> u64 {
        self.get(6)
    }

    /// How many of them were spoiled.
    pub fn fired(&self) -> u64 {
        self.get(7)
    }

    /// The wall clock of the process is wrong by so many seconds.
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
