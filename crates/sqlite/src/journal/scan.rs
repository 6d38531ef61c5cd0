//! Reads the journal at a start: which segments the table does not have yet, and whether they are whole.
//!
//! One frame at the end may be torn: it was not acknowledged. Any other that does not read back is damage, which is told by what
//! lies behind it: another frame of the segment, or a later segment that counts more frames. Only one that repeats it may be there:
//! a start does not know whether the last frame is on the disk, and writes its records once more.

use crate::OpenError;
use crate::disk_space::is_full;
use crate::journal::file::{ReadAt, SegmentFile, paths};
use crate::journal::frame::{
    BLOCK, FRAME_HEAD, FirstBlock, FrameBuffer, FrameHead, Header, REPEATS, Sealed, VERSION,
};
use crate::journal::frame_reader::FrameReader;
use crate::journal::record::Record;
use portraitd_store::StoreId;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A segment that the table does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    /// Which of the two files it is in.
    pub(crate) index: usize,
    pub(crate) sealed: Sealed,
    /// Its frames that were acknowledged, or may have been.
    pub(crate) frames: u64,
    /// Where the last of them begins.
    last_at: u64,
    /// The end of the last one.
    pub(crate) end: u64,
    /// Where damage begins, if there is any.
    damage: Option<u64>,
}

/// The result of reading both files.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// The segments with frames, or whose first frame is damaged; the older one first.
    pub(crate) pending: Vec<Segment>,
    /// The file in which the segment after the last one was begun: its header counts the frames of that, to which none may be added. It
    /// begins again there, so that no two files have one number.
    pub(crate) begun: Option<usize>,
}

impl Scanned {
    /// The damaged segment and the place of the damage, when there is one.
    pub(crate) fn damage(&self) -> Option<(Segment, u64)> {
        self.pending.iter().find_map(|segment| Some((*segment, segment.damage?)))
    }
}

/// Reads both files; `applied` is the last segment that the table has.
pub(crate) fn scan(files: &[SegmentFile; 2], store: StoreId, applied: u64) -> Result<Scanned, OpenError> {
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let failed = OpenError::io(file.path());
        let sealed = match first_block(file).map_err(&failed)? {
            FirstBlock::Blank => continue,
            FirstBlock::Newer(found) => {
                let path = file.path().to_owned();
                return Err(OpenError::UnknownFormat { path, found: found.into(), known: VERSION.into() });
            }
            FirstBlock::Header(sealed) => sealed,
        };
        if sealed.header.store != store {
            return Err(OpenError::ForeignJournal { path: file.path().to_owned() });
        }
        if sealed.header.segment > applied {
            found.push(read_segment(file, index, sealed).map_err(&failed)?);
        }
    }
    found.sort_by_key(|segment| segment.sealed.header.segment);
    // Each continues the one before it, and the first one continues the table.
    for (segment, expected) in found.iter().zip(applied + 1..) {
        if segment.sealed.header.segment != expected {
            let path = files.get(segment.index).map(|file| file.path().to_owned()).unwrap_or_default();
            return Err(OpenError::ForeignJournal { path });
        }
    }
    if let [older, newer] = found.as_mut_slice() {
        older.cut(files, newer.sealed.header.frames_before)?;
    }
    // One whose first frame is damaged has no frames either, and is not empty.
    let is_empty = |segment: &Segment| segment.frames == 0 && segment.damage.is_none();
    let begun = found.iter().find(|segment| is_empty(segment)).map(|segment| segment.index);
    found.retain(|segment| !is_empty(segment));
    Ok(Scanned { pending: found, begun })
}

/// Reads a complete segment of this process, of which `frames` frames were acknowledged. Fails when not all of them read back.
pub(crate) fn complete(file: &SegmentFile, frames: u64) -> Result<Segment, OpenError> {
    let failed = OpenError::io(file.path());
    let damaged = |offset| OpenError::DamagedJournal { path: file.path().to_owned(), offset };
    let FirstBlock::Header(sealed) = first_block(file).map_err(&failed)? else { return Err(damaged(0)) };
    let segment = read_up_to(file, file.index(), sealed, frames).map_err(&failed)?;
    if segment.frames < frames { Err(damaged(segment.end)) } else { Ok(segment) }
}

