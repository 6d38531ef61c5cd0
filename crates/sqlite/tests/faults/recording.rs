//! The recorded file operations of a process, and the disks that a power cut at one moment of them may leave.
//!
//! A file's durable bytes are those of its last successful sync. Later writes may be there or not, sector by sector, in any order,
//! or as zeros; the file's size may be any in between. A name is durable once its directory was synced. Writes before a failed sync
//! may be lost although a later sync succeeded. One assumption, as SQLite makes by default: an interrupted write changes no byte
//! outside its own range (power-safe overwrite).

use crate::random::Random;
use crate::workload::{MARK_BYTES, Mark};
use std::collections::BTreeMap;
use std::path::Path;

const SECTOR: usize = 512;
const HEAD_BYTES: usize = 24;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Opened { file: u32, path: String, truncated: bool },
    Wrote { file: u32, at: usize, bytes: Vec<u8> },
    Truncated { file: u32, length: usize },
    Synced { file: u32 },
    SyncFailed { file: u32 },
    Unlinked { path: String },
    Renamed { file: u32, to: String },
    Marked(Mark),
}

/// Reads a recording.
pub(crate) fn read(path: &Path) -> Vec<Op> {
    let recorded = std::fs::read(path).unwrap();
    let (mut rest, mut ops, mut names) = (recorded.as_slice(), Vec::new(), BTreeMap::new());
    while rest.len() >= HEAD_BYTES {
        let (head, behind) = rest.split_at(HEAD_BYTES);
        let word = |place: usize| u32::from_ne_bytes(head[place..place + 4].try_into().unwrap());
        let long = |place: usize| u64::from_ne_bytes(head[place..place + 8].try_into().unwrap()) as usize;
        let (kind, file, at, length) = (word(0) as u8, word(4), long(8), long(16));
        let (bytes, behind) = behind.split_at(length);
        rest = behind;
        let text = || String::from_utf8(bytes.to_vec()).unwrap();
        match kind {
            b'O' => {
                names.insert(file, text());
                ops.push(Op::Opened { file, path: text(), truncated: at != 0 });
            }
            b'W' if names[&file].ends_with("/marks") => {
                ops.extend(bytes.chunks_exact(MARK_BYTES).map(|mark| Op::Marked(Mark::read(mark))));
            }
            b'W' => ops.push(Op::Wrote { file, at, bytes: bytes.to_vec() }),
            b'T' => ops.push(Op::Truncated { file, length: at }),
            b'S' => ops.push(Op::Synced { file }),
            b'F' => ops.push(Op::SyncFailed { file }),
            b'U' => ops.push(Op::Unlinked { path: text() }),
            b'R' => ops.push(Op::Renamed { file, to: text() }),
            other => panic!("not a record: {other}"),
        }
    }
    ops
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write(content, *at, bytes),
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    /// The other possible content of sectors, after a failed sync.
    doubtful: BTreeMap<usize, Vec<u8>>,
    pending: Vec<Change>,
}

impl Content {
    fn settle(&mut self, synced: bool) {
        for change in std::mem::take(&mut self.pending) {
            if let Change::Write { at, bytes } = &change {
                for sector in at / SECTOR..(at + bytes.len()).div_ceil(SECTOR) {
                    self.settle_sector(sector, *at, bytes, synced);
                }
            }
            change.apply(&mut self.durable);
        }
        let durable = &self.durable;
        self.doubtful.retain(|sector, other| old_sector(durable, *sector) != *other);
    }

    fn settle_sector(&mut self, sector: usize, at: usize, bytes: &[u8], synced: bool) {
        let start = sector * SECTOR;
        if synced {
            // Written again and synced: also in the other possible content.
            if let Some(other) = self.doubtful.get_mut(&sector) {
                let (from, to) = (at.max(start), (at + bytes.len()).min(start + SECTOR));
                other[from - start..to - start].copy_from_slice(&bytes[from - at..to - at]);
            }
        } else {
            let old = old_sector(&self.durable, sector);
            self.doubtful.entry(sector).or_insert(old);
        }
    }

    /// One of the contents that a power cut may leave.
    fn cut(&self, chance: &mut Chance, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        for (sector, other) in &self.doubtful {
            let start = sector * SECTOR;
            if random.one_in(2) && start < content.len() {
                let end = content.len().min(start + SECTOR);
                content[start..end].copy_from_slice(&other[..end - start]);
            }
        }
        let mut sizes = vec![content.len()];
        for (number, change) in self.pending.iter().enumerate() {
            match change {
                Change::Truncate(length) => {
                    if chance.keeps(number, random) {
                        content.resize(*length, 0);
                    }
                }
                Change::Write { at, bytes } => {
                    // The size is drawn separately below; here only the sectors.
                    let mut from = *at;
                    while from < at + bytes.len() {
                        let to = ((from / SECTOR + 1) * SECTOR).min(at + bytes.len());
                        let new = &bytes[from - at..to - at];
                        if chance.keeps(number, random) {
                            write(&mut content, from, new);
                        } else if random.one_in(4) {
                            write(&mut content, from, &vec![0; to - from]);
                        }
                        from = to;
                    }
                }
            }
            sizes.push(content.len());
        }
        if chance.any_size && sizes.iter().all(|size| *size >= self.durable.len()) {
            let most = content.len().max(self.durable.len());
            let size = match random.below(3) {
                0 => sizes[random.below(sizes.len() as u64) as usize],
                1 => self.durable.len() + random.below((most - self.durable.len()) as u64 + 1) as usize,
                _ => most,
            };
            content.resize(size, 0);
        }
        content
    }
}

