//! The writers: each gathers what waits and does it in one transaction of its lane, again and again until the outcome is
//! known.

use crate::apply::Unit;
use crate::connection::{Connection, Purpose};
use crate::fault::{Fault, FaultKind};
use crate::hosts::HostConnection;
use crate::nodes;
use crate::shared::{Membership, Shared};
use crate::sql::Arg;
use crate::statements;
use crate::transaction::{self, Attempted, Done, Lane};
use portraitd_store::{AuditNote, Import, StoreError, Write, WriteOutcome};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// The most units of a transaction. TiDB commits up to 256 keys in one step.
const UNITS_MAX: usize = 128;
/// The most rows that the units of a transaction touch, about.
const ROWS_MAX: usize = 512;
/// The most units that wait for a writer.
pub(crate) const QUEUE_MAX: usize = 8192;
/// For how long a unit is tried. Later than this after its place was drawn, a unit is never committed: readers of the
/// outbox rely on it.
const DEADLINE: Duration = Duration::from_secs(10);
/// After so many conflicts a transaction is divided.
const CONFLICTS_MAX: u32 = 4;
/// The longest wait after a conflict doubles up to this.
const BACKOFF_MAX: Duration = Duration::from_millis(64);
/// An idle connection is used this often: the database ends one that is silent, since it might be in a transaction.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// The wait before the next host is tried.
const HOST_WAIT: Duration = Duration::from_millis(50);

type Outcome = Result<WriteOutcome, StoreError>;

/// A unit that waits for its transaction.
pub(crate) struct Request {
    unit: Unit,
    /// What this process was when the unit came. As another node it must not write it: others may have relied on that.
    ours: Membership,
    reply: oneshot::Sender<Outcome>,
    since: Instant,
}

impl Request {
    pub(crate) fn new(
        write: Write,
        note: Option<AuditNote>,
        ours: Membership,
    ) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, answer) = oneshot::channel();
        (Self { unit: Unit { write, note }, ours, reply, since: Instant::now() }, answer)
    }

    /// Whether it has a transaction of its own: what operators do is rare, and reads rows that other units might change.
    fn is_alone(&self) -> bool {
        let is_small = matches!(
            self.unit.write,
            Write::Change(_)
                | Write::Import(_)
                | Write::Delete(_)
                | Write::Kick(_)
                | Write::RecordDeliveries(_)
                | Write::Probe(_)
        );
        self.unit.note.is_some() || !is_small
    }

    /// How many rows it touches, about.
    fn rows(&self) -> usize {
        match &self.unit.write {
            Write::Import(Import { seeds, .. }) => seeds.len(),
            Write::Delete(delete) => delete.users.len(),
            Write::RecordDeliveries(record) => record.outcomes.len(),
            _ => 1,
        }
    }
}

/// Why a transaction is given up.
enum GivenUp {
    /// Halves of it may succeed.
    Divide,
    Fail(StoreError),
}

