//! Rows of a file of accounts, in whatever format it is, and the fingerprint of what was read of it.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The longest row, in bytes: every field an app can have, escaped, fits.
pub(super) const ROW_BYTES_MAX: usize = 1 << 20;

/// One row of a file.
#[derive(Clone, Debug)]
pub struct Row {
    /// The number of its first line, from 1.
    pub number: u64,
    /// As it stands in the file.
    pub text: String,
    /// The account as a line of JSON to import, or why there is none.
    pub line: Result<String, String>,
}

/// Counts and hashes bytes, so that a file that was read or written in part is recognised.
#[derive(Clone, Default)]
pub(crate) struct Fingerprint {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    hash: Sha256,
}

impl Fingerprint {
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

    /// The SHA-256 of the bytes, in hexadecimal.
    pub(super) fn hash(&self) -> String {
        self.hash.clone().finalize().iter().fold(String::new(), |mut hex, byte| {
            // Writing into a String can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// A file that is read row by row.
pub(crate) trait RowSource {
    /// The next row; `None` at the end.
    fn next_row(&mut self) -> anyhow::Result<Option<Row>>;

    /// The fingerprint of everything up to the end of that row.
    fn fingerprint(&self) -> &Fingerprint;
}
