//! Places in the outbox, unique over all nodes and growing for each account, whatever the nodes' clocks say.
//!
//! ```text
//! 42 bits   milliseconds since 2020
//!  8 bits   a number within the millisecond
//! 10 bits   the lane: which writer of which node
//!  4 bits   the part of the users: which node delivers the event
//! ```
//!
//! The upper 50 bits are one clock, the tick: it never stands still, and is ahead of every tick that it has seen. A change
//! carries the tick of the account's last change, so that the places of one account grow with its changes.

use crate::clock::now_ms;
use portraitd_model::UserId;
use portraitd_store::OutboxSeq;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The parts that users fall into.
pub(crate) const PARTS: u16 = 16;
/// The most lanes.
pub(crate) const LANES: u32 = 1 << LANE_BITS;

const PART_BITS: u32 = 4;
const LANE_BITS: u32 = 10;
const NUMBER_BITS: u32 = 8;
/// 2020-01-01 in milliseconds.
const EPOCH_MS: u64 = 1_577_836_800_000;

/// The clock of a process.
#[derive(Debug, Default)]
pub(crate) struct Ticks(AtomicU64);

impl Ticks {
    /// A tick that is greater than every earlier one and than `floor`.
    fn next(&self, floor: u64) -> u64 {
        let now = first_tick(now_ms());
        let next = |last: u64| (last + 1).max(now).max(floor + 1);
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        next(last.unwrap_or_else(|last| last))
    }

    /// A new place, behind `after`.
    pub(crate) fn place(&self, lane: u32, part: u16, after: OutboxSeq) -> OutboxSeq {
        let tick = self.next(after.0 >> (LANE_BITS + PART_BITS));
        let lane = u64::from(lane) & ((1 << LANE_BITS) - 1);
        OutboxSeq((tick << LANE_BITS | lane) << PART_BITS | u64::from(part % PARTS))
    }
}

/// The first tick of a moment.
fn first_tick(unix_ms: u64) -> u64 {
    unix_ms.saturating_sub(EPOCH_MS) << NUMBER_BITS
}

/// The place of an event that was copied from an engine of one process, where it had the number `seq`: before every place that
/// is drawn here, and in the same order. `None` for a number that no such engine has drawn.
pub(crate) fn copied_place(seq: u64, part: u16) -> Option<OutboxSeq> {
    let tick = Some(seq).filter(|seq| *seq < first_tick(now_ms()))?;
    Some(OutboxSeq(tick << (LANE_BITS + PART_BITS) | u64::from(part % PARTS)))
}

/// The number that an event had before it was copied.
pub(crate) fn copied_from(place: OutboxSeq) -> u64 {
    place.0 >> (LANE_BITS + PART_BITS)
}

/// The part of a place.
pub(crate) fn part_of_place(place: OutboxSeq) -> u16 {
    u16::try_from(place.0 & u64::from(PARTS - 1)).unwrap_or_default()
}

/// The part of a user: the same on every node and in every version, since it is stored.
pub(crate) fn part_of_user(user: &UserId) -> u16 {
    // FNV-1a, folded.
    let hash = user.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u16::try_from((hash ^ hash >> 32) & u64::from(PARTS - 1)).unwrap_or_default()
}

/// The least place of a time before another place.
pub(crate) fn earlier(place: OutboxSeq, by: Duration) -> OutboxSeq {
    let ticks = u64::try_from(by.as_millis()).unwrap_or(u64::MAX) << NUMBER_BITS;
    OutboxSeq((place.0 >> (LANE_BITS + PART_BITS)).saturating_sub(ticks) << (LANE_BITS + PART_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn places_grow_and_know_their_part() {
        let ticks = Ticks::default();
        let mut last = OutboxSeq(0);
        for number in 0..2000_u16 {
            let place = ticks.place(u32::from(number % 3), number % PARTS, OutboxSeq(0));
            assert!(place > last);
            assert_eq!(part_of_place(place), number % PARTS);
            last = place;
        }
    }

    /// The clock of the node that made the last change may be ahead of ours.
    #[test]
    fn a_place_is_behind_the_last_change_and_drags_the_clock_along() {
        let (ahead, ticks) = (Ticks::default(), Ticks::default());
        let future = OutboxSeq(
            ahead.place(9, 3, OutboxSeq(0)).0 + (3_600_000 << (NUMBER_BITS + LANE_BITS + PART_BITS)),
        );
        let next = ticks.place(1, 3, future);
        assert!(next > future && ticks.place(1, 3, OutboxSeq(0)) > next);
        let hour_before = earlier(next, Duration::from_hours(1));
        assert!(hour_before < next && hour_before > OutboxSeq(0));
    }

    #[test]
    fn a_copied_event_is_before_every_new_one_and_knows_where_it_was() {
        let (one, other) = (copied_place(7, 15).unwrap(), copied_place(8, 0).unwrap());
        assert!(one < other && other < Ticks::default().place(0, 0, OutboxSeq(0)));
        assert_eq!((copied_from(one), part_of_place(one)), (7, 15));
        assert_eq!(copied_place(u64::MAX, 0), None);
    }

    #[test]
    fn users_fall_into_all_parts_and_stay_there() {
        let parts = |n| (0..n).map(|i| part_of_user(&UserId::parse(&format!("user{i}")).unwrap()));
        assert_eq!(parts(200).collect::<BTreeSet<_>>().len(), usize::from(PARTS));
        let known: Vec<u16> = parts(4).collect();
        assert_eq!(known, parts(4).collect::<Vec<_>>());
    }
}