fn first_block(file: &(impl ReadAt + ?Sized)) -> io::Result<FirstBlock> {
    let mut block = [0; BLOCK];
    let read = file.read(&mut block, 0)?;
    Ok(Header::read(block.get(..read).unwrap_or_default()))
}

/// Refuses a segment in the directory of a database whose format has no journal: it is another one's, or of a later time.
pub(crate) fn refuse_any(dir: &Path) -> Result<(), OpenError> {
    for path in paths(dir).into_iter().filter(|path| path.exists()) {
        let mut block = [0; BLOCK];
        File::open(&path).and_then(|file| file.read_at(&mut block, 0)).map_err(OpenError::io(&path))?;
        if Header::read(&block) != FirstBlock::Blank {
            return Err(OpenError::ForeignJournal { path });
        }
    }
    Ok(())
}

impl Segment {
    /// Leaves the frames that the next segment counts: one behind them was never acknowledged.
    fn cut(&mut self, files: &[SegmentFile; 2], frames: u64) -> Result<(), OpenError> {
        if self.frames < frames {
            self.damage.get_or_insert(self.end);
        } else if self.frames > frames
            && let Some(file) = files.get(self.index)
        {
            let (sealed, index) = (self.sealed, self.index);
            *self = read_up_to(file, index, sealed, frames).map_err(OpenError::io(file.path()))?;
            self.damage = None;
        }
        Ok(())
    }

    /// Where damage begins, if there is any.
    pub(crate) const fn damage(&self) -> Option<u64> {
        self.damage
    }

    /// The payload of each frame, up to the first that does not read back.
    pub(super) fn payloads(
        &self,
        file: &(impl ReadAt + ?Sized),
        each: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut reader = FrameReader::new(file, self.sealed.seed);
        while reader.number < self.frames {
            match reader.next()? {
                Some(payload) => each(payload),
                None => break,
            }
        }
        Ok(())
    }

    /// Reads the records.
    pub(crate) fn replay(&self, file: &SegmentFile, each: &mut dyn FnMut(Record)) -> Result<(), OpenError> {
        let failed = OpenError::io(file.path());
        let mut reader = FrameReader::new(file, self.sealed.seed);
        while reader.number < self.frames {
            let at = reader.at;
            let records = reader.next().map_err(&failed)?.and_then(Record::read_all);
            let damaged = || OpenError::DamagedJournal { path: file.path().to_owned(), offset: at };
            records.ok_or_else(damaged)?.into_iter().for_each(&mut *each);
        }
        Ok(())
    }

    /// Makes the last frame survive a power cut: it may be in the page cache only, when its sync failed, or was cut short with the
    /// process. Those before it were on the disk before it began. Nothing that may be on the disk is overwritten, unless that is full: the
    /// records are written once more behind the frame, and of the header's two copies one after the other.
    pub(crate) fn secure(mut self, file: &mut SegmentFile) -> io::Result<Self> {
        if self.frames == 1 {
            let mut header = [0; BLOCK];
            file.read(&mut header, 0)?;
            let (first, second) = header.split_at(BLOCK / 2);
            file.write(second, first.len() as u64)?;
            file.write(first, 0)?;
        }
        let mut last = vec![0; usize::try_from(self.end - self.last_at).unwrap_or_default()];
        file.read(&mut last, self.last_at)?;
        let Some(head) = FrameHead::read(&last) else { return Err(io::ErrorKind::InvalidData.into()) };
        let mut repeated = FrameBuffer::default();
        repeated.begin();
        repeated
            .records()
            .extend_from_slice(last.get(FRAME_HEAD..FRAME_HEAD + head.length).unwrap_or_default());
        let (bytes, _) = repeated.finish(None, self.sealed.seed, self.frames | REPEATS);
        match file.write(bytes, self.end) {
            // The file can't become larger: the frame is written over itself.
            Err(error) if is_full(&error) => return file.write(&last, self.last_at).map(|()| self),
            written => written?,
        }
        self.last_at = self.end;
        self.end += bytes.len() as u64;
        self.frames += 1;
        Ok(self)
    }
}

pub(super) fn read_segment(
    file: &(impl ReadAt + ?Sized),
    index: usize,
    sealed: Sealed,
) -> io::Result<Segment> {
    read_up_to(file, index, sealed, u64::MAX)
}

