//! The applier: one thread that brings complete segments of the journal into the tables, and keeps SQLite's log short.
//!
//! A segment is applied in slices, each a short transaction, in the order of the rows: one transaction for everything would delay the
//! journal's syncs for half a second. It takes the newest state of a row, which may be of a later segment: that is on the disk, too.
//! Only the last slice says that the segment is applied, so after a crash all of it is applied again, which changes nothing.

mod bounds;
mod checkpoint;
mod exact;
mod files;
mod priority;
mod shared;
pub(crate) mod slices;

pub(crate) use bounds::Bounds;
pub(crate) use shared::Shared;

use crate::OpenError;
use crate::connection;
use crate::journal::{Frozen, SegmentFile};
use crate::moment::Waiting;
use crate::primitives::{AtomicBool, Instant, JoinHandle, thread, work};
use checkpoint::Checkpoints;
use exact::Alone;
use portraitd_model::{Bilingual, bilingual};
use portraitd_store::StoreError;
use rusqlite::Connection;
use slices::Slice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the thread looks at the journal while nothing is to be applied.
const TICK: Duration = Duration::from_millis(500);
/// A segment is applied once nothing was written for this long.
const IDLE: Duration = Duration::from_secs(1);
/// And in any case at this age.
const AGE_MAX: Duration = Duration::from_secs(30);
/// The same while deleted bytes are in the files: two segments later they are in none.
const AGE_MAX_ERASING: Duration = Duration::from_secs(15);
/// How long deleted bytes may stay in SQLite's log while one segment after the other is applied.
const COPY_ERASED_AFTER: Duration = Duration::from_secs(15);
/// A segment is to be applied by the time that the one that is written is full to this share: then a file is free before it is needed.
const DONE_AT_PERCENT: u64 = 70;
/// How long the thread pauses after a transaction when it is ahead of that: so many times what the transaction took.
const PAUSE: u32 = 2;
/// The files of the journal, by their indices.
const BOTH: [usize; 2] = [0, 1];

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How often a closing store tries to apply a segment.
const CLOSING_ATTEMPTS: u32 = 5;

/// What the thread is asked for.
pub(crate) enum Work {
    Apply(Frozen),
    /// Overwrites a free file with zeros, if that is still due.
    Erase(SegmentFile),
    /// Lets copies begin, for which the segment before was applied exactly.
    Copies(Vec<Waiting>),
    /// Ends: everything before it is applied.
    Finish,
}

/// What the applier tells the writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nudge {
    /// The segment that is written should end.
    Freeze,
    /// A file is free.
    Spare,
}

/// The applying thread. Dropped without `finish`, it leaves the journal and the WAL to the next start.
pub(crate) struct Applier {
    work: work::Sender<Work>,
    shared: Shared,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The ends of the thread's channels that the writer has.
pub(crate) struct WriterEnds {
    pub(crate) work: work::Sender<Work>,
    /// Files that are free to be written.
    pub(crate) spare: work::Receiver<SegmentFile>,
}

impl Applier {
    /// `was_killed`: the earlier process did not close the store. `nudge` wakes the writer.
    pub(crate) fn start(
        path: &Path,
        shared: Shared,
        bounds: Bounds,
        was_killed: bool,
        nudge: impl Fn(Nudge) + Send + 'static,
    ) -> Result<(Self, WriterEnds), OpenError> {
        let connection = connection::writing(path).map_err(OpenError::engine(path))?;
        let files = SegmentFile::open_both(path.parent().unwrap_or(Path::new(".")))?;
        let ((work, asked), (spare_to, spare)) = (work::channel(), work::channel());
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            path: path.to_owned(),
            connection: Some(connection),
            checkpoints: Checkpoints::default(),
            shared: shared.clone(),
            bounds,
            spare: spare_to,
            nudge: Box::new(nudge),
            stop: Arc::clone(&stop),
            files,
            unerased: if was_killed { BOTH.to_vec() } else { Vec::new() },
            unreadable: None,
            looked_at: Instant::now(),
            copied_at: Instant::now(),
        };
        let run = move || {
            priority::lower();
            worker.run(&asked);
        };
        let spawned = thread::Builder::new().name("store-applier".into()).spawn(run);
        let thread = Some(spawned.map_err(OpenError::io(path))?);
        let ends = WriterEnds { work: work.clone(), spare };
        Ok((Self { work, shared, stop, thread }, ends))
    }

