//! The header of a segment, and its frames.
//!
//! ```text
//! header  4 KiB: twice, 2 KiB apart, so that a torn or damaged one leaves the other:
//!         "PTRDREDO" · version u32 · store's id [16] · segment u64 · frames of the segment before u64 · nonce u64 · CRC-32
//! frame   from a multiple of 4 KiB on: CRC-32 · payload's length u32 · number u64 · payload, and zeros to the next multiple
//! ```
//! A frame's checksum begins with its header's. So the frames that an earlier segment left further behind in the file do not fit,
//! and no caller can write a profile that looks like a frame.

use portraitd_store::StoreId;

/// Frames begin at multiples of this, and are written whole: no sync writes a part of a disk's block twice.
pub(crate) const BLOCK: usize = 4096;
/// Bytes before a frame's payload.
pub(crate) const FRAME_HEAD: usize = 16;
/// In a frame's number: it has the records of the frame before it once more ([`crate::journal::Segment::secure`]).
pub(crate) const REPEATS: u64 = 1 << 63;
/// A longer payload is not a frame's.
pub(crate) const PAYLOAD_MAX: usize = 256 << 20;

const MAGIC: [u8; 8] = *b"PTRDREDO";
/// The format of the journal that this portraitd knows.
pub(super) const VERSION: u32 = 1;
/// The place of the header's second copy.
const COPY: usize = BLOCK / 2;
const HEADER_BYTES: usize = 52;

/// A segment's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) store: StoreId,
    /// Segments are numbered from 1 on.
    pub(crate) segment: u64,
    /// How many frames of the segment before were acknowledged: what is behind them there is not.
    pub(crate) frames_before: u64,
    /// Differs between two attempts to begin the same segment.
    pub(crate) nonce: u64,
}

/// A header that reads back, with its checksum, which is the seed of its frames'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sealed {
    pub(crate) header: Header,
    pub(crate) seed: u32,
}

/// What the block at the beginning of a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FirstBlock {
    /// No header: never used, erased, or torn.
    Blank,
    Header(Sealed),
    /// Written by a later version of portraitd.
    Newer(u32),
}

impl Header {
    /// The header's block.
    pub(crate) fn block(&self) -> ([u8; BLOCK], u32) {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.store.to_bytes());
        for number in [self.segment, self.frames_before, self.nonce] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let seed = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&seed.to_le_bytes());
        let mut block = [0; BLOCK];
        for half in block.chunks_exact_mut(COPY) {
            half.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
        }
        (block, seed)
    }

    /// Reads the first block of a file. Of two headers that differ the later one counts: it is written over one that is applied.
    pub(crate) fn read(block: &[u8]) -> FirstBlock {
        let newer = |one: FirstBlock, other: FirstBlock| match (one, other) {
            (FirstBlock::Header(one), FirstBlock::Header(other)) => {
                let later = if one.header.segment >= other.header.segment { one } else { other };
                FirstBlock::Header(later)
            }
            (FirstBlock::Blank, found) | (found, _) => found,
        };
        block.chunks(COPY).take(2).map(read_copy).fold(FirstBlock::Blank, newer)
    }
}

fn read_copy(bytes: &[u8]) -> FirstBlock {
    let read = || {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (magic, fields) = header.split_first_chunk::<8>()?;
        let (seed, _) = rest.split_first_chunk()?;
        let seed = u32::from_le_bytes(*seed);
        if *magic != MAGIC {
            return None;
        }
        let (version, fields) = fields.split_first_chunk()?;
        let version = u32::from_le_bytes(*version);
        if crc32fast::hash(header) != seed {
            return None;
        }
        if version != VERSION {
            return Some(FirstBlock::Newer(version));
        }
        let (store, fields) = fields.split_first_chunk()?;
        let numbers: &[[u8; 8]] = fields.as_chunks().0;
        let [segment, frames_before, nonce] = numbers else { return None };
        let header = Header {
            store: StoreId::from_bytes(*store),
            segment: u64::from_le_bytes(*segment),
            frames_before: u64::from_le_bytes(*frames_before),
            nonce: u64::from_le_bytes(*nonce),
        };
        Some(FirstBlock::Header(Sealed { header, seed }))
    };
    read().unwrap_or(FirstBlock::Blank)
}

/// The frame of a batch, while its records are added.
#[derive(Default, Debug)]
pub(crate) struct FrameBuffer {
    /// The space of a header and of the frame's head, and the records.
    bytes: Vec<u8>,
}

impl FrameBuffer {
    const PAYLOAD_AT: usize = BLOCK + FRAME_HEAD;

