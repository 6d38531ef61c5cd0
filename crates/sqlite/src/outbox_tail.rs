//! The newest waiting events of each app, in memory, so that delivering them seldom reads the table.
//!
//! Invariant: an app's queue holds exactly the waiting events after one place. Reading removes events from the queue and
//! advances that place; any other change of the table after it empties the queue, and the table is read until the reader has
//! caught up.

use crate::primitives::{Mutex, MutexGuard};
use portraitd_model::SdkAppId;
use portraitd_store::{OutboxEvent, OutboxSeq};
use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;

/// The most events of an app, and their stored bytes; beyond that the oldest are dropped.
const EVENTS_MAX: usize = 8192;
const BYTES_MAX: u64 = 4 << 20;
/// The most events of all apps: beyond that, the queue of an app that gets more is emptied.
const ALL_EVENTS_MAX: usize = 16 * EVENTS_MAX;

/// The queues of all apps.
#[derive(Default)]
pub(crate) struct OutboxTail(Mutex<Queues>);

#[derive(Default)]
struct Queues {
    by_app: HashMap<SdkAppId, AppQueue>,
    closed: bool,
}

#[derive(Default)]
struct AppQueue {
    /// The queue has every waiting event after this place.
    after: OutboxSeq,
    events: VecDeque<OutboxEvent>,
    bytes: u64,
}

impl AppQueue {
    fn pop(&mut self) -> Option<OutboxEvent> {
        let event = self.events.pop_front()?;
        self.bytes -= event.bytes;
        self.after = event.seq;
        Some(event)
    }
}

/// The changes of a batch to the outbox; published once it is committed.
#[derive(Default)]
pub(crate) struct TailChanges {
    appended: Vec<(SdkAppId, OutboxEvent)>,
    /// Other changes of the table: the app, and the last place.
    changed: Vec<(SdkAppId, OutboxSeq)>,
}

impl TailChanges {
    /// Adds an appended event.
    pub(crate) fn append(&mut self, app: SdkAppId, event: OutboxEvent) {
        self.appended.push((app, event));
    }

    /// Adds a change of the table other than an append, somewhere up to this place.
    pub(crate) fn change(&mut self, app: SdkAppId, up_to: OutboxSeq) {
        self.changed.push((app, up_to));
    }
}

impl OutboxTail {
    /// Applies committed changes; `last` is the last place that was assigned.
    pub(crate) fn publish(&self, changes: TailChanges, last: OutboxSeq) {
        if changes.appended.is_empty() && changes.changed.is_empty() {
            return;
        }
        let mut queues = self.lock();
        if queues.closed {
            return;
        }
        let full = queues.by_app.values().map(|queue| queue.events.len()).sum::<usize>() > ALL_EVENTS_MAX;
        for (app, event) in changes.appended {
            let first = AppQueue { after: OutboxSeq(event.seq.0.saturating_sub(1)), ..AppQueue::default() };
            let queue = queues.by_app.entry(app).or_insert(first);
            queue.bytes += event.bytes;
            queue.events.push_back(event);
            while (full || queue.events.len() > EVENTS_MAX || queue.bytes > BYTES_MAX)
                && queue.pop().is_some()
            {}
        }
        for (app, up_to) in changes.changed {
            if let Some(queue) = queues.by_app.get_mut(&app).filter(|queue| queue.after < up_to) {
                *queue = AppQueue { after: last, ..AppQueue::default() };
            }
        }
    }

    /// Removes and returns the waiting events after a place, at most `limit`; `None` when the table must be read.
    pub(crate) fn take(&self, app: SdkAppId, after: OutboxSeq, limit: usize) -> Option<Vec<OutboxEvent>> {
        let mut queues = self.lock();
        let queue = queues.by_app.get_mut(&app).filter(|queue| queue.after <= after)?;
        while queue.events.front().is_some_and(|event| event.seq <= after) {
            queue.pop();
        }
        let count = queue.events.len().min(limit);
        Some(std::iter::from_fn(|| queue.pop()).take(count).collect())
    }

    /// Removes everything, and accepts nothing from now on.
    pub(crate) fn close(&self) {
        *self.lock() = Queues { closed: true, ..Queues::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use portraitd_model::UnixMillis;

    const APP: SdkAppId = SdkAppId(1);

    fn event(seq: u64) -> OutboxEvent {
        let due = UnixMillis(0);
        OutboxEvent { seq: OutboxSeq(seq), bytes: 100, attempts: 0, due, failure: None, event: None }
    }

    fn appended(places: impl IntoIterator<Item = u64>) -> TailChanges {
        TailChanges {
            appended: places.into_iter().map(|seq| (APP, event(seq))).collect(),
            ..TailChanges::default()
        }
    }

    fn taken(tail: &OutboxTail, after: u64, limit: usize) -> Option<Vec<u64>> {
        let events = tail.take(APP, OutboxSeq(after), limit)?;
        Some(events.iter().map(|event| event.seq.0).collect())
    }

    #[test]
    fn a_reader_gets_every_event_once() {
        let tail = OutboxTail::default();
        assert_eq!(taken(&tail, 0, 9), None, "nothing is known of the app");
        tail.publish(appended([5, 6, 9]), OutboxSeq(9));
        assert_eq!(taken(&tail, 3, 9), None, "an older event may be in the table");
        assert_eq!(taken(&tail, 4, 2), Some(vec![5, 6]));
        assert_eq!(taken(&tail, 4, 2), None, "they were taken out");
        assert_eq!(taken(&tail, 6, 9), Some(vec![9]));
        assert_eq!(taken(&tail, 9, 9), Some(vec![]));
        tail.publish(appended([12]), OutboxSeq(12));
        assert_eq!(taken(&tail, 11, 9), Some(vec![12]), "read from the table up to 11");
        assert_eq!(tail.take(SdkAppId(2), OutboxSeq(20), 9), None);
    }

    #[test]
    fn a_change_of_the_table_empties_the_queue() {
        let tail = OutboxTail::default();
        tail.publish(appended([1, 2, 3]), OutboxSeq(3));
        assert_eq!(taken(&tail, 0, 1), Some(vec![1]));
        let mut settled = TailChanges::default();
        settled.change(APP, OutboxSeq(1));
        tail.publish(settled, OutboxSeq(3));
        assert_eq!(taken(&tail, 1, 1), Some(vec![2]), "what was read may be settled");
        let mut dropped = appended([4]);
        dropped.change(APP, OutboxSeq(3));
        tail.publish(dropped, OutboxSeq(7));
        assert_eq!(taken(&tail, 2, 9), None);
        assert_eq!(taken(&tail, 7, 9), Some(vec![]));
        tail.close();
        tail.publish(appended([8]), OutboxSeq(8));
        assert_eq!(taken(&tail, 7, 9), None);
    }

    #[test]
    fn the_oldest_are_dropped() {
        let tail = OutboxTail::default();
        tail.publish(appended(1..=9000), OutboxSeq(9000));
        assert_eq!(taken(&tail, 9000 - EVENTS_MAX as u64 - 1, 1), None);
        assert_eq!(taken(&tail, 9000 - EVENTS_MAX as u64, 1), Some(vec![9000 - EVENTS_MAX as u64 + 1]));
        let large = OutboxEvent { bytes: BYTES_MAX, ..event(9001) };
        tail.publish(TailChanges { appended: vec![(APP, large)], ..TailChanges::default() }, OutboxSeq(9001));
        assert_eq!(taken(&tail, 8999, 9), None);
        assert_eq!(taken(&tail, 9000, 9), Some(vec![9001]));
    }
}
