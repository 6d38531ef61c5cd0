//! Which parts of the users this node delivers the events of. A node holds a part as long as its beats are seen: one that has
//! not beaten for 15 s has lost its parts to others, and must have stopped sending before that.

use crate::place::PARTS;
use portraitd_store::DeliveryRight;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A node that was not seen to beat for this long is taken for dead: others take its parts, and it expires.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(15);
/// For how long after its last beat a node may begin to send: an attempt takes up to 10 s.
const SEND_FOR: Duration = Duration::from_secs(4);
/// A part that is given up is released this long after the last attempt began, so that few events are sent twice.
const RELEASE_AFTER: Duration = Duration::from_secs(2);
/// In the column `node`: no node has the part.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// The parts that this node holds.
#[derive(Default)]
pub(crate) struct Leases(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The epoch of each part that is held.
    epochs: [Option<u64>; PARTS as usize],
    /// Parts that are given up, since when.
    closing: [Option<Instant>; PARTS as usize],
    /// The beginning of the last beat that was stored.
    beaten: Option<Instant>,
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lease {
    pub(crate) part: u16,
    pub(crate) node: u32,
    pub(crate) epoch: u64,
}

/// What to do about the leases.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Plan {
    /// Leases to take over.
    pub(crate) take: Vec<Lease>,
    /// Leases to hand back.
    pub(crate) release: Vec<Lease>,
}

impl Leases {
    /// The epoch since which a part is held.
    pub(crate) fn epoch(&self, part: u16) -> Option<u64> {
        self.lock().epochs.get(usize::from(part)).copied().flatten()
    }

    /// Whether an event of a part may be sent now that was read in an epoch.
    pub(crate) fn right(&self, part: u16, epoch: u64) -> DeliveryRight {
        let held = self.lock();
        let part = usize::from(part);
        if held.epochs.get(part).copied().flatten() != Some(epoch) {
            return DeliveryRight::Lost;
        }
        let is_beaten = held.beaten.is_some_and(|beaten| beaten.elapsed() < SEND_FOR);
        let is_closing = held.closing.get(part).copied().flatten().is_some();
        if is_beaten && !is_closing { DeliveryRight::Held } else { DeliveryRight::Paused }
    }

    /// How many parts are held.
    pub(crate) fn count(&self) -> usize {
        self.lock().epochs.iter().flatten().count()
    }

    /// Takes over what the table says after a beat that began at `beaten`, and plans the next steps. `live` has the nodes that
    /// live, this one among them.
    pub(crate) fn renew(&self, node: u32, live: &[u32], table: &[Lease], beaten: Instant) -> Plan {
        let mut held = self.lock();
        held.beaten = Some(beaten);
        for lease in table {
            let mine = (lease.node == node).then_some(lease.epoch);
            let part = usize::from(lease.part);
            if let (Some(epoch), Some(closing)) =
                (held.epochs.get(part).copied(), held.closing.get(part).copied())
            {
                if epoch != mine && closing.is_some() {
                    set(&mut held.closing, part, None);
                }
                set(&mut held.epochs, part, mine);
            }
        }
        let share = usize::from(PARTS).div_ceil(live.len().max(1));
        plan(&mut held, node, live, table, share)
    }

    /// Stops sending at once.
    pub(crate) fn give_up(&self) {
        *self.lock() = Held::default();
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set<T>(list: &mut [Option<T>], index: usize, value: Option<T>) {
    if let Some(place) = list.get_mut(index) {
        *place = value;
    }
}

fn plan(held: &mut Held, node: u32, live: &[u32], table: &[Lease], share: usize) -> Plan {
    let mut plan = Plan::default();
    let mine: Vec<Lease> = table.iter().filter(|lease| lease.node == node).copied().collect();
    let closing = |held: &Held, part: u16| held.closing.get(usize::from(part)).copied().flatten();
    for lease in mine.iter().skip(share) {
        match closing(held, lease.part) {
            None => set(&mut held.closing, usize::from(lease.part), Some(Instant::now())),
            Some(since) if since.elapsed() >= RELEASE_AFTER => plan.release.push(*lease),
            Some(_) => {}
        }
    }
    for lease in mine.iter().take(share) {
        set(&mut held.closing, usize::from(lease.part), None);
    }
    let is_free = |lease: &&Lease| !live.contains(&lease.node);
    plan.take = table.iter().filter(is_free).take(share.saturating_sub(mine.len())).copied().collect();
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(nodes: &[u32]) -> Vec<Lease> {
        let of =
            |(part, node): (usize, &u32)| Lease { part: u16::try_from(part).unwrap(), node: *node, epoch: 5 };
        nodes.iter().enumerate().map(of).collect()
    }

    #[test]
    fn free_parts_and_those_of_the_dead_are_taken_up_to_a_fair_share() {
        let leases = Leases::default();
        let alone = leases.renew(7, &[7], &table(&[NO_NODE; 16]), Instant::now());
        assert_eq!((alone.take.len(), alone.release.len(), leases.count()), (16, 0, 0));
        let mut owners = [NO_NODE; 16];
        owners[..10].fill(3);
        let beside = leases.renew(7, &[3, 7], &table(&owners), Instant::now());
        assert_eq!(beside.take.iter().map(|lease| lease.part).collect::<Vec<_>>(), [10, 11, 12, 13, 14, 15]);
        let dead = leases.renew(7, &[7], &table(&owners), Instant::now());
        assert_eq!(dead.take.len(), 16, "node 3 is dead");
    }

    #[test]
    fn more_than_a_share_is_not_sent_any_more_and_released_later() {
        let leases = Leases::default();
        leases.renew(7, &[7], &table(&[7; 16]), Instant::now());
        assert_eq!((leases.right(0, 5), leases.right(15, 5)), (DeliveryRight::Held, DeliveryRight::Held));
        let plan = leases.renew(7, &[7, 8], &table(&[7; 16]), Instant::now());
        assert_eq!(plan, Plan::default(), "attempts may be under way");
        assert_eq!((leases.right(7, 5), leases.right(8, 5)), (DeliveryRight::Held, DeliveryRight::Paused));
        std::thread::sleep(RELEASE_AFTER);
        let plan = leases.renew(7, &[7, 8], &table(&[7; 16]), Instant::now());
        assert_eq!(
            plan.release.iter().map(|lease| lease.part).collect::<Vec<_>>(),
            [8, 9, 10, 11, 12, 13, 14, 15]
        );
    }

    #[test]
    fn a_node_that_has_not_beaten_for_long_sends_nothing() {
        let leases = Leases::default();
        let long_ago = Instant::now().checked_sub(SEND_FOR).unwrap();
        leases.renew(7, &[7], &table(&[7; 16]), long_ago);
        assert_eq!((leases.right(0, 5), leases.count()), (DeliveryRight::Paused, 16));
        assert_eq!(
            leases.right(0, 4),
            DeliveryRight::Lost,
            "it was read when another held the part in between"
        );
        leases.renew(7, &[7], &table(&[8; 16]), Instant::now());
        assert_eq!((leases.right(0, 5), leases.count()), (DeliveryRight::Lost, 0), "node 8 has taken them");
    }
}
