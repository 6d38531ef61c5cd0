//! A write in the writer's queue.

use crate::primitives::{Instant, oneshot};
use portraitd_store::{AuditNote, StoreError, Write, WriteOutcome};

type Reply = oneshot::Sender<Result<WriteOutcome, StoreError>>;

/// A write in the queue.
pub(crate) struct Job {
    pub(crate) write: Write,
    /// Boxed, because few writes have one.
    pub(crate) note: Option<Box<AuditNote>>,
    pub(crate) reply: Reply,
    pub(crate) since: Instant,
}

/// The outcomes of a batch, one for each write; or the error of all of them.
pub(crate) type Outcomes = Result<Vec<Result<WriteOutcome, StoreError>>, StoreError>;
