//! How large the journal may become.

/// The bounds of one segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Of one of the two files.
    pub(crate) segment_bytes_max: u64,
    /// Of the memory that a segment's changes take until they are applied.
    pub(crate) pending_bytes_max: usize,
}

impl Bounds {
    /// The least size of a file.
    const SEGMENT_BYTES_MIN: u64 = 16 << 10;
    /// A new file has this size: small stores need no more, and it grows by itself.
    const FIRST_BYTES: u64 = 256 << 10;

    /// For a cache and a journal of a size: what is pending in both segments takes a half of the cache at most, unless it is small.
    pub(crate) fn of(profiles_bytes_max: usize, journal_bytes_max: u64) -> Self {
        Self {
            segment_bytes_max: (journal_bytes_max / 2).max(Self::SEGMENT_BYTES_MIN),
            pending_bytes_max: (profiles_bytes_max / 4).max(8 << 20),
        }
    }

    /// The size of a new file.
    pub(crate) fn first_bytes(self) -> u64 {
        self.segment_bytes_max.min(Self::FIRST_BYTES)
    }
}
