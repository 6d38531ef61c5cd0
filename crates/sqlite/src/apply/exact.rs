//! Applies a segment from its file, for a copy of the store as it was when the segment ended. From memory an account gets its newest
//! state, which may be of the segment that is written meanwhile.

use crate::OpenError;
use crate::account::Key;
use crate::apply::Shared;
use crate::apply::slices::{self, Slice};
use crate::journal::{self, Frozen};
use crate::pending::{Pending, PendingEvent};
use crate::profile_cache::ProfileCache;
use crate::replay::Replayed;
use portraitd_store::OutboxSeq;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a segment says, and what the applier shares, with nothing but that.
pub(super) struct Alone {
    rows: Vec<(i64, Key)>,
    events: BTreeMap<OutboxSeq, PendingEvent>,
    shared: Shared,
}

impl Alone {
    /// Reads a segment that is complete.
    pub(super) fn read(frozen: &Frozen, shared: &Shared) -> Result<Self, OpenError> {
        let before = frozen.segment - 1;
        let cache = Arc::new(ProfileCache::new(0, before));
        let pending = Arc::new(Pending::new(HashMap::new(), before));
        let found = journal::complete(&frozen.file, frozen.frames)?;
        let mut replayed = Replayed::default();
        let (rows, _) = replayed.segment(&found, &frozen.file, &cache, &pending)?;
        let events = replayed.into_events();
        pending.restore(events.clone());
        Ok(Self { rows, events, shared: Shared { cache, pending, ..shared.clone() } })
    }

    /// As [`slices::segment`]. `shared` is told what the tables have.
    pub(super) fn apply(
        mut self,
        connection: &Connection,
        segment: u64,
        shared: &Shared,
        goes_on: &mut dyn FnMut(Slice) -> bool,
    ) -> rusqlite::Result<bool> {
        let applied = slices::segment(connection, segment, &mut self.rows, &self.shared, goes_on)?;
        if applied {
            shared.pending.applied_up_to(segment, &self.events);
        }
        Ok(applied)
    }
}
