//! The writer's side of the journal: makes a frame of a batch, writes it into the active segment, and hands complete segments to the
//! applier.

use crate::apply::{Bounds, Shared, Work, WriterEnds};
use crate::batch::{Batch, NextNumbers, Sources};
use crate::connection;
use crate::job::{Job, Outcomes};
use crate::journal::{Active, FrameBuffer, JournalStatus, SegmentFile};
use crate::moment::Waiting;
use crate::outbox_tail::OutboxTail;
use crate::reader::failed;
use crate::write::{self, WriteError, direct};
use portraitd_model::bilingual;
use portraitd_store::engine::Backlogs;
use portraitd_store::{AuditNote, OutboxSeq, PutApp, StoreError, StoreId, Write, WriteOutcome};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a change waits for a free file, when both are full.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The journal, as the writer uses it.
pub(crate) struct Frames {
    store: StoreId,
    path: PathBuf,
    bounds: Bounds,
    ends: WriterEnds,
    /// Reads what a change starts from; `None` after an error.
    table: Option<Connection>,
    buffer: FrameBuffer,
    /// The segment that is written; it has a frame.
    active: Option<Active>,
    /// The file in which the next segment was begun without success: it begins again there, so that no two files have one number.
    begun: Option<SegmentFile>,
    /// Files that are free.
    spare: VecDeque<SegmentFile>,
    /// The last segment that has a frame, and how many were acknowledged.
    last_segment: u64,
    acknowledged: u64,
    /// The segment is to be ended as soon as there is a free file for the next.
    freeze_wanted: bool,
    /// Copies that wait until the tables are what the journal is now.
    waiting: Vec<Waiting>,
    /// The last place in the outbox that was assigned.
    last_place: OutboxSeq,
}

/// What a start found in the journal.
pub(crate) struct FoundFrames {
    /// The segment that goes on.
    pub(crate) active: Option<Active>,
    /// The file in which the next one was begun.
    pub(crate) begun: Option<SegmentFile>,
    pub(crate) spare: VecDeque<SegmentFile>,
    /// The last segment, and its frames.
    pub(crate) last_segment: (u64, u64),
    pub(crate) last_place: OutboxSeq,
}

/// Where a batch is read from and published to.
pub(crate) struct Surroundings<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) backlogs: &'a Backlogs,
    pub(crate) tail: &'a OutboxTail,
}

impl Frames {
    /// Goes on from what a start found.
    pub(crate) fn new(
        path: &Path,
        store: StoreId,
        (bounds, ends): (Bounds, WriterEnds),
        found: FoundFrames,
        status: &JournalStatus,
    ) -> Self {
        let FoundFrames { active, begun, spare, last_segment: (last_segment, acknowledged), last_place } =
            found;
        if let Some(active) = &active {
            status.change(|status| status.active = Some(active.status(bounds.pending_bytes_max)));
        }
        Self {
            store,
            path: path.to_owned(),
            bounds,
            ends,
            table: None,
            buffer: FrameBuffer::default(),
            active,
            begun,
            spare,
            last_segment,
            acknowledged,
            freeze_wanted: false,
            waiting: Vec::new(),
            last_place,
        }
    }

    /// The last segment that has a frame.
    pub(crate) const fn last_segment(&self) -> u64 {
        self.last_segment
    }

    /// Writes a batch as one frame: all of it is on the disk, or none.
    pub(crate) fn commit(
        &mut self,
        jobs: &[Job],
        around: &Surroundings<'_>,
        next: &mut NextNumbers,
    ) -> Outcomes {
        self.with_batch(around, next, |batch| {
            jobs.iter().map(|job| outcome(&job.write, job.note.as_deref(), batch)).collect()
        })
    }

    /// Creates the accounts of the admins that settings name, if the settings will be stored.
    pub(crate) fn create_admins(
        &mut self,
        put: &PutApp,
        around: &Surroundings<'_>,
        next: &mut NextNumbers,
    ) -> Result<(), StoreError> {
        let PutApp { settings, expected } = put;
        self.with_batch(around, next, |batch| {
            if direct::revision(batch.sources.table, settings)? == *expected {
                write::create_admins(settings.id, &settings.admins, batch)?;
            }
            Ok(())
        })
    }

