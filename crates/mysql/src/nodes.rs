//! This process among the nodes: it registers, beats, sees which others live, and takes its share of the work.

use crate::clock::clock_ahead_ms;
use crate::connection::{Connection, Purpose};
use crate::fault::{Fault, FaultKind};
use crate::hosts::HostConnection;
use crate::leases::{DEAD_AFTER, Lease, NO_NODE};
use crate::place::LANES;
use crate::rows::Tally;
use crate::schema;
use crate::shared::{LANES_PER_NODE, Membership, Shared};
use crate::sql::Arg;
use crate::statements;
use portraitd_model::SdkAppId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often a node beats and looks at the others.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);
/// A beat that is later than this says nothing about the others: the database was away, not they.
const BEAT_LATE: Duration = Duration::from_secs(4);
/// Every so many beats, what changes slowly is read, too.
const SLOW: u64 = 5;
/// The most nodes.
const NODES_MAX: u32 = LANES / 8;

/// In `portrait_meta`: there while the database is a copy of another store that is not complete (`contents.rs`).
pub(crate) const COPY_HIGH: &str = "copy_high";

/// The row of a node.
type StoredNode = (u32, u64, u64, u64, Vec<u8>);

/// Registers this process under a free number.
pub(crate) async fn register(connection: &mut Connection, name: &str) -> Result<Membership, Fault> {
    if connection.one::<(u64,)>(statements::READ_META, &[COPY_HIGH.into()]).await?.is_some() {
        return Err(Fault::host(
            "a `portraitd store copy` into this database is not complete; the same command continues it",
        ));
    }
    loop {
        let nodes: Vec<StoredNode> = connection.rows(statements::READ_NODES, &[]).await?;
        if let Some((node, incarnation, beat, ..)) = nodes.iter().find(|(.., name)| name.is_empty()) {
            let args = [name.into(), (*node).into(), (*incarnation).into(), (*beat).into()];
            if connection.run(statements::TAKE_NODE, &args).await? == 1 {
                return Ok(Membership { node: *node, incarnation: incarnation + 1 });
            }
            continue;
        }
        let taken: BTreeSet<u32> = nodes.iter().map(|(node, ..)| *node).collect();
        let Some(node) = (0..NODES_MAX).find(|node| !taken.contains(node)) else {
            return Err(Fault::host(format!(
                "there are {NODES_MAX} nodes already; a dead one's number is free after {} s",
                DEAD_AFTER.as_secs()
            )));
        };
        let row = vec![node.into(), 1_u64.into(), 0_u64.into(), 0_u64.into(), name.into()];
        match connection.run(statements::ADD_NODE, &[Arg::Rows(vec![row])]).await {
            Ok(_) => return Ok(Membership { node, incarnation: 1 }),
            Err(fault) if fault.kind == FaultKind::Conflict => {}
            Err(fault) => return Err(fault),
        }
    }
}

/// Takes a node for dead that has not beaten since: none of its transactions is committed after this, and its number is free.
/// An interruption leaves it registered, so that this is done again. Without its incarnation it can't take a lane; only then are
/// its lanes taken from it, and only then does no node wait for it.
pub(crate) async fn expire(
    connection: &mut Connection,
    node: u32,
    incarnation: u64,
    beat: u64,
) -> Result<bool, Fault> {
    if connection.run(statements::EXPIRE_NODE, &[node.into(), incarnation.into(), beat.into()]).await? == 0 {
        return Ok(false);
    }
    let first = node * LANES_PER_NODE;
    connection.run(statements::FENCE_LANES, &[first.into(), (first + LANES_PER_NODE).into()]).await?;
    connection.run(statements::FREE_NODE, &[node.into(), (incarnation + 1).into()]).await?;
    Ok(true)
}

/// The task that keeps this node among the others.
pub(crate) struct Nodes {
    shared: Arc<Shared>,
    name: String,
    link: Option<HostConnection>,
    /// Each other node's last known beat, and since when it is known.
    beats: BTreeMap<u32, (u64, u64, Instant)>,
    last_round: Option<Instant>,
    rounds: u64,
    /// Looks whether an earlier host works again; one that is frozen must not delay the beats.
    looking: Option<JoinHandle<()>>,
}

