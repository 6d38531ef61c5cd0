//! The phase of a connection's current request, shared by the stream, the service and both bodies.

use crate::fairness::FairnessBudget;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

pub(super) const IDLE: u8 = 0;
pub(super) const READING_HEAD: u8 = 1;
pub(super) const HANDLING: u8 = 2;
pub(super) const SENDING: u8 = 3;

/// The phase of the current request.
#[derive(Clone, Default)]
pub(super) struct RequestPhase(Arc<SharedPhase>);

#[derive(Default)]
struct SharedPhase {
    phase: AtomicU8,
    /// The first byte of the head that was read last.
    first_byte: AtomicU8,
    /// Whether the service has got a request of this connection.
    is_used: AtomicBool,
    /// Whether the request's body is in use.
    body_in_use: AtomicBool,
    /// Whether a body was handed out since [`RequestPhase::forget_bodies`].
    body_handed_out: AtomicBool,
    /// Whether hyper's buffers are to be given back if it has nothing to do after the present poll.
    release_wanted: AtomicBool,
    /// What the connection may still transfer before it yields.
    budget: FairnessBudget,
}

/// A head that the service has not got.
#[derive(Clone, Copy)]
pub(super) struct UnreadHead {
    /// Its first byte.
    pub(super) first_byte: u8,
    /// Whether it follows a request on the same connection.
    pub(super) follows_request: bool,
}

impl RequestPhase {
    /// The first byte of a head has been read.
    pub(super) fn head_begun(&self, first_byte: u8) {
        self.0.first_byte.store(first_byte, Ordering::Relaxed);
        self.set(READING_HEAD);
    }

    /// The head has been read: the service has the request.
    pub(super) fn head_read(&self) {
        self.0.is_used.store(true, Ordering::Relaxed);
        self.set(HANDLING);
    }

    /// hyper has the whole response.
    pub(super) fn response_ready(&self) {
        self.set(SENDING);
    }

    /// The response has been sent.
    pub(super) fn response_sent(&self) {
        self.set(IDLE);
    }

    /// Returns a head that the service has not got; `None` when the service has the request.
    pub(super) fn unread_head(&self) -> Option<UnreadHead> {
        (self.get() < HANDLING).then(|| UnreadHead {
            first_byte: self.0.first_byte.load(Ordering::Relaxed),
            follows_request: self.0.is_used.load(Ordering::Relaxed),
        })
    }

    pub(super) fn body_handed_out(&self) {
        self.0.body_handed_out.store(true, Ordering::Relaxed);
        self.0.body_in_use.store(true, Ordering::Relaxed);
    }

    /// Any thread may drop it: what hyper was told by then is seen where `false` is read.
    pub(super) fn body_dropped(&self) {
        self.0.body_in_use.store(false, Ordering::Release);
    }

    pub(super) fn is_body_in_use(&self) -> bool {
        self.0.body_in_use.load(Ordering::Acquire)
    }

    /// From here on bodies count that are in use now, or handed out later.
    pub(super) fn forget_bodies(&self) {
        self.0.body_handed_out.store(self.is_body_in_use(), Ordering::Relaxed);
    }

    /// Returns whether there was a body since: hyper may not know yet that it was dropped unread.
    pub(super) fn had_body(&self) -> bool {
        self.0.body_handed_out.load(Ordering::Relaxed)
    }

    /// Whether hyper's buffers are to be given back if it has nothing to do after the present poll.
    pub(super) fn want_release(&self, wanted: bool) {
        self.0.release_wanted.store(wanted, Ordering::Relaxed);
    }

    /// Returns whether they are, and hyper waits for a request of which it has read nothing from the stream.
    pub(super) fn is_releasable(&self) -> bool {
        self.get() == IDLE && self.0.release_wanted.load(Ordering::Relaxed)
    }

    /// What the connection may still transfer before it yields.
    pub(super) fn budget(&self) -> &FairnessBudget {
        &self.0.budget
    }

    pub(super) fn get(&self) -> u8 {
        self.0.phase.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.phase.store(phase, Ordering::Relaxed);
    }
}
