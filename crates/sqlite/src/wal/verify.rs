//! The check of the WAL at a start, before the store uses it.
//!
//! SQLite reads a WAL up to the first frame with a wrong checksum, and treats that as the end: correct after a crash, when only
//! the last commit can be incomplete. Two cases SQLite can't know are handled here. The WAL may be in the page cache only, when
//! a sync of an earlier process failed: it is rewritten into a new file and synced before it is used. And a frame with a wrong
//! checksum may have been damaged later: whole commits behind it prove that it was on the disk.

use crate::OpenError;
use crate::directory_lock::sync_directory;
use crate::disk_space::is_full;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const HEAD_BYTES: u64 = 32;
const FRAME_HEAD_BYTES: u64 = 24;
/// Pages are counted from 1.
const NO_PAGE: u32 = 0;
/// In the head: checksums are of big-endian words.
const MAGIC_BIG_ENDIAN: u32 = 0x377f_0683;
const MAGIC_LITTLE_ENDIAN: u32 = 0x377f_0682;

/// The path of a database's WAL.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

fn staging_path(log: &Path) -> PathBuf {
    log.with_extension("db-wal.partial")
}

/// Whether there is a WAL that is not empty. SQLite treats one without a whole header as empty.
pub(crate) fn exists(database: &Path) -> bool {
    fs::metadata(path_of(database)).is_ok_and(|log| log.len() >= HEAD_BYTES)
}

