//! The two files of the journal. They are made once, and from then on only overwritten.

use crate::OpenError;
use crate::directory_lock::sync_directory;
use crate::journal::frame::BLOCK;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Zeros are written in pieces of this size: larger ones would be kept as large pages, which later are written whole.
const PIECE_BYTES: usize = 4096;
/// Bytes between two syncs of zeros: one sync of everything would delay the syncs of the other file.
const SYNC_EVERY: u64 = 4 << 20;

/// The paths of a directory's two files.
pub(crate) fn paths(dir: &Path) -> [PathBuf; 2] {
    ["portraitd.journal-0", "portraitd.journal-1"].map(|name| dir.join(name))
}

/// The path of one of them.
pub(crate) fn path(dir: &Path, index: usize) -> PathBuf {
    let [first, second] = paths(dir);
    if index == 0 { first } else { second }
}

/// Creates the files that are missing, in a size.
pub(crate) fn create(dir: &Path, bytes: u64) -> Result<(), OpenError> {
    for path in paths(dir) {
        if path.exists() {
            continue;
        }
        let made = File::options().write(true).create_new(true).mode(0o600).open(&path);
        let made = made.and_then(|file| write_zeros(&file, 0, bytes));
        made.map_err(OpenError::io(&path))?;
    }
    sync_directory(dir).map_err(OpenError::io(dir))
}

/// Overwrites the files that there are with zeros; the tables must have everything.
pub(crate) fn erase_all(dir: &Path) -> Result<(), OpenError> {
    for (index, path) in paths(dir).into_iter().enumerate().filter(|(_, path)| path.exists()) {
        SegmentFile::open(&path, index).and_then(|mut file| file.erase()).map_err(OpenError::io(&path))?;
    }
    Ok(())
}

/// What a segment is read from.
pub(crate) trait ReadAt {
    /// Reads as many bytes as there are, from a place on; fewer at the end.
    fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// The number of bytes.
    fn bytes(&self) -> u64;
}

impl ReadAt for [u8] {
    fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        buffer.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(buffer.len().min(from.len()))
    }

    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

/// One of the files.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    path: PathBuf,
    /// Which of the two it is.
    index: usize,
    file: File,
    /// Bytes that are there to be overwritten.
    capacity: u64,
    /// Bytes from the beginning that may be other than zero.
    used: u64,
}

impl SegmentFile {
    /// Opens both files of a directory.
    pub(crate) fn open_both(dir: &Path) -> Result<[Self; 2], OpenError> {
        let open = |index| {
            let path = path(dir, index);
            Self::open(&path, index).map_err(OpenError::io(&path))
        };
        Ok([open(0)?, open(1)?])
    }

    fn open(path: &Path, index: usize) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), index, file, capacity: bytes, used: bytes })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    pub(crate) const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Writes bytes; on the disk when it returns.
    pub(crate) fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let end = at + bytes.len() as u64;
        self.used = self.used.max(end);
        self.file.write_all_at(bytes, at)?;
        self.capacity = self.capacity.max(end);
        #[cfg(test)]
        #[cfg(feature = "shuttle")]
        crate::models::sync()?;
        self.file.sync_data()
    }

    /// Overwrites everything that was written with zeros.
    pub(crate) fn erase(&mut self) -> io::Result<()> {
        write_zeros(&self.file, 0, self.used)?;
        self.used = 0;
        Ok(())
    }

    /// As [`SegmentFile::erase`], whatever was written through another handle of the file.
    pub(crate) fn erase_whole(&mut self) -> io::Result<()> {
        self.used = self.file.metadata()?.len();
        self.erase()
    }

    /// Overwrites the header, so that the segment that was begun in the file can begin in another; it must have no frame that counts.
    pub(crate) fn forget_header(&mut self) -> io::Result<()> {
        self.write(&[0; BLOCK], 0)
    }

    /// Uses no more than some bytes of the file from now on: it was larger with an earlier setting.
    pub(crate) const fn limit(&mut self, bytes: u64) {
        if bytes < self.capacity {
            self.capacity = bytes;
        }
    }

    /// Extends the file with zeros.
    pub(crate) fn grow(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.capacity {
            write_zeros(&self.file, self.capacity, bytes)?;
            self.capacity = bytes;
        }
        Ok(())
    }
}

impl ReadAt for SegmentFile {
    fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, at + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn bytes(&self) -> u64 {
        self.capacity
    }
}

/// Writes zeros over a range; on the disk when it returns.
fn write_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    let zeros = [0; PIECE_BYTES];
    let (mut at, mut unsynced) = (from, 0);
    while at < to {
        let count = (to - at).min(PIECE_BYTES as u64);
        let piece = usize::try_from(count).ok().and_then(|count| zeros.get(..count)).unwrap_or_default();
        file.write_all_at(piece, at)?;
        at += count;
        unsynced += count;
        if unsynced >= SYNC_EVERY {
            file.sync_data()?;
            unsynced = 0;
        }
    }
    file.sync_all()
}