    fn with_batch<T>(
        &mut self,
        around: &Surroundings<'_>,
        next: &mut NextNumbers,
        fill: impl FnOnce(&mut Batch<'_>) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        let table = match self.table.take() {
            Some(table) => table,
            None => connection::reading(&self.path).map_err(failed)?,
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let Surroundings { shared, backlogs, .. } = around;
        let sources = Sources { cache: &shared.cache, pending: &shared.pending, table: &table, backlogs };
        let mut batch = Batch::new(sources, &mut buffer, *next, self.last_place);
        let filled = fill(&mut batch);
        // Numbers of a batch that failed are not given out again: a reader that continues must not miss an event.
        (*next, self.last_place) = (batch.next, batch.delta.last_place());
        let written = match filled {
            Ok(outcome) if batch.is_empty() => Ok(outcome),
            Ok(outcome) => self.append(batch, around).map(|()| outcome),
            Err(WriteError::Refused(error)) => Err(error),
            Err(WriteError::Engine(error)) => {
                self.buffer = buffer;
                return Err(failed(error));
            }
        };
        (self.buffer, self.table) = (buffer, Some(table));
        written
    }

    /// Writes and publishes a batch.
    fn append(&mut self, batch: Batch<'_>, around: &Surroundings<'_>) -> Result<(), StoreError> {
        self.collect();
        let (bounds, frame) = (self.bounds, &*batch.frame);
        if let Some(active) = &self.active {
            let is_file_full = !active.fits(frame);
            if is_file_full || active.pending_bytes >= bounds.pending_bytes_max {
                self.freeze(is_file_full, around.shared);
            }
        }
        let mut active = if let Some(active) = self.active.take() {
            active
        } else {
            let mut file = self.free_file()?;
            file.limit(bounds.segment_bytes_max);
            Active::begin(file, self.store, self.last_segment + 1, self.acknowledged)
        };
        if let Err(error) = active.append(batch.frame) {
            if active.frames() == 0 {
                self.begun = Some(active.into_file());
            } else {
                // Nothing is acknowledged from it any more; what was is applied.
                self.active = Some(active);
                self.freeze(false, around.shared);
            }
            return Err(StoreError::Unavailable(bilingual!(
                "the journal can't be written: {error}",
                "日志文件无法写入：{error}"
            )));
        }
        (self.last_segment, self.acknowledged) = (active.segment(), active.frames());
        let published = batch.publish(active.segment(), around.tail);
        active.rows.extend(published.rows);
        active.pending_bytes += published.pending_bytes;
        active.erases |= published.erases;
        around.shared.status.change(|status| status.active = Some(active.status(bounds.pending_bytes_max)));
        self.active = Some(active);
        Ok(())
    }

    /// A free file; waits for one when both are in use.
    fn free_file(&mut self) -> Result<SegmentFile, StoreError> {
        if let Some(file) = self.begun.take().or_else(|| self.spare.pop_front()) {
            return Ok(file);
        }
        self.ends.spare.recv_timeout(WAIT_MAX).map_err(|_| {
            StoreError::Unavailable(bilingual!(
                "the journal is full: changes wait to be applied to the database",
                "日志文件已满：修改正在等待写入数据库"
            ))
        })
    }

    fn collect(&mut self) {
        while let Ok(file) = self.ends.spare.try_recv() {
            self.spare.push_back(file);
        }
    }

    /// Ends the segment as soon as the other file is free.
    pub(crate) fn freeze_soon(&mut self) {
        self.freeze_wanted = true;
    }

    /// Ends the segment as soon as the other file is free, for a copy of exactly that.
    pub(crate) fn freeze_exactly(&mut self, waiting: Waiting) {
        self.waiting.push(waiting);
    }

    /// Does what was asked for, if it is possible by now.
    pub(crate) fn look(&mut self, shared: &Shared) {
        self.collect();
        let free = self.spare.len() + usize::from(self.begun.is_some());
        if free == 0 {
            return;
        }
        let freeze_wanted = std::mem::take(&mut self.freeze_wanted);
        if self.active.is_some() {
            if freeze_wanted || !self.waiting.is_empty() {
                self.freeze(false, shared);
            }
            return;
        }
        if free == 2 {
            // Everything is applied, and nothing came later.
            self.begin_copies();
        }
        let status = shared.status.read();
        if freeze_wanted && status.erase_due && status.applying.is_empty() {
            self.erase_one();
        }
    }

    /// Lets the copies that wait begin, after what was handed over before.
    fn begin_copies(&mut self) {
        if !self.waiting.is_empty() {
            let _ = self.ends.work.send(Work::Copies(std::mem::take(&mut self.waiting)));
        }
    }

    /// Has a free file overwritten.
    fn erase_one(&mut self) {
        self.unbegin();
        if let Some(file) = self.spare.pop_front() {
            let _ = self.ends.work.send(Work::Erase(file));
        }
    }

    /// Makes the file of a segment that was begun a free one: while it is overwritten, that segment may begin in the other file.
    fn unbegin(&mut self) {
        let Some(mut file) = self.begun.take() else { return };
        match file.forget_header() {
            Ok(()) => self.spare.push_back(file),
            Err(error) => {
                tracing::warn!(%error, file = %file.path().display(), "the header of a segment can't be overwritten; it is tried again");
                self.begun = Some(file);
            }
        }
    }

    fn freeze(&mut self, filled: bool, shared: &Shared) {
        let Some(active) = self.active.take() else { return };
        shared.status.change(|status| {
            status.applying.push_back((active.began, active.bytes()));
            status.active = None;
        });
        let exactly = !self.waiting.is_empty();
        // An error means that the applier has ended; the next start applies it.
        let _ = self.ends.work.send(Work::Apply(active.freeze(filled, exactly)));
        self.begin_copies();
    }

    /// Hands over what there is.
    pub(crate) fn finish(mut self, shared: &Shared) {
        self.freeze(false, shared);
    }
}

fn outcome(
    write: &Write,
    note: Option<&AuditNote>,
    batch: &mut Batch<'_>,
) -> Result<Result<WriteOutcome, StoreError>, WriteError> {
    match write::run(write, note, batch) {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(WriteError::Refused(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}