    /// Applies everything, and ends the thread; the writer must have ended.
    pub(crate) fn finish(mut self) {
        self.shared.closing.store(true, Ordering::Release);
        // An error means that the thread has ended already.
        let _ = self.work.send(Work::Finish);
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the applier thread panicked");
        }
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.work.send(Work::Finish);
        self.join();
    }
}

/// What the thread owns.
struct Worker {
    path: PathBuf,
    /// `None` after an error.
    connection: Option<Connection>,
    checkpoints: Checkpoints,
    shared: Shared,
    bounds: Bounds,
    spare: work::Sender<SegmentFile>,
    nudge: Box<dyn Fn(Nudge) + Send>,
    /// The store is dropped: the thread ends at once.
    stop: Arc<AtomicBool>,
    /// The journal's files once more, to overwrite both at the end.
    files: [SegmentFile; 2],
    /// Those of them that are overwritten with zeros when they become free.
    unerased: Vec<usize>,
    /// Why the segment before could not be applied exactly.
    unreadable: Option<Bilingual>,
    looked_at: Instant,
    /// When SQLite's log was last copied while nothing was applied.
    copied_at: Instant,
}

impl Worker {
    fn run(mut self, asked: &work::Receiver<Work>) {
        self.report_unerased();
        loop {
            match asked.recv_timeout(TICK) {
                Err(work::RecvTimeoutError::Timeout) => self.tick(),
                Ok(Work::Apply(frozen)) => {
                    if !self.apply(frozen) {
                        return;
                    }
                }
                Ok(Work::Erase(mut file)) => {
                    self.prepare(&mut file, false);
                    let _ = self.spare.send(file);
                    (self.nudge)(Nudge::Spare);
                }
                Ok(Work::Copies(waiting)) => self.begin_copies(waiting),
                Ok(Work::Finish) if self.is_stopped() => return,
                Ok(Work::Finish) => return self.finish(),
                Err(work::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Looks at the disk and the files, about once a second.
    fn look(&mut self) {
        if self.looked_at.elapsed() >= Duration::from_secs(1) {
            self.looked_at = Instant::now();
            self.shared.space.refresh();
            // `verify` logs a difference, and the writer refuses every write because of it.
            let _ = self.shared.files.verify();
        }
    }

    /// While nothing is to be applied: asks for a segment that is old enough, or copies SQLite's log.
    fn tick(&mut self) {
        self.look();
        if let Some(active) = self.shared.status.read().active {
            let erasing = active.erases || !self.unerased.is_empty();
            let age_max = if erasing { AGE_MAX_ERASING } else { AGE_MAX };
            if active.written.elapsed() >= IDLE || active.began.elapsed() >= age_max {
                (self.nudge)(Nudge::Freeze);
            }
        } else if !self.unerased.is_empty() {
            (self.nudge)(Nudge::Freeze);
        }
        self.copy_log();
    }

    /// Copies what is left of SQLite's log, and truncates it after a deletion.
    fn copy_log(&mut self) {
        self.copied_at = Instant::now();
        if let Some(connection) = self.connection() {
            let copied = self.checkpoints.idle(&connection, &self.shared);
            self.keep(connection, copied);
        }
    }

    /// Applies a segment; returns `false` when the thread must end without.
    fn apply(&mut self, mut frozen: Frozen) -> bool {
        let (mut backoff, mut attempts) = (BACKOFF_MIN, 0);
        let applied = loop {
            match self.try_apply(&mut frozen) {
                Ok(applied) => break applied,
                Err(error) => self.fail(&error),
            }
            attempts += 1;
            let gives_up = self.shared.closing.load(Ordering::Acquire) && attempts >= CLOSING_ATTEMPTS;
            if self.is_stopped() || gives_up {
                break false;
            }
            thread::sleep(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        };
        if !applied {
            return false;
        }
        let Frozen { mut file, segment, erases, filled, .. } = frozen;
        self.shared.set_applied(segment);
        self.shared.status.change(|status| {
            status.applying.pop_front();
            status.failure = None;
        });
        if erases {
            self.unerased = BOTH.to_vec();
            self.shared.erased.store(true, Ordering::Release);
        }
        self.prepare(&mut file, filled);
        // An error means that the writer has ended.
        let _ = self.spare.send(file);
        (self.nudge)(Nudge::Spare);
        // A busy store has no idle moment.
        if self.shared.erased.load(Ordering::Acquire) && self.copied_at.elapsed() >= COPY_ERASED_AFTER {
            self.copy_log();
        }
        true
    }

    fn fail(&mut self, error: &rusqlite::Error) {
        tracing::error!(%error, "the journal can't be applied to the database; it is tried again, and changes are accepted until the \
                                 journal is full");
        let why = Bilingual::quoted(error);
        self.shared.status.change(|status| status.failure = Some(why.clone()));
        self.shared.pending.fail(&StoreError::Unavailable(why));
    }

    fn connection(&mut self) -> Option<Connection> {
        match self.take_connection() {
            Ok(connection) => Some(connection),
            Err(error) => {
                tracing::warn!(%error, "the database can't be opened; it is tried again");
                None
            }
        }
    }

    /// The connection to the database that was opened with the store, wherever that is by now; it is opened again after an error.
    fn take_connection(&mut self) -> rusqlite::Result<Connection> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        // The path may lead to another store by now.
        self.shared.files.verify().map_err(|error| connection::internal(&error.to_string()))?;
        connection::writing(&self.path)
    }

    /// Keeps a connection that works: after an error it is dropped, since a failed sync is never repeated.
    fn keep(&mut self, connection: Connection, outcome: rusqlite::Result<()>) {
        match outcome {
            Ok(()) => self.connection = Some(connection),
            Err(error) => self.checkpoints.failed(&error),
        }
    }

    /// Returns whether the segment is applied: not in a store that is dropped.
    fn try_apply(&mut self, frozen: &mut Frozen) -> rusqlite::Result<bool> {
        let alone = self.read_alone(frozen);
        let (connection, shared) = (self.take_connection()?, self.shared.clone());
        let goes_on = &mut |slice| {
            self.after_slice(&connection, slice);
            !self.is_stopped()
        };
        let Frozen { segment, rows, .. } = frozen;
        let applied = match alone {
            Some(alone) => alone.apply(&connection, *segment, &shared, goes_on)?,
            None => slices::segment(&connection, *segment, rows, &shared, goes_on)?,
        };
        self.connection = Some(connection);
        Ok(applied)
    }

    /// Reads a segment that is to be applied exactly. One that does not read back is applied from memory, and the copies are refused.
    fn read_alone(&mut self, frozen: &Frozen) -> Option<Alone> {
        if !frozen.exactly {
            return None;
        }
        let read = Alone::read(frozen, &self.shared);
        self.unreadable = read.as_ref().err().map(|error| {
            bilingual!(
                "a segment of the journal can't be read back: {error}; take the backup again",
                "重做日志的一段无法读回：{error}；请重新备份"
            )
        });
        read.inspect_err(|error| tracing::error!(%error, "a segment of the journal can't be read back; what it says is in memory"))
            .ok()
    }

    /// Holds still until the copies have begun.
    fn begin_copies(&mut self, waiting: Vec<Waiting>) {
        let unreadable = self.unreadable.take();
        for waiting in waiting {
            match &unreadable {
                Some(why) => waiting.refuse(StoreError::Unavailable(why.clone())),
                None => waiting.hold(),
            }
        }
    }

    /// Copies SQLite's log, and pauses when more of this segment is applied than the one that is written needs: spread over the
    /// time that it takes to fill, the work leaves the disk to the journal.
    fn after_slice(&mut self, connection: &Connection, slice: Slice) {
        if let Err(error) = self.checkpoints.after_slice(connection, &self.shared) {
            self.checkpoints.failed(&error);
        }
        self.look();
        if let Some(active) = self.shared.status.read().active
            && slice.applied_percent * DONE_AT_PERCENT > active.fill_percent * 100
            && !self.shared.closing.load(Ordering::Acquire)
        {
            thread::sleep(slice.began.elapsed() * PAUSE);
        }
    }

    /// Everything is applied: the database needs no journal any more.
    fn finish(mut self) {
        let is_erased = self.erase_at_the_end();
        let Some(connection) = self.connection() else { return };
        self.checkpoints.finish(connection, &self.shared, is_erased);
    }
}