impl Nodes {
    pub(crate) fn new(shared: Arc<Shared>, name: String) -> Self {
        Self { shared, name, link: None, beats: BTreeMap::new(), last_round: None, rounds: 0, looking: None }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(BEAT_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => break,
            }
            if let Err(fault) = self.round().await {
                if let Some(link) = self.link.take() {
                    self.shared.hosts.failed(&link);
                }
                tracing::warn!(
                    host = self.shared.hosts.current(),
                    reason = fault.message,
                    "can't reach the database"
                );
                self.shared.see(|seen| seen.fail(fault));
            }
        }
        self.leave().await;
    }

    async fn round(&mut self) -> Result<(), Fault> {
        if self.link.as_ref().is_none_or(|link| !self.shared.hosts.is_current(link)) {
            self.link = Some(self.shared.hosts.connect(Purpose::Reading).await?);
        }
        let Some(link) = &mut self.link else { return Ok(()) };
        let (connection, ours, began) = (&mut link.connection, self.shared.membership(), Instant::now());
        let adopted = self.shared.adopted.load(Ordering::Relaxed);
        let args = [adopted.into(), ours.node.into(), ours.incarnation.into()];
        if connection.run(statements::BEAT, &args).await? == 0 {
            return register_again(&self.shared, connection, &self.name).await;
        }
        let nodes: Vec<StoredNode> = connection.rows(statements::READ_NODES, &[]).await?;
        let live = see_beats(&mut self.beats, &nodes, ours.node, self.last_round, began);
        let table: Vec<(u16, u32, u64)> = connection.rows(statements::READ_LEASES, &[]).await?;
        let table: Vec<Lease> =
            table.into_iter().map(|(part, node, epoch)| Lease { part, node, epoch }).collect();
        let plan = self.shared.leases.renew(ours.node, &live, &table, began);
        for (lease, node) in plan
            .take
            .iter()
            .map(|lease| (lease, ours.node))
            .chain(plan.release.iter().map(|lease| (lease, NO_NODE)))
        {
            connection
                .run(statements::TAKE_LEASE, &[node.into(), u32::from(lease.part).into(), lease.epoch.into()])
                .await?;
        }
        let catalog: Option<(u64,)> = connection.one(statements::READ_META, &["catalog".into()]).await?;
        // Also of nodes that seem dead: one that is frozen may hold a call, until it has expired.
        let registered = nodes.iter().filter(|(node, .., name)| !name.is_empty() && *node != ours.node);
        let adopted_everywhere = registered.map(|(_, _, _, catalog, _)| *catalog).fold(adopted, u64::min);
        expire_dead(connection, &self.beats, ours.node).await?;
        if self.rounds.is_multiple_of(SLOW) {
            slow_round(&self.shared, connection).await?;
        }
        self.shared.see(|seen| {
            seen.live = live.len();
            seen.catalog = catalog.map_or(seen.catalog, |(version,)| version.max(seen.catalog));
            seen.adopted_everywhere = adopted_everywhere;
            seen.succeed();
        });
        (self.rounds, self.last_round) = (self.rounds + 1, Some(began));
        if self.rounds.is_multiple_of(SLOW) && self.looking.as_ref().is_none_or(JoinHandle::is_finished) {
            let shared = Arc::clone(&self.shared);
            self.looking = Some(tokio::spawn(async move { shared.hosts.prefer_earlier().await }));
        }
        Ok(())
    }

    /// Hands everything back, so that others need not wait.
    async fn leave(&mut self) {
        let ours = self.shared.membership();
        self.shared.leases.give_up();
        let Some(link) = &mut self.link else { return };
        let connection = &mut link.connection;
        let released = async {
            for (part, node, epoch) in
                connection.rows::<(u16, u32, u64)>(statements::READ_LEASES, &[]).await?
            {
                if node == ours.node {
                    let args = [NO_NODE.into(), u32::from(part).into(), epoch.into()];
                    connection.run(statements::TAKE_LEASE, &args).await?;
                }
            }
            connection.run(statements::FREE_NODE, &[ours.node.into(), ours.incarnation.into()]).await
        };
        if let Err(fault) = released.await {
            tracing::warn!(reason = fault.message, "this node's leases are free in 15 s only");
        }
        if let Some(link) = self.link.take() {
            link.connection.close().await;
        }
    }
}

