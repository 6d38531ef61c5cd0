//! The writer: one thread with group commit. It writes all queued changes as one frame of the journal with one sync, and only then
//! acknowledges them. A single change is written at once; under load, many share a sync.

use crate::OpenError;
use crate::apply::{self, Nudge};
use crate::batch::NextNumbers;
use crate::frames::{Frames, Surroundings};
use crate::job::{Job, Outcomes};
use crate::moment::{self, Reached, Waiting};
use crate::outbox_tail::OutboxTail;
use crate::primitives::{Instant, JoinHandle, Mutex, mpsc, oneshot, thread, timeout};
use crate::transactions::Transactions;
use crate::write::{self, is_direct};
use portraitd_model::bilingual;
use portraitd_store::engine::Backlogs;
use portraitd_store::{AuditNote, Measurements, StoreError, StoreStats, Write, WriteOutcome};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;

/// The most writes in one frame.
const BATCH_MAX: usize = 256;
/// The size from which a frame accepts no more writes.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// After how many commits a busy writer measures the free space: the applier measures once a second, too late on a small disk.
const COMMITS_BETWEEN_REFRESHES: u64 = 32;
/// The most writes in the queue; further callers wait for a free slot.
const QUEUE_MAX: usize = 4096;
/// How long a write may wait in the queue; then it is refused, unwritten. The server's callers do not wait longer, and a queue
/// that never empties would make every caller wait.
const QUEUE_WAIT_MAX: Duration = Duration::from_secs(2);

enum Message {
    Write(Job),
    /// Ends the segment; replies the number of the last one that has something.
    Freeze(oneshot::Sender<u64>),
    /// The same, for a copy of exactly what was acknowledged before.
    Copy(Waiting, oneshot::Sender<u64>),
    Nudge(Nudge),
    Close(oneshot::Sender<()>),
}

#[derive(Default)]
struct Counters {
    changes: AtomicU64,
    commits: AtomicU64,
    measurements: Measurements,
}

/// The handle of the writer thread.
pub(crate) struct Writer {
    /// `None` once dropped.
    queue: Option<mpsc::Sender<Message>>,
    counters: Arc<Counters>,
    backlogs: Arc<Backlogs>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What an open found, from which the writer goes on.
pub(crate) struct Found {
    pub(crate) frames: Frames,
    pub(crate) transactions: Transactions,
    pub(crate) next: NextNumbers,
    pub(crate) backlogs: Backlogs,
}

/// The queue of a writer that is not started yet.
pub(crate) struct WriterQueue {
    queue: mpsc::Sender<Message>,
    jobs: mpsc::Receiver<Message>,
}

impl WriterQueue {
    pub(crate) fn new() -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        Self { queue, jobs }
    }

