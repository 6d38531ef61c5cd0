//! What is imported, row after row, whatever the file's form.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The longest row, in bytes: every field an app can have, escaped, fits.
pub(super) const ROW_BYTES_MAX: usize = 1 << 20;

/// One row of a file.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The number of its (first) line.
    pub(crate) number: u64,
    /// As it stands in the file.
    pub(crate) text: String,
    /// The account's line to import, or why there is none.
    pub(crate) line: Result<String, String>,
}

/// What was read so far.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    hash: Sha256,
}

impl Seen {
    /// Counts bytes that were read.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// Counts a record, its cells kept apart.
    pub(super) fn record(&mut self, record: &csv::ByteRecord) {
        for cell in record {
            self.bytes(cell);
            self.bytes(b"\0");
        }
    }

    /// What tells these bytes from others.
    pub(super) fn hash(&self) -> String {
        self.hash.clone().finalize().iter().fold(String::new(), |mut hex, byte| {
            // Writing into a String can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Rows, one after the other.
pub(crate) trait Source {
    /// The next row; `None` at the end.
    fn row(&mut self) -> anyhow::Result<Option<Row>>;

    /// What was read up to the end of that row.
    fn seen(&self) -> &Seen;
}
