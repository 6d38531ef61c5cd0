//! A moment at which a copy begins: the tables are the store as it was, and have nothing of what came later.

use crate::primitives::{oneshot, work};
use portraitd_store::StoreError;
use std::time::Duration;

/// Held by a copy that begins: until it is dropped, the applier changes nothing.
pub(crate) struct Moment {
    _held: work::Sender<()>,
}

/// The other end of a copy that waits for its moment.
pub(crate) struct Waiting(oneshot::Sender<Result<Moment, StoreError>>);

/// A copy receives its moment.
pub(crate) type Reached = oneshot::Receiver<Result<Moment, StoreError>>;

pub(crate) fn channel() -> (Waiting, Reached) {
    let (waiting, reached) = oneshot::channel();
    (Waiting(waiting), reached)
}

impl Waiting {
    /// Tells the copy that its moment has come; returns once it has begun, or was given up.
    pub(crate) fn hold(self) {
        /// How often the wait is begun again: it has no end of its own.
        const TURN: Duration = Duration::from_secs(1);
        let (held, released) = work::channel();
        if self.0.send(Ok(Moment { _held: held })).is_ok() {
            // Nothing is sent: it ends with the moment.
            while released.recv_timeout(TURN) == Err(work::RecvTimeoutError::Timeout) {}
        }
    }

    /// Tells the copy that there is no such moment.
    pub(crate) fn refuse(self, error: StoreError) {
        // The copy may have stopped waiting.
        let _ = self.0.send(Err(error));
    }
}
