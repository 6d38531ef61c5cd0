//! The segment that is written, and one that is complete and waits to be applied.

use crate::account::Key;
use crate::journal::file::SegmentFile;
use crate::journal::frame::{BLOCK, FrameBuffer, Header};
use crate::journal::scan::Segment;
use crate::journal::status::ActiveStatus;
use crate::primitives::Instant;
use portraitd_store::StoreId;
use std::hash::{BuildHasher, RandomState};
use std::io;

/// A complete segment.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) file: SegmentFile,
    pub(crate) segment: u64,
    /// Its acknowledged frames.
    pub(crate) frames: u64,
    /// Every row that it changed, at least once, with its account.
    pub(crate) rows: Vec<(i64, Key)>,
    /// Whether something was deleted in it: what it was must not stay in the files.
    pub(crate) erases: bool,
    /// Whether it ended because its file was full.
    pub(crate) filled: bool,
    /// Whether a copy waits for the moment at which it ended: nothing of a later segment may be in the tables then.
    pub(crate) exactly: bool,
}

/// The segment that is written.
#[derive(Debug)]
pub(crate) struct Active {
    file: SegmentFile,
    header: Header,
    seed: u32,
    /// Acknowledged frames.
    frames: u64,
    end: u64,
    /// When the first of them was written.
    pub(crate) began: Instant,
    pub(crate) rows: Vec<(i64, Key)>,
    /// The memory that its changes take until they are applied, in bytes.
    pub(crate) pending_bytes: usize,
    pub(crate) erases: bool,
}

impl Active {
    /// Begins a segment in a file. Nothing is written before its first frame.
    pub(crate) fn begin(file: SegmentFile, store: StoreId, segment: u64, frames_before: u64) -> Self {
        let header = Header { store, segment, frames_before, nonce: 0 };
        let end = BLOCK as u64;
        Self {
            file,
            header,
            seed: 0,
            frames: 0,
            end,
            began: Instant::now(),
            rows: Vec::new(),
            pending_bytes: 0,
            erases: false,
        }
    }

    /// Goes on with a segment that an earlier process began.
    pub(crate) fn resume(file: SegmentFile, found: &Segment, rows: Vec<(i64, Key)>, erases: bool) -> Self {
        let mut active = Self::begin(file, found.sealed.header.store, found.sealed.header.segment, 0);
        active.header = found.sealed.header;
        active.seed = found.sealed.seed;
        (active.frames, active.end) = (found.frames, found.end);
        (active.rows, active.erases) = (rows, erases);
        active
    }

    pub(crate) const fn segment(&self) -> u64 {
        self.header.segment
    }

    pub(crate) const fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes of the file that are used.
    pub(crate) const fn bytes(&self) -> u64 {
        self.end
    }

    /// Its state, after a frame. `pending_bytes_max`: the memory that its changes may take.
    pub(crate) fn status(&self, pending_bytes_max: usize) -> ActiveStatus {
        let percent = |used: u64, most: u64| 100 * used / most.max(1);
        let of_file = percent(self.end, self.file.capacity());
        let of_memory = percent(self.pending_bytes as u64, pending_bytes_max as u64);
        ActiveStatus {
            began: self.began,
            written: Instant::now(),
            bytes: self.end,
            fill_percent: of_file.max(of_memory),
            erases: self.erases,
        }
    }

    /// Whether a frame fits into the file. The first one always does: the file is extended for it.
    pub(crate) fn fits(&self, frame: &FrameBuffer) -> bool {
        self.frames == 0 || self.end + frame.file_bytes() <= self.file.capacity()
    }

    /// Writes a frame; on the disk when it returns. After an error no frame may follow in this segment, unless it has none.
    pub(crate) fn append(&mut self, frame: &mut FrameBuffer) -> io::Result<()> {
        let bytes = frame.file_bytes();
        if self.frames == 0 {
            // Another header than that of an attempt that failed: its frame may be in the file.
            self.header.nonce = RandomState::new().hash_one(self.header.segment);
            let header = self.header;
            let (written, seed) = frame.finish(Some(&header), 0, 0);
            self.file.write(written, 0)?;
            (self.seed, self.began) = (seed, Instant::now());
        } else {
            let (written, _) = frame.finish(None, self.seed, self.frames);
            self.file.write(written, self.end)?;
        }
        self.frames += 1;
        self.end += bytes;
        Ok(())
    }

    /// The file of a segment that has no frame.
    pub(crate) fn into_file(self) -> SegmentFile {
        self.file
    }

    /// Completes the segment.
    pub(crate) fn freeze(self, filled: bool, exactly: bool) -> Frozen {
        let Self { file, header, frames, rows, erases, .. } = self;
        Frozen { file, segment: header.segment, frames, rows, erases, filled, exactly }
    }
}
