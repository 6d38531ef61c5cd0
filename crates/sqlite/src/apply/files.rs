//! What the applier does with the journal's files: overwrites deleted bytes in them, and makes them larger.

use crate::apply::Worker;
use crate::journal::SegmentFile;
use std::io;

/// A file that was full is extended by this factor.
const GROWTH: u64 = 4;
/// But takes at most this share of the free space at once.
const GROWTH_SHARE: u64 = 8;

impl Worker {
    /// Makes a file that is free ready to be written.
    pub(super) fn prepare(&mut self, file: &mut SegmentFile, filled: bool) {
        self.erase(file);
        let bytes = (file.capacity() * GROWTH).min(self.bounds.segment_bytes_max);
        if filled
            && self.has_space(bytes.saturating_sub(file.capacity()))
            && let Err(error) = file.grow(bytes)
        {
            tracing::debug!(%error, "a file of the journal was not extended");
        }
    }

    /// Whether the journal may take so many more bytes: a small disk is for the database.
    fn has_space(&self, more: u64) -> bool {
        let space = self.shared.space.measure();
        space.is_none_or(|space| more <= space.free.saturating_sub(space.kept) / GROWTH_SHARE)
    }

    /// Overwrites a file with zeros, if deleted bytes may be in it.
    pub(super) fn erase(&mut self, file: &mut SegmentFile) {
        if self.unerased.contains(&file.index()) {
            match file.erase() {
                Ok(()) => self.unerased.retain(|index| *index != file.index()),
                Err(error) => warn_unerased(file, &error),
            }
        }
        self.report_unerased();
    }

    pub(super) fn report_unerased(&self) {
        let due = !self.unerased.is_empty();
        self.shared.status.change(|status| status.erase_due = due);
    }

    /// Overwrites both files if that is due, wherever they are by now; returns whether nothing is left to overwrite.
    pub(super) fn erase_at_the_end(&mut self) -> bool {
        if self.unerased.is_empty() {
            return true;
        }
        let mut is_erased = true;
        for file in &mut self.files {
            if let Err(error) = file.erase_whole() {
                warn_unerased(file, &error);
                is_erased = false;
            }
        }
        is_erased
    }
}

fn warn_unerased(file: &SegmentFile, error: &io::Error) {
    tracing::warn!(%error, file = %file.path().display(), "deleted bytes can't be overwritten; it is tried again");
}
