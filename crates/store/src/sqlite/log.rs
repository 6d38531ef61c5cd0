//! The write-ahead log as it is found at a start, before anything is built upon it.
//!
//! SQLite reads a log up to the first frame that does not fit, and takes that for the end: rightly so after a crash, when only
//! the last commit can be incomplete. Two things it can't know are seen to here. What it read may be in the page cache only,
//! when an earlier process's sync failed: it is written once more, so that the next sync means what it says. And a frame that
//! does not fit may have been damaged since: whole commits behind it prove that it was on the disk once.

use super::connection::{self, Access};
use crate::open::{DirectoryLock, OpenError, sync_directory};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const HEAD_BYTES: u64 = 32;
const FRAME_HEAD_BYTES: u64 = 24;
/// In the head: checksums are of big-endian words.
const MAGIC_BIG_ENDIAN: u32 = 0x377f_0683;
const MAGIC_LITTLE_ENDIAN: u32 = 0x377f_0682;

/// The log of a database.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// Sees to it that the log, of which SQLite could read so many frames, is whole and on the disk.
pub(super) fn make_sure(database: &Path, frames: u64) -> Result<(), OpenError> {
    let path = path_of(database);
    let file = match File::options().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::io(&path)(error)),
    };
    if let Some(offset) = damage(&file, frames).map_err(OpenError::io(&path))? {
        return Err(OpenError::DamagedLog { path, offset });
    }
    write_again(&file, frames).map_err(OpenError::io(&path))
}

/// Where a log is damaged, of which SQLite could read so many frames.
pub(super) fn find_damage(database: &Path, frames: u64) -> io::Result<Option<u64>> {
    match File::open(path_of(database)) {
        Ok(file) => damage(&file, frames),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_again(file: &File, frames: u64) -> io::Result<()> {
    let Some(log) = Log::read(file)? else { return Ok(()) };
    let mut chunk = vec![0; 1 << 20];
    let (mut at, end) = (0, log.place(frames).min(log.bytes));
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(chunk.len());
        let Some(part) = chunk.get_mut(..wanted) else { return Err(io::ErrorKind::InvalidInput.into()) };
        file.read_exact_at(part, at)?;
        file.write_all_at(part, at)?;
        at += wanted as u64;
    }
    file.sync_data()
}

/// Looks for commits behind the end. One may be there rightly: the last one, which was not synced when the power went, and may
/// have reached the disk in part. With two, the first was acknowledged before the second began.
fn damage(file: &File, frames: u64) -> io::Result<Option<u64>> {
    let Some(log) = Log::read(file)? else { return Ok(None) };
    if !log.head_is_whole {
        return Ok(Some(0));
    }
    let (mut commits, mut sum) = (0, None);
    let mut frame = vec![0; usize::try_from(log.frame_bytes()).unwrap_or(0)];
    for number in frames.. {
        let at = log.place(number);
        if at + log.frame_bytes() > log.bytes {
            return Ok(None);
        }
        file.read_exact_at(&mut frame, at)?;
        let (Some(head), Some(page)) = (frame.get(..8), frame.get(24..)) else { return Ok(None) };
        let word = |place: usize| big_endian(&frame, place);
        if (word(8), word(12)) != log.salt {
            (commits, sum) = (0, None);
            continue;
        }
        let stored = (word(16), word(20));
        // Whether it fits its predecessor, whatever is before that.
        let fits = sum.is_some_and(|sum| log.checksum(log.checksum(sum, head), page) == stored);
        commits = if fits { commits + u64::from(word(4) != 0) } else { 0 };
        if commits >= 2 {
            return Ok(Some(log.place(frames)));
        }
        sum = Some(stored);
    }
    Ok(None)
}

fn big_endian(bytes: &[u8], place: usize) -> u32 {
    let word = bytes.get(place..place + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

/// What a log's head says.
struct Log {
    big_endian: bool,
    page_bytes: u64,
    salt: (u32, u32),
    bytes: u64,
    head_is_whole: bool,
}

impl Log {
    /// `None` for a file that holds nothing yet. A head lies in one sector: it is written whole, or not at all.
    fn read(file: &File) -> io::Result<Option<Self>> {
        let bytes = file.metadata()?.len();
        let mut head = [0; 32];
        if bytes < HEAD_BYTES {
            return Ok(None);
        }
        file.read_exact_at(&mut head, 0)?;
        let word = |place: usize| big_endian(&head, place);
        if head == [0; 32] {
            return Ok(None);
        }
        let (magic, page_bytes) = (word(0), u64::from(word(8)));
        let mut log = Self {
            big_endian: magic == MAGIC_BIG_ENDIAN,
            page_bytes,
            salt: (word(16), word(20)),
            bytes,
            head_is_whole: false,
        };
        let [summed @ .., _, _, _, _, _, _, _, _] = &head;
        log.head_is_whole = [MAGIC_BIG_ENDIAN, MAGIC_LITTLE_ENDIAN].contains(&magic)
            && (512..=65536).contains(&page_bytes)
            && log.checksum((0, 0), summed) == (word(24), word(28));
        Ok(Some(log))
    }

    const fn frame_bytes(&self) -> u64 {
        FRAME_HEAD_BYTES + self.page_bytes
    }

    const fn place(&self, frame: u64) -> u64 {
        HEAD_BYTES + frame * self.frame_bytes()
    }

    fn checksum(&self, sum: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        let (mut first, mut second) = sum;
        for pair in bytes.chunks_exact(8) {
            let word = |place: usize| {
                let word = big_endian(pair, place);
                if self.big_endian { word } else { word.swap_bytes() }
            };
            first = first.wrapping_add(word(0)).wrapping_add(second);
            second = second.wrapping_add(word(4)).wrapping_add(first);
        }
        (first, second)
    }
}

/// What a repair did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// Where the log stopped to read back.
    pub offset: u64,
    /// Where the damaged log is kept.
    pub kept: PathBuf,
}

/// Gives up what lies behind a damaged place of the log in a directory that no process has open: the log as it is is kept
/// aside, what reads back before that place goes into the database. `None` when the log is not damaged.
pub fn repair(dir: &Path) -> Result<Option<Repaired>, OpenError> {
    let path = dir.join("portraitd.db");
    if !path.is_file() {
        return Err(OpenError::NoStore { dir: dir.to_owned() });
    }
    let _lock = DirectoryLock::take(dir)?;
    let connection = connection::existing(&path, Access::Write)?;
    let frames = connection::frames(&connection).map_err(OpenError::engine(&path))?;
    let log = path_of(&path);
    let Some(offset) = find_damage(&path, frames).map_err(OpenError::io(&log))? else { return Ok(None) };
    let kept = dir.join("portraitd.db-wal.damaged");
    let keep = || {
        let mut copy = File::options().write(true).create_new(true).mode(0o600).open(&kept)?;
        io::copy(&mut File::open(&log)?, &mut copy)?;
        copy.sync_all()?;
        sync_directory(dir)
    };
    keep().map_err(OpenError::io(&kept))?;
    connection::close_last(connection).map_err(OpenError::engine(&path))?;
    Ok(Some(Repaired { offset, kept }))
}
