//! What the rest of the engine sees of the journal.

use crate::primitives::{Instant, Mutex};
use portraitd_model::Bilingual;
use std::collections::VecDeque;
use std::sync::PoisonError;

/// The segment that is written, as it was after its last frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveStatus {
    pub(crate) began: Instant,
    pub(crate) written: Instant,
    pub(crate) bytes: u64,
    /// How full it is, in percent: its file, or the memory of its changes if that is fuller.
    pub(crate) fill_percent: u64,
    pub(crate) erases: bool,
}

/// The state of both files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// `None` while the table has everything, or will have it with the segment that is being applied.
    pub(crate) active: Option<ActiveStatus>,
    /// When each segment that is complete, but not applied, began, and its bytes; the oldest first.
    pub(crate) applying: VecDeque<(Instant, u64)>,
    /// Whether a file that is free is to be overwritten with zeros.
    pub(crate) erase_due: bool,
    /// Why nothing can be applied at the moment.
    pub(crate) failure: Option<Bilingual>,
}

/// Shared by the writer, which changes it after each frame, and the applier.
#[derive(Default)]
pub(crate) struct JournalStatus(Mutex<Status>);

impl JournalStatus {
    pub(crate) fn read(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
