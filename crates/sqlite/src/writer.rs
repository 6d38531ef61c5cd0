//! The writer: one thread with group commit. It writes all queued changes in one transaction with one sync, and only then
//! acknowledges them. A single change is written at once; under load, many share a sync.

use crate::OpenError;
use crate::disk_space::DiskSpace;
use crate::files::Files;
use crate::outbox_tail::OutboxTail;
use crate::primitives::{AtomicBool, Instant, JoinHandle, Mutex, mpsc, oneshot, thread, timeout};
use crate::profile_cache::ProfileCache;
use crate::write::{self, WriteError};
use crate::write_batch::WriteBatch;
use crate::{connection, outbox, reader};
use portraitd_model::{Bilingual, bilingual};
use portraitd_store::OutboxSeq;
use portraitd_store::engine::{Backlogs, OutboxDelta};
use portraitd_store::{AuditNote, Measurements, StoreError, StoreStats, Write, WriteOutcome};
use rusqlite::{Connection, TransactionBehavior, ffi};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;

/// The most writes in one transaction.
const BATCH_MAX: usize = 256;
/// The size from which a transaction accepts no more writes.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// After how many commits a busy writer measures the free space: the checkpointer measures once a second, too late on a small
/// disk.
const COMMITS_BETWEEN_REFRESHES: u64 = 32;
/// The most writes in the queue; further callers wait for a free slot.
const QUEUE_MAX: usize = 4096;
/// How long a write may wait in the queue; then it is refused, unwritten. The server's callers do not wait longer, and a queue
/// that never empties would make every caller wait.
const QUEUE_WAIT_MAX: Duration = Duration::from_secs(2);

type Reply = oneshot::Sender<Result<WriteOutcome, StoreError>>;

struct Job {
    write: Write,
    /// Boxed, because few writes have one.
    note: Option<Box<AuditNote>>,
    reply: Reply,
    since: Instant,
}