fn read_up_to(
    file: &(impl ReadAt + ?Sized),
    index: usize,
    sealed: Sealed,
    frames: u64,
) -> io::Result<Segment> {
    let mut reader = FrameReader::new(file, sealed.seed);
    let mut last_at = reader.at;
    while reader.number < frames {
        if reader.next()?.is_none() {
            break;
        }
        last_at = reader.last_at;
    }
    let damage = reader.is_continued.then_some(reader.at);
    Ok(Segment { index, sealed, frames: reader.number, last_at, end: reader.at, damage })
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::journal::frame::FrameBuffer;
    use proptest::prelude::*;

    fn header(segment: u64) -> Header {
        Header { store: StoreId::from_bytes([7; 16]), segment, frames_before: 3, nonce: 99 }
    }

    /// Appends a segment to what an earlier one left in a file; returns where its frames begin, and its end.
    fn write(file: &mut Vec<u8>, header: &Header, payloads: &[Vec<u8>]) -> Vec<usize> {
        let (mut buffer, mut seed, mut at) = (FrameBuffer::default(), 0, BLOCK);
        let mut begins = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            buffer.begin();
            buffer.records().extend_from_slice(payload);
            let first = (number == 0).then_some(header);
            let (bytes, found) = buffer.finish(first, seed, number as u64);
            seed = found;
            let from = if number == 0 { 0 } else { at };
            if file.len() < from + bytes.len() {
                file.resize(from + bytes.len(), 0);
            }
            file[from..from + bytes.len()].copy_from_slice(bytes);
            begins.push(at);
            at = from + bytes.len();
        }
        begins.push(at);
        begins
    }

    fn read(file: &[u8]) -> Option<(Segment, Vec<Vec<u8>>)> {
        let FirstBlock::Header(sealed) = Header::read(file.get(..BLOCK).unwrap_or(file)) else { return None };
        let segment = read_segment(file, 0, sealed).unwrap();
        let mut payloads = Vec::new();
        segment.payloads(file, &mut |payload| payloads.push(payload.to_vec())).unwrap();
        Some((segment, payloads))
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..9000), 1..6)
    }

    proptest! {
        /// Of what an earlier segment left in the file, nothing is read.
        #[test]
        fn a_segment_reads_back_from_a_file_that_was_used_before(older in payloads(), newer in payloads()) {
            let mut file = Vec::new();
            write(&mut file, &header(5), &older);
            let begins = write(&mut file, &header(7), &newer);
            let (segment, read) = read(&file).unwrap();
            prop_assert_eq!(read, newer);
            let end = usize::try_from(segment.end).unwrap();
            prop_assert_eq!((Some(&end), segment.damage()), (begins.last(), None));
        }

        /// What is returned was written, in its order; what is missing was torn at the end, or is told as damage.
        #[test]
        fn of_a_damaged_segment_nothing_is_invented(
            older in payloads(),
            newer in payloads(),
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1_usize..5000), 1..4),
            cut in proptest::option::of(any::<prop::sample::Index>()),
        ) {
            let mut file = Vec::new();
            write(&mut file, &header(5), &older);
            let begins = write(&mut file, &header(7), &newer);
            let whole = file.clone();
            for (place, byte, length) in places {
                let at = place.index(file.len());
                let end = (at + length).min(file.len());
                file[at..end].fill(byte);
            }
            if let Some(cut) = cut {
                file.truncate(cut.index(file.len()));
            }
            if let Some((segment, read)) = read(&file)
                && segment.sealed.header == header(7)
            {
                prop_assert!(newer.starts_with(&read));
                let is_whole = |number: usize| {
                    let frame = begins[number]..begins[number] + FRAME_HEAD + newer[number].len();
                    file.get(frame.clone()) == whole.get(frame)
                };
                let first_broken = (0..newer.len()).find(|number| !is_whole(*number)).unwrap_or(newer.len());
                prop_assert_eq!(read.len(), first_broken);
                let is_followed = (first_broken + 1..newer.len()).any(is_whole);
                let damage = is_followed.then_some(begins[first_broken] as u64);
                prop_assert_eq!(segment.damage(), damage);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
            read(&bytes);
        }
    }
}
