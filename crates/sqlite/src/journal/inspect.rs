//! What a single file of the journal says, for tools: without its database.

use crate::journal::frame::{BLOCK, FirstBlock, Header};
use crate::journal::record::Record;
use crate::journal::scan;

/// The segment in a file of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalFile {
    /// Its number.
    pub segment: u64,
    /// The frames that read back, up to the first that does not.
    pub frames: u64,
    /// Their records; `None` when those of a frame are not whole.
    pub records: Option<u64>,
    /// Where the last of these frames ends.
    pub end: u64,
    /// Where damage begins that is not the torn end of the segment.
    pub damage: Option<u64>,
}

/// Reads a file of the journal; `None` when it has no segment of a format that is known.
#[must_use]
pub fn read_journal_file(bytes: &[u8]) -> Option<JournalFile> {
    let FirstBlock::Header(sealed) = Header::read(bytes.get(..BLOCK).unwrap_or(bytes)) else { return None };
    // Bytes in memory can always be read.
    let found = scan::read_segment(bytes, 0, sealed).ok()?;
    let mut records = Some(0);
    let mut count = |payload: &[u8]| {
        let read = Record::read_all(payload);
        records = records.zip(read).map(|(count, read)| count + read.len() as u64);
    };
    found.payloads(bytes, &mut count).ok()?;
    let (frames, end, damage) = (found.frames, found.end, found.damage());
    Some(JournalFile { segment: sealed.header.segment, frames, records, end, damage })
}