    /// Wakes the writer. A full queue needs none: a busy writer looks by itself.
    pub(crate) fn nudge(&self) -> impl Fn(Nudge) + Send + 'static {
        let queue = self.queue.downgrade();
        move |nudge| {
            if let Some(queue) = queue.upgrade() {
                let _ = queue.try_send(Message::Nudge(nudge));
            }
        }
    }
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        path: &Path,
        WriterQueue { queue, jobs }: WriterQueue,
        found: Found,
        shared: apply::Shared,
        tail: Arc<OutboxTail>,
    ) -> Result<Self, OpenError> {
        let (counters, backlogs) = (Arc::new(Counters::default()), Arc::new(found.backlogs));
        let thread = WriterThread {
            frames: found.frames,
            transactions: found.transactions,
            next: found.next,
            shared,
            tail,
            counters: Arc::clone(&counters),
            backlogs: Arc::clone(&backlogs),
        };
        let spawned = thread::Builder::new().name("store-writer".into()).spawn(move || thread.run(jobs));
        let thread = spawned.map_err(OpenError::io(path))?;
        Ok(Self { queue: Some(queue), counters, backlogs, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a write; returns when it is on the disk.
    pub(crate) async fn write(
        &self,
        write: Write,
        note: Option<AuditNote>,
    ) -> Result<WriteOutcome, StoreError> {
        let closed = StoreError::closed;
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        let since = Instant::now();
        let place = match queue.try_reserve() {
            Ok(place) => place,
            Err(TrySendError::Closed(())) => return Err(closed()),
            Err(TrySendError::Full(())) => {
                let place = timeout(QUEUE_WAIT_MAX, queue.reserve()).await;
                place.map_err(|_| overloaded())?.map_err(|_| closed())?
            }
        };
        let (reply, outcome) = oneshot::channel();
        place.send(Message::Write(Job { write, note: note.map(Box::new), reply, since }));
        outcome.await.map_err(|_| closed())?
    }

    /// Ends the segment that is written; returns the number of the last one, which has every change that was acknowledged before.
    pub(crate) async fn freeze(&self) -> Result<u64, StoreError> {
        self.ask_segment(Message::Freeze).await
    }

    /// As [`Writer::freeze`], for a copy of exactly that: it is told when the tables are so.
    pub(crate) async fn freeze_exactly(&self) -> Result<(u64, Reached), StoreError> {
        let (waiting, reached) = moment::channel();
        Ok((self.ask_segment(|reply| Message::Copy(waiting, reply)).await?, reached))
    }

    async fn ask_segment(
        &self,
        message: impl FnOnce(oneshot::Sender<u64>) -> Message,
    ) -> Result<u64, StoreError> {
        let queue = self.queue.as_ref().ok_or_else(StoreError::closed)?;
        let (reply, segment) = oneshot::channel();
        queue.send(message(reply)).await.map_err(|_| StoreError::closed())?;
        segment.await.map_err(|_| StoreError::closed())
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let Counters { changes, commits, .. } = self.counters.as_ref();
        StoreStats { changes: changes.load(Ordering::Relaxed), commits: commits.load(Ordering::Relaxed) }
    }

    /// Returns a function, also for other threads, that reads the number of commits.
    pub(crate) fn commits(&self) -> impl Fn() -> u64 + Send + 'static {
        let counters = Arc::clone(&self.counters);
        move || counters.commits.load(Ordering::Relaxed)
    }

    pub(crate) fn measurements(&self) -> &Measurements {
        &self.counters.measurements
    }

    /// The number of writes in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// The backlogs of the outbox.
    pub(crate) fn backlogs(&self) -> &Backlogs {
        &self.backlogs
    }

    /// Writes what is queued, and ends the thread.
    pub(crate) async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if let Some(queue) = &self.queue
            && queue.send(Message::Close(done)).await.is_ok()
        {
            // An error means that the thread has ended, as intended.
            let _ = ended.await;
        }
        self.join();
    }

    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Writer {
    /// Waits for the thread: nothing may be written once another process can lock the directory.
    fn drop(&mut self) {
        self.queue = None;
        self.join();
    }
}

fn overloaded() -> StoreError {
    StoreError::Unavailable(bilingual!("too much is waiting to be written", "等待写入的数据过多"))
}

fn disk_is_low() -> StoreError {
    StoreError::Unavailable(bilingual!(
        "the disk is nearly full (store.keep_free_mib); free some space on it",
        "磁盘空间即将用尽（store.keep_free_mib），请清理磁盘"
    ))
}

/// The state of the thread.
struct WriterThread {
    frames: Frames,
    transactions: Transactions,
    next: NextNumbers,
    shared: apply::Shared,
    tail: Arc<OutboxTail>,
    counters: Arc<Counters>,
    backlogs: Arc<Backlogs>,
}

impl WriterThread {
    fn run(mut self, mut jobs: mpsc::Receiver<Message>) {
        let mut closing: Vec<oneshot::Sender<()>> = Vec::new();
        let mut batch: Vec<Job> = Vec::with_capacity(BATCH_MAX);
        while let Some(first) = jobs.blocking_recv() {
            let mut next = Some(first);
            let mut bytes = 0;
            let (mut frozen, mut copies) = (Vec::new(), Vec::new());
            while let Some(message) = next.take() {
                match message {
                    Message::Write(job) => {
                        if let Some(job) = self.admit(job) {
                            bytes += write::bytes(&job.write)
                                + job.note.as_ref().map_or(0, |note| note.text.len());
                            batch.push(job);
                        }
                    }
                    // After what was queued before.
                    Message::Freeze(reply) => {
                        self.frames.freeze_soon();
                        frozen.push(reply);
                    }
                    Message::Copy(waiting, reply) => {
                        copies.push(waiting);
                        frozen.push(reply);
                    }
                    Message::Nudge(Nudge::Freeze) => self.frames.freeze_soon(),
                    Message::Nudge(Nudge::Spare) => {}
                    Message::Close(done) => {
                        closing.push(done);
                        // No more writes are accepted; the queued ones are still written.
                        jobs.close();
                    }
                }
                if batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
                    next = jobs.try_recv().ok();
                }
            }
            self.write_all(&mut batch);
            // Only now: the segment whose number is replied must be the one that is applied exactly. For a later one a copy would wait
            // in vain, since the applier waits for the copy.
            for waiting in copies {
                self.frames.freeze_exactly(waiting);
            }
            self.frames.look(&self.shared);
            for reply in frozen {
                // The caller may have stopped waiting.
                let _ = reply.send(self.frames.last_segment());
            }
        }
        let Self { frames, shared, .. } = self;
        // A store that is dropped leaves its segment to the next start.
        if !closing.is_empty() {
            frames.finish(&shared);
        }
        for done in closing {
            let _ = done.send(());
        }
    }

    /// Refuses a write that waited too long, or for which there is no space.
    fn admit(&self, job: Job) -> Option<Job> {
        let refusal = if job.since.elapsed() > QUEUE_WAIT_MAX {
            overloaded()
        } else if write::grows(&job.write) && self.is_disk_low() {
            disk_is_low()
        } else {
            return Some(job);
        };
        let _ = job.reply.send(Err(refusal));
        None
    }

    /// Measures again before a write is refused, so that writing continues as soon as there is space.
    fn is_disk_low(&self) -> bool {
        self.shared.space.is_low() && self.shared.space.refresh()
    }

    /// Writes what is queued, in its order: changes as frames, and between them the transactions.
    fn write_all(&mut self, batch: &mut Vec<Job>) {
        let mut rest = std::mem::take(batch).into_iter().peekable();
        while let Some(first) = rest.next() {
            let direct = is_direct(&first.write);
            batch.push(first);
            // Settings alone: the accounts of their admins are created before.
            let alone = |job: &Job| matches!(job.write, Write::PutApp(_));
            let is_alone = batch.first().is_some_and(alone);
            let joins = |job: &Job| is_direct(&job.write) == direct && !is_alone && !alone(job);
            while let Some(job) = rest.next_if(joins) {
                batch.push(job);
            }
            self.write(batch, direct);
        }
    }

    /// Writes a batch and answers every caller in it.
    fn write(&mut self, batch: &mut Vec<Job>, direct: bool) {
        let began = Instant::now();
        let measurements = &self.counters.measurements;
        for job in batch.iter() {
            measurements.wait.record_time(began.saturating_duration_since(job.since));
        }
        measurements.batch.record(batch.len() as u64);
        let written = self.try_write(batch, direct);
        self.counters.measurements.commit.record_time(began.elapsed());
        match written {
            Ok(outcomes) => {
                let changes = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
                self.counters.changes.fetch_add(changes as u64, Ordering::Relaxed);
                let commits = self.counters.commits.fetch_add(u64::from(changes > 0), Ordering::Relaxed);
                for (job, outcome) in batch.drain(..).zip(outcomes) {
                    // The caller may have stopped waiting.
                    let _ = job.reply.send(outcome);
                }
                if commits.is_multiple_of(COMMITS_BETWEEN_REFRESHES) {
                    self.shared.space.refresh();
                }
            }
            // One write met a damaged page: each is written alone, so that the others succeed.
            Err(StoreError::Corrupt(_)) if batch.len() > 1 => {
                for job in std::mem::take(batch) {
                    self.write(&mut vec![job], direct);
                }
            }
            Err(error) => {
                tracing::error!(%error, operations = batch.len(), "a commit failed; nothing in it was acknowledged");
                self.counters.measurements.failed.fetch_add(1, Ordering::Relaxed);
                for job in batch.drain(..) {
                    let _ = job.reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn try_write(&mut self, batch: &[Job], direct: bool) -> Outcomes {
        // The open files must be those that the next start will open.
        self.shared.files.verify()?;
        let Self { frames, transactions, next, shared, tail, backlogs, .. } = self;
        let around = Surroundings { shared, backlogs, tail };
        if !direct {
            return frames.commit(batch, &around, next);
        }
        if let Some(Job { write: Write::PutApp(put), .. }) = batch.first() {
            // If the settings are not stored after this, these are accounts that no settings name, and the next attempt finds them.
            frames.create_admins(put, &around, next)?;
        }
        transactions.commit(batch, shared, next)
    }
}