    /// Begins a frame. Keeps the memory of the one before.
    pub(crate) fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.resize(Self::PAYLOAD_AT, 0);
    }

    /// Where records are appended.
    pub(crate) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether no record was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() <= Self::PAYLOAD_AT
    }

    /// The bytes that the frame takes in the file.
    pub(crate) fn file_bytes(&self) -> u64 {
        (self.bytes.len() - BLOCK).next_multiple_of(BLOCK) as u64
    }

    /// Completes the frame; returns what to write. With a header, that comes first.
    pub(crate) fn finish(&mut self, header: Option<&Header>, seed: u32, number: u64) -> (&[u8], u32) {
        let padded = self.bytes.len().next_multiple_of(BLOCK);
        let length = u32::try_from(self.bytes.len() - Self::PAYLOAD_AT).unwrap_or(u32::MAX);
        let used = self.bytes.len();
        self.bytes.resize(padded, 0);
        let block = header.map(Header::block);
        let seed = block.as_ref().map_or(seed, |(_, seed)| *seed);
        let Some((first, frame)) = self.bytes.split_first_chunk_mut::<BLOCK>() else { return (&[], seed) };
        if let Some((block, _)) = &block {
            *first = *block;
        }
        if let Some(head) = frame.first_chunk_mut::<FRAME_HEAD>() {
            let [_, _, _, _, fields @ ..] = head;
            let values = length.to_le_bytes().into_iter().chain(number.to_le_bytes());
            fields.iter_mut().zip(values).for_each(|(to, from)| *to = from);
        }
        let sum = checksum(seed, frame.get(4..used - BLOCK).unwrap_or_default());
        if let Some(place) = frame.first_chunk_mut::<4>() {
            *place = sum.to_le_bytes();
        }
        let from = if block.is_some() { 0 } else { BLOCK };
        (self.bytes.get(from..).unwrap_or_default(), seed)
    }
}

/// A frame's checksum: of everything behind it.
pub(crate) fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

/// The head of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameHead {
    pub(crate) checksum: u32,
    /// Of the payload.
    pub(crate) length: usize,
    pub(crate) number: u64,
    /// Whether it has the records of the frame before it.
    pub(crate) repeats: bool,
}

impl FrameHead {
    /// Reads a head; `None` for one that no frame has.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (checksum, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (number, _) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let number = u64::from_le_bytes(*number);
        let head = Self {
            checksum: u32::from_le_bytes(*checksum),
            length,
            number: number & !REPEATS,
            repeats: number & REPEATS != 0,
        };
        (length <= PAYLOAD_MAX).then_some(head)
    }

    /// The bytes that the frame takes in the file.
    pub(crate) const fn file_bytes(self) -> u64 {
        (FRAME_HEAD + self.length).next_multiple_of(BLOCK) as u64
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    fn header(segment: u64) -> Header {
        Header { store: StoreId::from_bytes([7; 16]), segment, frames_before: 3, nonce: 99 }
    }

    #[test]
    fn a_header_reads_back_from_either_copy() {
        let (block, seed) = header(5).block();
        let whole = FirstBlock::Header(Sealed { header: header(5), seed });
        assert_eq!(Header::read(&block), whole);
        for bit in 0..(HEADER_BYTES + 4) * 8 {
            let mut damaged = block;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&damaged), whole, "bit {bit}");
            damaged[COPY + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&damaged), FirstBlock::Blank, "bit {bit}");
        }
        assert_eq!(Header::read(&[0; BLOCK]), FirstBlock::Blank);
    }

    #[test]
    fn of_two_segments_the_later_one_counts() {
        let ((old, _), (new, seed)) = (header(5).block(), header(7).block());
        let later = FirstBlock::Header(Sealed { header: header(7), seed });
        let mixed = |first: &[u8; BLOCK], second: &[u8; BLOCK]| [&first[..COPY], &second[COPY..]].concat();
        assert_eq!(Header::read(&mixed(&old, &new)), later);
        assert_eq!(Header::read(&mixed(&new, &old)), later);
    }

    #[test]
    fn a_later_version_is_named() {
        let (mut block, _) = header(5).block();
        block[8] = 2;
        let sum = crc32fast::hash(&block[..HEADER_BYTES]);
        block[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&sum.to_le_bytes());
        block[COPY..].fill(0);
        assert_eq!(Header::read(&block), FirstBlock::Newer(2));
    }

    #[test]
    fn a_frame_reads_back_under_its_own_header_only() {
        let mut buffer = FrameBuffer::default();
        buffer.begin();
        assert!(buffer.is_empty());
        buffer.records().extend_from_slice(&[1; 5000]);
        assert_eq!(buffer.file_bytes(), 2 * BLOCK as u64);
        let (bytes, seed) = buffer.finish(Some(&header(5)), 0, 4);
        assert_eq!(bytes.len(), 3 * BLOCK);
        let frame = &bytes[BLOCK..];
        let head = FrameHead::read(frame).unwrap();
        assert_eq!((head.length, head.number, head.file_bytes()), (5000, 4, 2 * BLOCK as u64));
        let summed = &frame[4..FRAME_HEAD + head.length];
        assert_eq!(checksum(seed, summed), head.checksum);
        assert_ne!(checksum(header(6).block().1, summed), head.checksum);
    }
}
