//! The redo journal: every change of an account's row is on the disk here before it is acknowledged, and in SQLite's table
//! some time later ([`crate::apply`]).
//!
//! Two files take turns. One is written, the active segment; the other holds the segment before it until the table has it, and is
//! then used again: overwriting bytes that are there already takes a half of the time of extending a file. A segment is a header and
//! frames; a frame is what one sync made durable: the records of a batch, each the whole new state of a row.
//!
//! Records are absolute, and the table knows the last segment that it has completely: so a segment may be applied twice, or in
//! part, but one that is applied is never read again.

mod active;
mod file;
mod frame;
mod frame_reader;
mod inspect;
mod record;
mod row;
mod scan;
mod status;

pub(crate) use active::{Active, Frozen};
pub(crate) use file::{SegmentFile, create, erase_all, path, paths};
pub(crate) use frame::FrameBuffer;
pub use inspect::{JournalFile, read_journal_file};
pub(crate) use record::{EventChange, EventProgress, Record, event_state};
pub(crate) use row::JournalRow;
pub(crate) use scan::{Scanned, Segment, complete, refuse_any, scan};
pub(crate) use status::JournalStatus;