/// One writer.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Request>,
    index: u32,
    /// Taken from the queue, but not fit for the transaction that was gathered.
    held: Option<Request>,
    link: Option<HostConnection>,
    /// That of the units in progress.
    ours: Membership,
    lane: Option<Lane>,
    /// The number of the last attempt. Begins at random, so that no other process uses the same.
    attempts: u64,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Request>, index: u32) -> Self {
        Self {
            ours: shared.membership(),
            shared,
            queue,
            index,
            held: None,
            link: None,
            lane: None,
            attempts: RandomState::new().hash_one(index),
        }
    }

    /// Runs until every sender of the queue is gone and the queue is empty.
    pub(crate) async fn run(mut self) {
        loop {
            let batch = match tokio::time::timeout(KEEP_ALIVE, self.gather()).await {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(_) => {
                    self.keep_alive().await;
                    continue;
                }
            };
            let now = Instant::now();
            for request in &batch {
                self.shared.measurements.wait.record_time(now.duration_since(request.since));
            }
            let mut parts = vec![batch];
            while let Some(part) = parts.pop() {
                self.perform(part, now + DEADLINE, &mut parts).await;
            }
        }
        if let Some(link) = self.link.take() {
            link.connection.close().await;
        }
    }

    async fn keep_alive(&mut self) {
        if let Some(link) = &mut self.link
            && let Err(fault) = link.connection.run(statements::ROLLBACK, &[]).await
        {
            self.recover(&fault).await;
        }
    }

    /// The next units that fit into one transaction. Nothing is lost when it is dropped: it waits only before it has taken one.
    async fn gather(&mut self) -> Option<Vec<Request>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.queue.recv().await?,
        };
        let (ours, is_alone, mut rows) = (first.ours, first.is_alone(), first.rows());
        let mut batch = vec![first];
        while !is_alone && batch.len() < UNITS_MAX && rows < ROWS_MAX {
            let Ok(request) = self.queue.try_recv() else { break };
            rows += request.rows();
            if request.is_alone() || rows > ROWS_MAX || request.ours != ours {
                self.held = Some(request);
                break;
            }
            batch.push(request);
        }
        Some(batch)
    }

    /// Does a transaction and answers its units, or leaves halves of it in `parts`.
    async fn perform(&mut self, mut batch: Vec<Request>, deadline: Instant, parts: &mut Vec<Vec<Request>>) {
        let ours = batch.first().map_or(self.ours, |request| request.ours);
        self.ours = ours;
        let (units, replies): (Vec<Unit>, Vec<_>) =
            batch.drain(..).map(|request| (request.unit, (request.reply, request.since))).unzip();
        let began = Instant::now();
        match self.commit(&units, deadline).await {
            Ok(done) => {
                self.shared.measurements.commit.record_time(began.elapsed());
                self.shared.measurements.batch.record(units.len() as u64);
                self.shared.count_commit(units.len());
                for ((reply, _), outcome) in replies.into_iter().zip(done.outcomes) {
                    _ = reply.send(outcome);
                }
            }
            Err(GivenUp::Fail(error)) => {
                self.shared.measurements.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(units = units.len(), %error, "a transaction failed");
                for (reply, _) in replies {
                    _ = reply.send(Err(error.clone()));
                }
            }
            Err(GivenUp::Divide) => {
                self.shared.trials.divided.fetch_add(1, Ordering::Relaxed);
                let requests = units.into_iter().zip(replies);
                let mut first: Vec<Request> =
                    requests.map(|(unit, (reply, since))| Request { unit, ours, reply, since }).collect();
                let second = first.split_off(first.len() / 2);
                parts.extend([second, first]);
            }
        }
    }

    /// Tries until the units are committed, or surely are not.
    async fn commit(&mut self, units: &[Unit], deadline: Instant) -> Result<Done, GivenUp> {
        let (mut uncertain, mut conflicts) = (BTreeMap::new(), 0);
        let mut last = Fault::host("no attempt was made");
        while Instant::now() < deadline {
            if self.shared.membership() != self.ours {
                last = Fault::lost("this node was taken for dead, and is another one now");
                break;
            }
            match self.attempt(units, &mut uncertain).await {
                Ok(Some(done)) => return Ok(done),
                Ok(None) => {}
                Err(fault) => {
                    self.shared.trials.retried.fetch_add(1, Ordering::Relaxed);
                    let divides = uncertain.is_empty() && units.len() > 1;
                    match fault.kind {
                        FaultKind::Conflict => {
                            conflicts += 1;
                            if divides && conflicts >= CONFLICTS_MAX {
                                return Err(GivenUp::Divide);
                            }
                            tokio::time::sleep(backoff(conflicts)).await;
                        }
                        FaultKind::Permanent if uncertain.is_empty() => {
                            let error = fault.into_store_error();
                            return Err(if divides { GivenUp::Divide } else { GivenUp::Fail(error) });
                        }
                        FaultKind::Host | FaultKind::Lost | FaultKind::Permanent => {
                            tokio::time::sleep(HOST_WAIT).await;
                        }
                    }
                    last = fault;
                }
            }
        }
        // An attempt whose outcome is not known must never be committed after this answer.
        self.lane = None;
        Err(GivenUp::Fail(last.into_store_error()))
    }

    /// One attempt; `None` when there must be another. `uncertain` has what the attempts did whose outcome is not known.
    async fn attempt(
        &mut self,
        units: &[Unit],
        uncertain: &mut BTreeMap<u64, Done>,
    ) -> Result<Option<Done>, Fault> {
        if self.link.as_ref().is_none_or(|link| !self.shared.hosts.is_current(link)) {
            self.link = Some(self.shared.hosts.connect(Purpose::Writing).await?);
        }
        let Some(lane) = self.lane.filter(|lane| lane.number == self.lane_number()) else {
            return self.take_lane(uncertain).await;
        };
        let Some(link) = &mut self.link else { return Ok(None) };
        self.attempts = self.attempts.wrapping_add(1);
        let (number, must_commit) = (self.attempts, !uncertain.is_empty());
        let ticks = &self.shared.ticks;
        match transaction::attempt(&mut link.connection, ticks, lane, number, units, must_commit).await {
            Ok(Attempted::Committed(done)) => Ok(Some(self.committed(lane, done))),
            Ok(Attempted::Nothing(done)) => Ok(Some(done)),
            Ok(Attempted::Earlier(number)) => match uncertain.remove(&number) {
                Some(done) => {
                    self.shared.trials.found_committed.fetch_add(1, Ordering::Relaxed);
                    Ok(Some(self.committed(lane, done)))
                }
                None => self.take_lane(uncertain).await,
            },
            Ok(Attempted::Fenced) => self.take_lane(uncertain).await,
            Err(failed) => {
                if let Some(done) = failed.uncertain {
                    uncertain.insert(number, done);
                }
                self.recover(&failed.fault).await;
                Err(failed.fault)
            }
        }
    }

    fn lane_number(&self) -> u32 {
        self.ours.lane(self.index)
    }

    fn committed(&mut self, lane: Lane, done: Done) -> Done {
        self.lane = Some(Lane { n: lane.n + 1, ..lane });
        self.shared.add_tallies(lane.number, &done.tallies);
        if let Some(version) = done.catalog {
            self.shared.see(|seen| seen.catalog = seen.catalog.max(version));
        }
        done
    }

    /// Makes the connection fit for another transaction, or drops it.
    async fn recover(&mut self, fault: &Fault) {
        let Some(link) = &mut self.link else { return };
        let is_usable =
            !fault.ends_connection() && link.connection.run(statements::ROLLBACK, &[]).await.is_ok();
        if !is_usable && let Some(link) = self.link.take() {
            self.shared.hosts.failed(&link);
        }
    }

    /// Takes the lane: no earlier transaction of it can be committed after this. Returns what an uncertain attempt did if it
    /// turns out that it was committed.
    async fn take_lane(&mut self, uncertain: &mut BTreeMap<u64, Done>) -> Result<Option<Done>, Fault> {
        let (number, before) = (self.lane_number(), self.lane);
        let taken = self.fence_lane(number).await;
        if let Err(fault) = &taken {
            self.recover(fault).await;
        }
        let (lane, last_attempt) = taken?;
        self.lane = Some(lane);
        let Some(before) = before.filter(|before| before.number == number) else {
            return if uncertain.is_empty() {
                Ok(None)
            } else {
                Err(Fault::lost("this node was taken for dead"))
            };
        };
        if lane.n == before.n + 1
            && let Some(done) = uncertain.remove(&last_attempt)
        {
            self.shared.trials.found_committed.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(done));
        }
        uncertain.clear();
        Ok(None)
    }

    /// Ends every earlier transaction of the lane; returns it with the number of its last attempt.
    ///
    /// Reads the lane before the node. What takes a node for dead changes the node first and its lanes then, so that either the
    /// node's row tells here, or the lane is another one by the end.
    async fn fence_lane(&mut self, number: u32) -> Result<(Lane, u64), Fault> {
        let ours = self.ours;
        let Some(link) = &mut self.link else { return Err(Fault::host("there is no connection")) };
        let connection = &mut link.connection;
        let mut lane = read_lane(connection, number).await?;
        if lane.is_none() {
            let row = vec![number.into(), 1_u64.into(), 0_u64.into(), 0_u64.into()];
            connection.run(statements::ADD_LANE, &[Arg::Rows(vec![row])]).await?;
            connection.run(statements::COMMIT, &[]).await.map_err(Fault::at_commit)?;
            lane = read_lane(connection, number).await?;
        }
        let (before, ..) = lane.ok_or_else(missing_lane)?;
        let node: Option<(u64,)> = connection.one(statements::READ_NODE, &[ours.node.into()]).await?;
        if node != Some((ours.incarnation,)) {
            return Err(Fault::conflict("this node was taken for dead"));
        }
        if connection.run(statements::FENCE_LANE, &[number.into(), before.into()]).await? == 0 {
            return Err(Fault::conflict("the lane was taken meanwhile"));
        }
        connection.run(statements::COMMIT, &[]).await.map_err(Fault::at_commit)?;
        let lane = read_lane(connection, number).await?;
        let tallies = nodes::read_tallies(connection).await?;
        connection.run(statements::ROLLBACK, &[]).await?;
        let (incarnation, n, attempt) = lane.ok_or_else(missing_lane)?;
        self.shared.begin_lane(number, &tallies);
        Ok((Lane { number, incarnation, n }, attempt))
    }
}

/// The incarnation of a lane, its transactions, and the number of its last attempt.
async fn read_lane(connection: &mut Connection, number: u32) -> Result<Option<(u64, u64, u64)>, Fault> {
    connection.one(statements::READ_LANE, &[number.into()]).await
}

fn missing_lane() -> Fault {
    Fault::permanent("a lane's row is missing")
}

fn backoff(conflicts: u32) -> Duration {
    let longest = Duration::from_millis(1 << conflicts.min(6)).min(BACKOFF_MAX);
    // Writers that met once must not meet again.
    let random = u32::try_from(RandomState::new().hash_one(conflicts) % 1000).unwrap_or_default();
    longest * random / 1000
}