enum Message {
    Write(Job),
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

/// What the writer shares with the rest of the engine.
pub(crate) struct Shared {
    /// Held while a batch is written. Other holders keep the writer waiting.
    pub(crate) write_lock: Arc<Mutex<()>>,
    /// Set by each deletion, so that the checkpointer truncates the WAL.
    pub(crate) erased: Arc<AtomicBool>,
    /// Updated after each commit, like `tail`.
    pub(crate) cache: Arc<ProfileCache>,
    pub(crate) tail: Arc<OutboxTail>,
    pub(crate) space: Arc<DiskSpace>,
    pub(crate) files: Arc<Files>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(path: &Path, shared: Shared) -> Result<Self, OpenError> {
        let connection = connection::writing(path).map_err(OpenError::engine(path))?;
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let counters = Arc::new(Counters::default());
        let backlogs = Arc::new(outbox::backlogs(&connection).map_err(OpenError::engine(path))?);
        let thread = WriterThread {
            path: path.to_owned(),
            connection: Some(connection),
            broken: None,
            shared,
            counters: Arc::clone(&counters),
            last_place: backlogs.last_place(),
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

/// When the connection may be opened again after an I/O error.
struct Broken {
    retry_at: Instant,
    backoff: Duration,
}

/// The state of the thread.
struct WriterThread {
    path: PathBuf,
    connection: Option<Connection>,
    broken: Option<Broken>,
    shared: Shared,
    counters: Arc<Counters>,
    backlogs: Arc<Backlogs>,
    last_place: OutboxSeq,
}

impl WriterThread {
    const BACKOFF_MIN: Duration = Duration::from_millis(100);
    const BACKOFF_MAX: Duration = Duration::from_secs(5);

    fn run(mut self, mut jobs: mpsc::Receiver<Message>) {
        let mut closing: Vec<oneshot::Sender<()>> = Vec::new();
        let mut batch: Vec<Job> = Vec::with_capacity(BATCH_MAX);
        while let Some(first) = jobs.blocking_recv() {
            let mut next = Some(first);
            let mut bytes = 0;
            while let Some(message) = next.take() {
                match message {
                    Message::Write(job) if job.since.elapsed() > QUEUE_WAIT_MAX => {
                        let _ = job.reply.send(Err(overloaded()));
                    }
                    Message::Write(job) if write::grows(&job.write) && self.is_disk_low() => {
                        let _ = job.reply.send(Err(disk_is_low()));
                    }
                    Message::Write(job) => {
                        bytes +=
                            write::bytes(&job.write) + job.note.as_ref().map_or(0, |note| note.text.len());
                        batch.push(job);
                    }
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
            self.write(&mut batch);
        }
        drop(self.connection);
        for done in closing {
            // The caller may have stopped waiting.
            let _ = done.send(());
        }
    }

    /// Measures again before a write is refused, so that writing continues as soon as there is space.
    fn is_disk_low(&self) -> bool {
        self.shared.space.is_low() && self.shared.space.refresh()
    }

    /// Writes a batch and answers every caller in it.
    fn write(&mut self, batch: &mut Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        let write_lock = Arc::clone(&self.shared.write_lock);
        let locked = write_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let measurements = &self.counters.measurements;
        for job in batch.iter() {
            measurements.wait.record_time(began.saturating_duration_since(job.since));
        }
        measurements.batch.record(batch.len() as u64);
        let committed = self.commit(batch);
        self.counters.measurements.commit.record_time(began.elapsed());
        drop(locked);
        match committed {
            Ok(outcomes) => {
                if outcomes
                    .iter()
                    .any(|outcome| matches!(outcome, Ok(WriteOutcome::Deleted(_) | WriteOutcome::Counted(_))))
                {
                    self.shared.erased.store(true, Ordering::Release);
                }
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
                    self.write(&mut vec![job]);
                }
            }
            Err(error) => {
                self.counters.measurements.failed.fetch_add(1, Ordering::Relaxed);
                for job in batch.drain(..) {
                    let _ = job.reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// One transaction for the whole batch: all of it is on the disk, or none.
    fn commit(&mut self, batch: &[Job]) -> Result<Vec<Result<WriteOutcome, StoreError>>, StoreError> {
        // The open files must be those that the next start will open.
        self.shared.files.verify()?;
        // The places of a failed batch are not assigned again: a reader that continues must not miss an event.
        let mut delta = OutboxDelta::after(self.last_place);
        let (cache, backlogs) = (Arc::clone(&self.shared.cache), Arc::clone(&self.backlogs));
        let mut changes = WriteBatch::new(&cache, &backlogs);
        let committed = transact(self.connection()?, batch, &mut delta, &mut changes);
        self.last_place = delta.last_place();
        match committed {
            Ok(outcomes) => {
                self.broken = None;
                changes.publish(&self.shared.tail, self.last_place);
                backlogs.commit(&delta);
                Ok(outcomes)
            }
            Err(error) => {
                tracing::error!(%error, operations = batch.len(), "a commit failed; nothing in it was acknowledged");
                if !keeps_connection_usable(&error) {
                    self.give_up_connection();
                }
                Err(reader::failed(error))
            }
        }
    }

    /// The connection; opens it again after an error, once the backoff has passed.
    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.connection.is_none() {
            if self.broken.as_ref().is_some_and(|broken| Instant::now() < broken.retry_at) {
                return Err(StoreError::Unavailable(bilingual!(
                    "it failed a moment ago and will be reopened",
                    "刚刚出错，稍后将重新打开"
                )));
            }
            match connection::writing(&self.path) {
                Ok(connection) => {
                    // The path may lead to another store by now.
                    self.shared.files.verify()?;
                    self.connection = Some(connection);
                }
                Err(error) => {
                    self.give_up_connection();
                    return Err(StoreError::Unavailable(Bilingual::quoted(error)));
                }
            }
        }
        self.connection
            .as_mut()
            .ok_or_else(|| StoreError::Unavailable(bilingual!("it is being reopened", "正在重新打开")))
    }

    /// Drops the connection after an I/O error: a failed sync is never repeated, because the kernel may have dropped the
    /// pages and would report success (fsyncgate). A new connection writes everything again.
    fn give_up_connection(&mut self) {
        self.connection = None;
        self.shared.cache.clear();
        self.shared.tail.clear();
        let backoff = self.broken.take().map_or(Self::BACKOFF_MIN, |broken| broken.backoff * 2);
        let backoff = backoff.min(Self::BACKOFF_MAX);
        self.broken = Some(Broken { retry_at: Instant::now() + backoff, backoff });
    }
}

fn transact(
    connection: &mut Connection,
    batch: &[Job],
    delta: &mut OutboxDelta,
    changes: &mut WriteBatch<'_>,
) -> rusqlite::Result<Vec<Result<WriteOutcome, StoreError>>> {
    // Dropped without a commit, the transaction is rolled back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        match write::run(&job.write, job.note.as_deref(), &transaction, delta, changes) {
            Ok(outcome) => outcomes.push(Ok(outcome)),
            Err(WriteError::Refused(error)) => outcomes.push(Err(error)),
            Err(WriteError::Engine(error)) => return Err(error),
        }
    }
    transaction.commit()?;
    Ok(outcomes)
}

/// A full disk has damaged nothing: the next write may find space again. And a damaged page concerns only the writes that need
/// it.
fn keeps_connection_usable(error: &rusqlite::Error) -> bool {
    let code = connection::result_code(error);
    matches!(code, Some(ffi::SQLITE_FULL | ffi::SQLITE_BUSY | ffi::SQLITE_CORRUPT))
}
