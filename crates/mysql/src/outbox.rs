//! Which events this node delivers: those of its parts, each once for every time that it holds the part.
//!
//! Places grow for each account, but events of different accounts may be committed in another order than that of their
//! places. So a scan looks again at the places of the last 15 s: a unit is committed within 10 s of its place or never, and
//! clocks differ by 2 s at most.

use crate::place::{PARTS, earlier, part_of_place};
use portraitd_store::{OutboxCursor, OutboxScan, OutboxSeq};
use std::time::Duration;

/// How far back places may still appear.
const WINDOW: Duration = Duration::from_secs(15);
/// The new places that a scan reads at once.
const PLACES_MAX: usize = 4096;

/// Drops the parts that were lost, and begins with those that were gained; `epoch` tells which are held. Scans that have read
/// everything become one.
pub(crate) fn follow_leases(cursor: &mut OutboxCursor, epoch: impl Fn(u16) -> Option<u64>) {
    for scan in &mut cursor.scans {
        scan.parts.retain(|part, held| epoch(*part) == Some(*held));
    }
    cursor.scans.retain(|scan| !scan.parts.is_empty());
    let scanned = |part: u16| cursor.scans.iter().any(|scan| scan.parts.contains_key(&part));
    let gained = (0..PARTS).filter(|part| !scanned(*part)).filter_map(|part| Some((part, epoch(part)?)));
    let gained = OutboxScan { parts: gained.collect(), ..OutboxScan::default() };
    if !gained.parts.is_empty() {
        cursor.scans.push(gained);
    }
    let (finished, mut scans): (Vec<_>, Vec<_>) = cursor.scans.drain(..).partition(|scan| scan.is_finished);
    // Each has also noted places of parts that it does not read: the other may not have read them yet.
    let of_own_parts = |mut scan: OutboxScan| {
        scan.recent.retain(|place| scan.parts.contains_key(&part_of_place(*place)));
        scan
    };
    let join = |mut one: OutboxScan, mut other: OutboxScan| {
        one.parts.append(&mut other.parts);
        one.recent.append(&mut other.recent);
        one.scanned_to = one.scanned_to.min(other.scanned_to);
        one
    };
    if finished.len() > 1 {
        scans.extend(finished.into_iter().map(of_own_parts).reduce(join));
    } else {
        scans.extend(finished);
    }
    cursor.scans = scans;
}

/// Where a scan goes on, and how many places it reads.
pub(crate) fn next_page(scan: &OutboxScan) -> (OutboxSeq, usize) {
    (earlier(scan.scanned_to, WINDOW), PLACES_MAX + scan.recent.len())
}

/// Takes the places that were read; returns those to deliver, at most `limit`.
pub(crate) fn take_page(scan: &mut OutboxScan, places: &[OutboxSeq], limit: usize) -> Vec<OutboxSeq> {
    let (_, page) = next_page(scan);
    scan.is_finished = places.len() < page;
    let mut taken = Vec::new();
    for place in places {
        if scan.recent.contains(place) {
            continue;
        }
        if scan.parts.contains_key(&part_of_place(*place)) {
            if taken.len() == limit {
                scan.is_finished = false;
                break;
            }
            taken.push(*place);
        }
        scan.recent.insert(*place);
        scan.scanned_to = scan.scanned_to.max(*place);
    }
    scan.recent = scan.recent.split_off(&earlier(scan.scanned_to, WINDOW));
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Ticks;

    fn held(parts: &[u16]) -> impl Fn(u16) -> Option<u64> {
        move |part| parts.contains(&part).then_some(1)
    }

    fn read(cursor: &mut OutboxCursor, table: &[OutboxSeq], limit: usize) -> Vec<OutboxSeq> {
        let mut read = Vec::new();
        for scan in &mut cursor.scans {
            let (from, page) = next_page(scan);
            let places: Vec<_> = table.iter().copied().filter(|place| *place > from).take(page).collect();
            read.extend(take_page(scan, &places, limit - read.len()));
        }
        read
    }

    #[test]
    fn each_event_is_taken_once_however_late_it_appears() {
        let (ticks, mut cursor) = (Ticks::default(), OutboxCursor::default());
        let mut places: Vec<OutboxSeq> =
            (0..6).map(|number| ticks.place(0, number % 2, OutboxSeq(0))).collect();
        let late = places.remove(1);
        follow_leases(&mut cursor, held(&[0, 1]));
        assert_eq!(read(&mut cursor, &places, 3), places[..3]);
        assert_eq!(read(&mut cursor, &places, 9), places[3..]);
        assert_eq!(read(&mut cursor, &places, 9), []);
        places.insert(1, late);
        assert_eq!(read(&mut cursor, &places, 9), [late]);
        assert_eq!(read(&mut cursor, &places, 9), []);
    }

    #[test]
    fn a_part_is_read_from_its_beginning_whenever_it_is_gained() {
        let (ticks, mut cursor) = (Ticks::default(), OutboxCursor::default());
        let places: Vec<OutboxSeq> = (0..8).map(|number| ticks.place(0, number % 2, OutboxSeq(0))).collect();
        let of_part = |part: u16| {
            places.iter().copied().filter(move |place| part_of_place(*place) == part).collect::<Vec<_>>()
        };
        follow_leases(&mut cursor, held(&[0]));
        assert_eq!(read(&mut cursor, &places, 9), of_part(0));
        follow_leases(&mut cursor, held(&[0, 1]));
        assert_eq!(cursor.scans.len(), 2);
        assert_eq!(read(&mut cursor, &places, 9), of_part(1));
        follow_leases(&mut cursor, held(&[0, 1]));
        assert_eq!((cursor.scans.len(), read(&mut cursor, &places, 9)), (1, vec![]));
        follow_leases(&mut cursor, held(&[]));
        follow_leases(&mut cursor, held(&[0]));
        assert_eq!(read(&mut cursor, &places, 9), of_part(0));
    }

    /// The scan of the part that is held for longer sees a new event of the other part first.
    #[test]
    fn an_event_between_the_pages_of_two_scans_is_taken_when_they_become_one() {
        let (ticks, mut cursor) = (Ticks::default(), OutboxCursor::default());
        follow_leases(&mut cursor, held(&[0]));
        assert_eq!(read(&mut cursor, &[], 9), []);
        follow_leases(&mut cursor, held(&[0, 1]));
        let place = ticks.place(0, 1, OutboxSeq(0));
        for scan in &mut cursor.scans {
            let places: &[OutboxSeq] = if scan.parts.contains_key(&1) { &[] } else { &[place] };
            assert_eq!(take_page(scan, places, 9), []);
        }
        follow_leases(&mut cursor, held(&[0, 1]));
        assert_eq!((cursor.scans.len(), read(&mut cursor, &[place], 9)), (1, vec![place]));
        assert_eq!(read(&mut cursor, &[place], 9), []);
    }

    /// More waits within the window than a page has.
    #[test]
    fn a_long_queue_does_not_stop_a_scan() {
        let (ticks, mut cursor) = (Ticks::default(), OutboxCursor::default());
        let places: Vec<OutboxSeq> =
            (0..10_000).map(|number| ticks.place(0, number % PARTS, OutboxSeq(0))).collect();
        follow_leases(&mut cursor, held(&[3]));
        let mut taken = Vec::new();
        for _ in 0..20 {
            taken.extend(read(&mut cursor, &places, 100));
        }
        assert_eq!(
            taken,
            places.iter().copied().filter(|place| part_of_place(*place) == 3).collect::<Vec<_>>()
        );
    }
}