fn old_sector(content: &[u8], sector: usize) -> Vec<u8> {
    let start = (sector * SECTOR).min(content.len());
    let mut old = content[start..content.len().min(start + SECTOR)].to_vec();
    old.resize(SECTOR, 0);
    old
}

/// How a power cut treats bytes that were not synced.
struct Chance {
    /// The percentage of sectors that are written.
    keep: u64,
    /// Changes before this one are written, and none from it on; or the other way round.
    split: Option<(usize, bool)>,
    any_size: bool,
}

impl Chance {
    fn draw(pending: usize, random: &mut Random) -> Self {
        let split = random.one_in(3).then(|| (random.below(pending as u64 + 1) as usize, random.one_in(3)));
        let keep = [0, 10, 50, 90, 98, 100][random.below(6) as usize];
        Self { keep, split, any_size: random.one_in(2) }
    }

    fn keeps(&self, number: usize, random: &mut Random) -> bool {
        match self.split {
            Some((split, reversed)) => (number < split) != reversed,
            None => random.below(100) < self.keep,
        }
    }
}

#[derive(Clone)]
enum NameChange {
    Made(String, u32),
    Gone(String),
    Moved(String, String),
}

/// A disk to which the operations of a recording are applied.
#[derive(Clone, Default)]
pub(crate) struct Played {
    contents: BTreeMap<u32, Content>,
    paths: BTreeMap<u32, String>,
    durable_names: BTreeMap<String, u32>,
    pending_names: Vec<NameChange>,
}

impl Played {
    /// Applies an operation. `syncs`: whether this disk honours syncs; one that does not shows that losses are detected.
    pub(crate) fn play(&mut self, op: &Op, syncs: bool) {
        match op {
            Op::Opened { file, path, truncated } => {
                if !self.paths.values().any(|known| known == path) {
                    self.pending_names.push(NameChange::Made(path.clone(), *file));
                }
                self.paths.insert(*file, path.clone());
                let content = self.contents.entry(*file).or_default();
                if *truncated {
                    content.pending.push(Change::Truncate(0));
                }
            }
            Op::Wrote { file, at, bytes } => {
                let change = Change::Write { at: *at, bytes: bytes.clone() };
                self.contents.get_mut(file).unwrap().pending.push(change);
            }
            Op::Truncated { file, length } => {
                self.contents.get_mut(file).unwrap().pending.push(Change::Truncate(*length));
            }
            Op::Synced { file } if syncs => {
                self.contents.get_mut(file).unwrap().settle(true);
                let folder = format!("{}/", self.paths[file]);
                let inside = |change: &NameChange| match change {
                    NameChange::Made(path, _) | NameChange::Gone(path) | NameChange::Moved(_, path) => {
                        path.starts_with(&folder)
                    }
                };
                let (done, left) = std::mem::take(&mut self.pending_names).into_iter().partition(inside);
                self.pending_names = left;
                rename(&mut self.durable_names, &done);
            }
            Op::SyncFailed { file } => self.contents.get_mut(file).unwrap().settle(false),
            Op::Unlinked { path } => {
                self.paths.retain(|_, known| known != path);
                self.pending_names.push(NameChange::Gone(path.clone()));
            }
            Op::Renamed { file, to } => {
                let from = self.paths.insert(*file, to.clone()).unwrap();
                self.pending_names.push(NameChange::Moved(from, to.clone()));
            }
            Op::Synced { .. } | Op::Marked(_) => {}
        }
    }

    /// The number of changes that are not durable yet.
    pub(crate) fn pending(&self) -> usize {
        self.contents.values().map(|content| content.pending.len()).sum::<usize>() + self.pending_names.len()
    }

    /// One of the disks that a power cut may leave: its files below `data`, written into `image`.
    pub(crate) fn cut(&self, data: &Path, image: &Path, random: &mut Random) {
        let mut names = self.durable_names.clone();
        // A journal keeps the order of names.
        let kept = random.below(self.pending_names.len() as u64 + 1) as usize;
        rename(&mut names, &self.pending_names[..kept]);
        for (path, file) in names {
            let (Ok(inside), Some(content)) = (Path::new(&path).strip_prefix(data), self.contents.get(&file))
            else {
                continue;
            };
            if inside.as_os_str().is_empty() {
                continue;
            }
            let bytes = if path.ends_with("-shm") {
                // Mapped and never synced: any bytes.
                (0..random.below(3) * 16384).map(|_| random.next() as u8).collect()
            } else {
                content.cut(&mut Chance::draw(content.pending.len(), random), random)
            };
            std::fs::write(image.join(inside), bytes).unwrap();
        }
    }
}

fn rename(names: &mut BTreeMap<String, u32>, changes: &[NameChange]) {
    for change in changes {
        match change {
            NameChange::Made(path, file) => drop(names.insert(path.clone(), *file)),
            NameChange::Gone(path) => drop(names.remove(path)),
            NameChange::Moved(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}
