//! The end of each app's line of waiting events, in memory: who delivers them seldom has to read back from the table
//! what was written a moment ago.
//!
//! A line holds every waiting event behind some place, and nothing else. Reading takes the events out and moves that
//! place; whatever changes the table behind it in another way gives the line up, and the table is read until the
//! reader has caught up again.

use crate::sync::{Mutex, MutexGuard};
use portrait_model::SdkAppId;
use portrait_store::{OutboxEvent, OutboxSeq};
use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;

/// The most events of an app, and their stored bytes; beyond that the oldest give way.
const EVENTS_MAX: usize = 8192;
const BYTES_MAX: u64 = 4 << 20;
/// The most events of all apps: beyond that, an app that gets more gives up its line.
const ALL_EVENTS_MAX: usize = 16 * EVENTS_MAX;

/// The lines of all apps.
#[derive(Default)]
pub(crate) struct FreshEvents(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    of: HashMap<SdkAppId, Line>,
    closed: bool,
}

#[derive(Default)]
struct Line {
    /// Every waiting event behind this place is here.
    after: OutboxSeq,
    events: VecDeque<OutboxEvent>,
    bytes: u64,
}

impl Line {
    fn pop(&mut self) -> Option<OutboxEvent> {
        let event = self.events.pop_front()?;
        self.bytes -= event.bytes;
        self.after = event.seq;
        Some(event)
    }
}

/// What a batch does to the lines, once it is committed.
#[derive(Default)]
pub(crate) struct Batch {
    appended: Vec<(SdkAppId, OutboxEvent)>,
    /// What is changed in the table: the app, and the last place.
    changed: Vec<(SdkAppId, OutboxSeq)>,
}

impl Batch {
    pub(crate) fn append(&mut self, app: SdkAppId, event: OutboxEvent) {
        self.appended.push((app, event));
    }

    /// The table is changed somewhere up to this place.
    pub(crate) fn change(&mut self, app: SdkAppId, up_to: OutboxSeq) {
        self.changed.push((app, up_to));
    }
}

impl FreshEvents {
    /// Takes in what was committed; `last` is the last place that was given.
    pub(crate) fn publish(&self, batch: Batch, last: OutboxSeq) {
        if batch.appended.is_empty() && batch.changed.is_empty() {
            return;
        }
        let mut lines = self.lock();
        if lines.closed {
            return;
        }
        let full = lines.of.values().map(|line| line.events.len()).sum::<usize>() > ALL_EVENTS_MAX;
        for (app, event) in batch.appended {
            let first = Line { after: OutboxSeq(event.seq.0.saturating_sub(1)), ..Line::default() };
            let line = lines.of.entry(app).or_insert(first);
            line.bytes += event.bytes;
            line.events.push_back(event);
            while (full || line.events.len() > EVENTS_MAX || line.bytes > BYTES_MAX) && line.pop().is_some() {
            }
        }
        for (app, up_to) in batch.changed {
            if let Some(line) = lines.of.get_mut(&app).filter(|line| line.after < up_to) {
                *line = Line { after: last, ..Line::default() };
            }
        }
    }

    /// The waiting events behind a place, at most so many; `None` when the table must be read.
    pub(crate) fn take(&self, app: SdkAppId, after: OutboxSeq, limit: usize) -> Option<Vec<OutboxEvent>> {
        let mut lines = self.lock();
        let line = lines.of.get_mut(&app).filter(|line| line.after <= after)?;
        while line.events.front().is_some_and(|event| event.seq <= after) {
            line.pop();
        }
        let count = line.events.len().min(limit);
        Some(std::iter::from_fn(|| line.pop()).take(count).collect())
    }

    /// Forgets everything, when it is not known what the table holds.
    pub(crate) fn clear(&self) {
        self.lock().of.clear();
    }

    /// Forgets everything, for good.
    pub(crate) fn close(&self) {
        *self.lock() = Lines { closed: true, ..Lines::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use portrait_model::UnixMillis;

    const APP: SdkAppId = SdkAppId(1);

    fn event(seq: u64) -> OutboxEvent {
        let due = UnixMillis(0);
        OutboxEvent { seq: OutboxSeq(seq), bytes: 100, attempts: 0, due, failure: None, event: None }
    }

    fn appended(places: impl IntoIterator<Item = u64>) -> Batch {
        Batch { appended: places.into_iter().map(|seq| (APP, event(seq))).collect(), ..Batch::default() }
    }

    fn taken(fresh: &FreshEvents, after: u64, limit: usize) -> Option<Vec<u64>> {
        let events = fresh.take(APP, OutboxSeq(after), limit)?;
        Some(events.iter().map(|event| event.seq.0).collect())
    }

    #[test]
    fn who_reads_on_gets_every_event_once() {
        let fresh = FreshEvents::default();
        assert_eq!(taken(&fresh, 0, 9), None, "nothing is known of the app");
        fresh.publish(appended([5, 6, 9]), OutboxSeq(9));
        assert_eq!(taken(&fresh, 3, 9), None, "an older event may be in the table");
        assert_eq!(taken(&fresh, 4, 2), Some(vec![5, 6]));
        assert_eq!(taken(&fresh, 4, 2), None, "they were taken out");
        assert_eq!(taken(&fresh, 6, 9), Some(vec![9]));
        assert_eq!(taken(&fresh, 9, 9), Some(vec![]));
        fresh.publish(appended([12]), OutboxSeq(12));
        assert_eq!(taken(&fresh, 11, 9), Some(vec![12]), "read from the table up to 11");
        assert_eq!(fresh.take(SdkAppId(2), OutboxSeq(20), 9), None);
    }

    #[test]
    fn what_is_changed_in_the_table_gives_the_line_up() {
        let fresh = FreshEvents::default();
        fresh.publish(appended([1, 2, 3]), OutboxSeq(3));
        assert_eq!(taken(&fresh, 0, 1), Some(vec![1]));
        let mut settled = Batch::default();
        settled.change(APP, OutboxSeq(1));
        fresh.publish(settled, OutboxSeq(3));
        assert_eq!(taken(&fresh, 1, 1), Some(vec![2]), "what was read may be settled");
        let mut dropped = appended([4]);
        dropped.change(APP, OutboxSeq(3));
        fresh.publish(dropped, OutboxSeq(7));
        assert_eq!(taken(&fresh, 2, 9), None);
        assert_eq!(taken(&fresh, 7, 9), Some(vec![]));
        fresh.clear();
        assert_eq!(taken(&fresh, 7, 9), None);
        fresh.close();
        fresh.publish(appended([8]), OutboxSeq(8));
        assert_eq!(taken(&fresh, 7, 9), None);
    }

    #[test]
    fn the_oldest_give_way() {
        let fresh = FreshEvents::default();
        fresh.publish(appended(1..=9000), OutboxSeq(9000));
        assert_eq!(taken(&fresh, 9000 - EVENTS_MAX as u64 - 1, 1), None);
        assert_eq!(taken(&fresh, 9000 - EVENTS_MAX as u64, 1), Some(vec![9000 - EVENTS_MAX as u64 + 1]));
        let large = OutboxEvent { bytes: BYTES_MAX, ..event(9001) };
        fresh.publish(Batch { appended: vec![(APP, large)], ..Batch::default() }, OutboxSeq(9001));
        assert_eq!(taken(&fresh, 8999, 9), None);
        assert_eq!(taken(&fresh, 9000, 9), Some(vec![9001]));
    }
}