/// Checks that the WAL is whole, and syncs it. No connection of this process may have the database open.
pub(crate) fn verify_and_sync(database: &Path) -> Result<(), OpenError> {
    let path = path_of(database);
    let failed = OpenError::io(&path);
    // Left by a start that was interrupted.
    let _ = fs::remove_file(staging_path(&path));
    let file = match File::options().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let Some(log) = WalHeader::read(&file).map_err(&failed)? else { return Ok(()) };
    let found = log.scan(&file, NO_PAGE).map_err(&failed)?;
    if let Some(offset) = found.damage {
        return Err(OpenError::DamagedWal { path: path.clone(), offset });
    }
    if found.end == 0 {
        return Ok(());
    }
    match write_copy(&file, found.end, database, &path) {
        Ok(true) => Ok(()),
        // Rewritten in place: the same bytes over themselves.
        Ok(false) => copy(&file, &file, found.end).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

/// Whether a committed frame holds the page; `None` when nothing is committed.
pub(crate) fn holds_page(database: &Path, page: u32) -> io::Result<Option<bool>> {
    let file = File::open(path_of(database))?;
    let Some(log) = WalHeader::read(&file)? else { return Ok(None) };
    let found = log.scan(&file, page)?;
    Ok((found.end > 0).then_some(found.holds))
}

/// The offset of the damage in a WAL; `None` when it is whole or missing.
pub(crate) fn find_damage(database: &Path) -> io::Result<Option<u64>> {
    let file = match File::open(path_of(database)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(log) = WalHeader::read(&file)? else { return Ok(None) };
    Ok(log.scan(&file, NO_PAGE)?.damage)
}

/// Replaces the WAL by a synced copy; there is a whole WAL at any moment. Returns `false` when that is not possible: another
/// program has the WAL open, or the disk is full.
fn write_copy(log: &File, end: u64, database: &Path, path: &Path) -> io::Result<bool> {
    if !is_alone(database)? {
        return Ok(false);
    }
    let staging = staging_path(path);
    let written = (|| {
        let mut options = File::options();
        let target = options.write(true).create(true).truncate(true).mode(0o600).open(&staging)?;
        copy(log, &target, end)
    })();
    match written {
        Ok(()) => {}
        Err(error) => {
            let _ = fs::remove_file(&staging);
            return if is_full(&error) { Ok(false) } else { Err(error) };
        }
    }
    fs::rename(&staging, path)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))?;
    Ok(true)
}

/// Whether no other program has the WAL open: SQLite holds a lock on the WAL's index while it has.
fn is_alone(database: &Path) -> io::Result<bool> {
    let mut index = database.as_os_str().to_owned();
    index.push("-shm");
    let index = match File::options().read(true).write(true).open(index) {
        Ok(index) => index,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    // Released when the file is closed.
    Ok(rustix::fs::fcntl_lock(&index, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok())
}

fn copy(from: &File, to: &File, end: u64) -> io::Result<()> {
    let mut chunk = vec![0; 1 << 20];
    let mut at = 0;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(chunk.len());
        let Some(part) = chunk.get_mut(..wanted) else { return Err(io::ErrorKind::InvalidInput.into()) };
        from.read_exact_at(part, at)?;
        to.write_all_at(part, at)?;
        at += wanted as u64;
    }
    to.sync_data()
}

fn big_endian(bytes: &[u8], place: usize) -> u32 {
    let word = bytes.get(place..place + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

/// The header of a WAL.
struct WalHeader {
    big_endian: bool,
    page_bytes: u64,
    salt: (u32, u32),
    /// The header's checksum, with which the first frame's begins.
    sum: (u32, u32),
    bytes: u64,
    head_is_whole: bool,
}

/// The result of reading a WAL.
struct Scan {
    /// The end of the last commit that SQLite reads; 0 without any.
    end: u64,
    /// The offset of damage that a crash can't explain.
    damage: Option<u64>,
    /// Whether the wanted page is in a frame up to `end`.
    holds: bool,
}

impl WalHeader {
    /// Reads the header; `None` for an empty file. A header lies in one sector: it is written whole, or not at all.
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
            sum: (word(24), word(28)),
            bytes,
            head_is_whole: false,
        };
        let [summed @ .., _, _, _, _, _, _, _, _] = &head;
        log.head_is_whole = [MAGIC_BIG_ENDIAN, MAGIC_LITTLE_ENDIAN].contains(&magic)
            && (512..=65536).contains(&page_bytes)
            && log.checksum((0, 0), summed) == log.sum;
        Ok(Some(log))
    }

    const fn frame_bytes(&self) -> u64 {
        FRAME_HEAD_BYTES + self.page_bytes
    }

    /// Reads the WAL as SQLite does, and further, for commits behind its end. One commit there is normal: the last one, which
    /// was not synced when the power failed, and may have reached the disk in part. With two, the first was acknowledged
    /// before the second began.
    fn scan(&self, file: &File, wanted: u32) -> io::Result<Scan> {
        let mut found = Scan { end: 0, damage: (!self.head_is_whole).then_some(0), holds: false };
        let mut holds = false;
        let mut frame = vec![0; usize::try_from(self.frame_bytes()).unwrap_or(0)];
        let mut reader = BufReader::with_capacity(1 << 18, file);
        reader.seek(SeekFrom::Start(HEAD_BYTES))?;
        let (mut at, mut sum, mut broken, mut commits_after) = (HEAD_BYTES, Some(self.sum), None, 0);
        while found.damage.is_none() && at + self.frame_bytes() <= self.bytes {
            reader.read_exact(&mut frame)?;
            let (Some(head), Some(page)) = (frame.get(..8), frame.get(24..)) else { break };
            let word = |place: usize| big_endian(&frame, place);
            let (is_ours, is_commit) = ((word(8), word(12)) == self.salt, word(4) != 0);
            let stored = (word(16), word(20));
            // Whether its checksum continues that of its predecessor.
            let fits =
                is_ours && sum.is_some_and(|sum| self.checksum(self.checksum(sum, head), page) == stored);
            holds |= word(0) == wanted;
            if !fits {
                broken.get_or_insert(at);
                commits_after = 0;
            } else if is_commit && broken.is_some() {
                commits_after += 1;
            } else if is_commit {
                found.end = at + self.frame_bytes();
                found.holds = holds;
            }
            if commits_after >= 2 {
                found.damage = broken;
            }
            sum = is_ours.then_some(stored);
            at += self.frame_bytes();
        }
        Ok(found)
    }

    fn checksum(&self, sum: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        let (mut first, mut second) = sum;
        let word = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let words: &[[u8; 4]] = bytes.as_chunks().0;
        for [one, other] in words.as_chunks().0 {
            first = first.wrapping_add(word(*one)).wrapping_add(second);
            second = second.wrapping_add(word(*other)).wrapping_add(first);
        }
        (first, second)
    }
}
