//! The writer's transactions: of settings, tokens and notes, which change rarely.

use crate::apply::Shared;
use crate::batch::NextNumbers;
use crate::connection;
use crate::job::{Job, Outcomes};
use crate::primitives::Instant;
use crate::reader::failed;
use crate::wal::mark;
use crate::write::{WriteError, direct};
use portraitd_model::{Bilingual, bilingual};
use portraitd_store::{StoreError, WriteOutcome};
use rusqlite::{Connection, TransactionBehavior, ffi};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// When the connection may be opened again after an I/O error.
struct Broken {
    retry_at: Instant,
    backoff: Duration,
}

/// The writer's connection.
pub(crate) struct Transactions {
    path: PathBuf,
    connection: Option<Connection>,
    broken: Option<Broken>,
}

impl Transactions {
    const BACKOFF_MIN: Duration = Duration::from_millis(100);
    const BACKOFF_MAX: Duration = Duration::from_secs(5);

    pub(crate) fn new(path: &Path) -> rusqlite::Result<Self> {
        let connection = Some(connection::writing(path)?);
        Ok(Self { path: path.to_owned(), connection, broken: None })
    }

    /// One transaction for the whole batch: all of it is on the disk, or none.
    pub(crate) fn commit(&mut self, batch: &[Job], shared: &Shared, next: &mut NextNumbers) -> Outcomes {
        let table_lock = shared.table_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let committed = transact(self.connection(shared)?, batch, next, shared);
        drop(table_lock);
        match committed {
            Ok(outcomes) => {
                self.broken = None;
                if outcomes.iter().any(|outcome| matches!(outcome, Ok(WriteOutcome::Counted(1..)))) {
                    shared.erased.store(true, Ordering::Release);
                }
                Ok(outcomes)
            }
            Err(error) => {
                if !keeps_connection_usable(&error) {
                    self.give_up_connection();
                }
                Err(failed(error))
            }
        }
    }

    /// The connection; opens it again after an error, once the backoff has passed.
    fn connection(&mut self, shared: &Shared) -> Result<&mut Connection, StoreError> {
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
                    shared.files.verify()?;
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
        let backoff = self.broken.take().map_or(Self::BACKOFF_MIN, |broken| broken.backoff * 2);
        let backoff = backoff.min(Self::BACKOFF_MAX);
        self.broken = Some(Broken { retry_at: Instant::now() + backoff, backoff });
    }
}

fn transact(
    connection: &mut Connection,
    batch: &[Job],
    next: &mut NextNumbers,
    shared: &Shared,
) -> rusqlite::Result<Vec<Result<WriteOutcome, StoreError>>> {
    // Dropped without a commit, the transaction is rolled back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let marks = mark::set_if_due(&transaction, &shared.mark_due)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        let note = job.note.as_deref().map(|note| (next.note, note));
        match direct::run(&job.write, note, &transaction) {
            Ok((outcome, noted)) => {
                next.note.0 += u64::from(noted);
                outcomes.push(Ok(outcome));
            }
            Err(WriteError::Refused(error)) => outcomes.push(Err(error)),
            Err(WriteError::Engine(error)) => return Err(error),
        }
    }
    transaction.commit()?;
    marks.done();
    Ok(outcomes)
}

/// A full disk has damaged nothing: the next write may find space again. And a damaged page concerns only the writes that need
/// it.
fn keeps_connection_usable(error: &rusqlite::Error) -> bool {
    let code = connection::result_code(error);
    matches!(code, Some(ffi::SQLITE_FULL | ffi::SQLITE_BUSY | ffi::SQLITE_CORRUPT))
}
