//! What the tasks of one store share.

use crate::fault::{Fault, FaultKind};
use crate::hosts::Hosts;
use crate::leases::Leases;
use crate::place::Ticks;
use crate::rows::Tally;
use portraitd_model::SdkAppId;
use portraitd_store::{Backlog, EventState, Measurements};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The writers of a node, each with a lane of its own.
pub(crate) const WRITERS: u32 = 2;
/// The lanes that a node may have.
pub(crate) const LANES_PER_NODE: u32 = 8;

/// This process among the nodes of the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Membership {
    pub(crate) node: u32,
    pub(crate) incarnation: u64,
}

impl Membership {
    /// The lane of one of its writers.
    pub(crate) fn lane(self, writer: u32) -> u32 {
        self.node * LANES_PER_NODE + writer
    }

    fn has_lane(self, lane: u32) -> bool {
        lane / LANES_PER_NODE == self.node
    }
}

/// The nodes of the database, as this one saw them last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Those that live, this one among them.
    pub(crate) live: usize,
    /// The version of apps and tokens.
    pub(crate) catalog: u64,
    /// The oldest version that a node may still use, one that seems dead and has not expired among them.
    pub(crate) adopted_everywhere: u64,
    /// Why this node is not fit to serve.
    pub(crate) problem: Option<String>,
    /// Since when, and in how many attempts, the database can't be reached.
    pub(crate) failing: Option<(Instant, u32)>,
    /// Whether waiting will not help: the rights or the format are not what they were.
    pub(crate) is_permanent: bool,
    /// By how many milliseconds our clock is ahead of the database's.
    pub(crate) clock_ahead_ms: i64,
}

impl Seen {
    /// The database could not be used.
    pub(crate) fn fail(&mut self, fault: Fault) {
        self.is_permanent = fault.kind == FaultKind::Permanent;
        let (since, failed) = self.failing.unwrap_or((Instant::now(), 0));
        self.failing = Some((since, failed.saturating_add(1)));
        self.problem = Some(fault.message);
    }

    /// It could.
    pub(crate) fn succeed(&mut self) {
        (self.problem, self.failing, self.is_permanent) = (None, None, false);
    }
}

/// What became of transactions that did not succeed at once.
#[derive(Default)]
pub(crate) struct Trials {
    pub(crate) retried: AtomicU64,
    pub(crate) divided: AtomicU64,
    pub(crate) found_committed: AtomicU64,
}

pub(crate) struct Shared {
    pub(crate) hosts: Hosts,
    pub(crate) ticks: Ticks,
    pub(crate) leases: Leases,
    pub(crate) measurements: Measurements,
    /// Operations written, and commits.
    pub(crate) changes: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) trials: Trials,
    /// The version of apps and tokens that is in force here.
    pub(crate) adopted: AtomicU64,
    /// The version that must be in force here before this node writes what a call has checked.
    required: AtomicU64,
    membership: Mutex<Membership>,
    seen: Mutex<Seen>,
    tallies: Mutex<BTreeMap<(SdkAppId, u32), Tally>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        hosts: Hosts,
        membership: Membership,
        tallies: BTreeMap<(SdkAppId, u32), Tally>,
    ) -> Self {
        Self {
            hosts,
            ticks: Ticks::default(),
            leases: Leases::default(),
            measurements: Measurements::default(),
            changes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            trials: Trials::default(),
            adopted: AtomicU64::new(0),
            required: AtomicU64::new(0),
            membership: Mutex::new(membership),
            seen: Mutex::new(Seen { live: 1, ..Seen::default() }),
            tallies: Mutex::new(tallies),
        }
    }

    pub(crate) fn membership(&self) -> Membership {
        *lock(&self.membership)
    }

    /// Begins as another node, at a version of apps and tokens.
    pub(crate) fn begin_again(&self, membership: Membership, catalog: u64) {
        // Before the membership: a write that has the new one is checked against the new version.
        self.required.store(catalog, Ordering::SeqCst);
        *lock(&self.membership) = membership;
        self.see(|seen| seen.catalog = seen.catalog.max(catalog));
    }

    /// Whether what a call has checked may be written: others rely on no older settings than those that are in force here.
    pub(crate) fn is_up_to_date(&self) -> bool {
        self.adopted.load(Ordering::SeqCst) >= self.required.load(Ordering::SeqCst)
    }

    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    pub(crate) fn see(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut lock(&self.seen));
    }

    /// Adds what a writer of this process has committed.
    pub(crate) fn add_tallies(&self, lane: u32, added: &BTreeMap<SdkAppId, Tally>) {
        let mut tallies = lock(&self.tallies);
        for (app, tally) in added {
            tallies.entry((*app, lane)).or_default().add(tally);
        }
    }

    /// Takes over the numbers of the lanes that other processes write; those of our own lanes are newer here.
    pub(crate) fn read_tallies(&self, stored: &BTreeMap<(SdkAppId, u32), Tally>) {
        let ours = self.membership();
        let mut tallies = lock(&self.tallies);
        let of_others = stored.iter().filter(|((_, lane), _)| !ours.has_lane(*lane));
        tallies.extend(of_others.map(|(key, tally)| (*key, *tally)));
    }

    /// Takes over the numbers of a lane that begins to be ours.
    pub(crate) fn begin_lane(&self, lane: u32, stored: &BTreeMap<(SdkAppId, u32), Tally>) {
        let mut tallies = lock(&self.tallies);
        tallies.retain(|(_, other), _| *other != lane);
        let of_lane = stored.iter().filter(|((_, other), _)| *other == lane);
        tallies.extend(of_lane.map(|(key, tally)| (*key, *tally)));
    }

    /// What each app has in the outbox.
    pub(crate) fn backlogs(&self) -> BTreeMap<SdkAppId, Backlog> {
        let mut sums: BTreeMap<SdkAppId, Tally> = BTreeMap::new();
        for ((app, _), tally) in &*lock(&self.tallies) {
            sums.entry(*app).or_default().add(tally);
        }
        let backlog = |tally: &Tally| Backlog {
            waiting: tally.amount(EventState::Waiting),
            parked: tally.amount(EventState::Parked),
        };
        let backlogs = sums.iter().map(|(app, tally)| (*app, backlog(tally)));
        backlogs.filter(|(_, backlog)| *backlog != Backlog::default()).collect()
    }

    pub(crate) fn count_commit(&self, operations: usize) {
        self.changes.fetch_add(operations as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
}