/// Notes the beats; returns the nodes that live, this one among them.
fn see_beats(
    beats: &mut BTreeMap<u32, (u64, u64, Instant)>,
    nodes: &[StoredNode],
    ours: u32,
    last_round: Option<Instant>,
    now: Instant,
) -> Vec<u32> {
    let is_late = last_round.is_none_or(|last| now.duration_since(last) > BEAT_LATE);
    let known: BTreeSet<u32> =
        nodes.iter().filter(|(.., name)| !name.is_empty()).map(|(node, ..)| *node).collect();
    beats.retain(|node, _| known.contains(node));
    for (node, incarnation, beat, ..) in nodes.iter().filter(|(node, ..)| known.contains(node)) {
        let seen = beats.entry(*node).or_insert((*incarnation, *beat, now));
        if (seen.0, seen.1) != (*incarnation, *beat) || is_late {
            *seen = (*incarnation, *beat, now);
        }
    }
    let lives = |since: &Instant| now.duration_since(*since) < DEAD_AFTER;
    let live = beats.iter().filter(|(node, (.., since))| **node == ours || lives(since));
    live.map(|(node, _)| *node).collect()
}

/// Registers this process again after others took it for dead. They have not waited for it: what they changed meanwhile must be
/// in force here before it writes what a call has checked.
async fn register_again(shared: &Shared, connection: &mut Connection, name: &str) -> Result<(), Fault> {
    shared.leases.give_up();
    let (from, membership) = (shared.membership().node, register(connection, name).await?);
    let catalog: Option<(u64,)> = connection.one(statements::READ_META, &["catalog".into()]).await?;
    let (version,) = catalog.ok_or_else(|| Fault::permanent("the version of apps and tokens is missing"))?;
    shared.begin_again(membership, version);
    tracing::warn!(from, to = membership.node, "this node was taken for dead; it has a new number");
    Ok(())
}

async fn expire_dead(
    connection: &mut Connection,
    beats: &BTreeMap<u32, (u64, u64, Instant)>,
    ours: u32,
) -> Result<(), Fault> {
    let dead = beats.iter().filter(|(node, (.., since))| **node != ours && since.elapsed() >= DEAD_AFTER);
    for (node, (incarnation, beat, _)) in dead {
        if expire(connection, *node, *incarnation, *beat).await? {
            tracing::info!(node, "a node is dead; its number is free");
        }
    }
    Ok(())
}

async fn slow_round(shared: &Shared, connection: &mut Connection) -> Result<(), Fault> {
    schema::check_format(connection).await?.map_err(|error| Fault::permanent(error.to_string()))?;
    shared.read_tallies(&read_tallies(connection).await?);
    let ahead = clock_ahead_ms(connection).await?;
    shared.see(|seen| seen.clock_ahead_ms = ahead);
    Ok(())
}

/// What each lane has added to each app's numbers.
pub(crate) async fn read_tallies(
    connection: &mut Connection,
) -> Result<BTreeMap<(SdkAppId, u32), Tally>, Fault> {
    type Stored = (u32, u32, i64, i64, i64, i64, i64);
    let stored: Vec<Stored> = connection.rows(statements::READ_TALLIES, &[]).await?;
    let tally =
        |(app, lane, accounts, waiting_events, waiting_bytes, parked_events, parked_bytes): Stored| {
            let tally = Tally { accounts, waiting_events, waiting_bytes, parked_events, parked_bytes };
            ((SdkAppId(app), lane), tally)
        };
    Ok(stored.into_iter().map(tally).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(node: u32, beat: u64, name: &str) -> StoredNode {
        (node, 1, beat, 0, name.as_bytes().to_vec())
    }

    #[test]
    fn a_node_lives_while_it_beats() {
        let (mut beats, start) = (BTreeMap::new(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut see = |beat, last: Option<u64>, now| {
            let nodes = [row(0, beat, "a"), row(1, 7, "b"), row(2, 0, "")];
            see_beats(&mut beats, &nodes, 0, last.map(at), at(now))
        };
        assert_eq!(see(0, None, 0), [0, 1]);
        for second in 1..15 {
            assert_eq!(see(second, Some(second - 1), second), [0, 1], "second {second}");
        }
        assert_eq!(see(15, Some(14), 15), [0], "node 1 beats no more");
        // The database was away for a minute: no node could beat.
        assert_eq!(see(16, Some(15), 75), [0, 1]);
    }
}
