//! The refused requests of an emulator: the newest kinds with their counts, and a bounded queue to one listener. Neither is
//! emptied by a reset.

use super::RefusedRequest;
use portraitd_model::Language;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most kinds that are kept.
const KINDS_MAX: usize = 20;
/// The most requests that wait for the listener; further ones are only counted.
const QUEUE_MAX: usize = 1024;

/// The refused requests.
#[derive(Debug, Default)]
pub struct RefusedLog(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The newest of each kind with the kind's count; the kind that was refused last is at the end.
    kinds: VecDeque<(RefusedRequest, u64)>,
    /// Those of kinds that are no longer kept.
    forgotten: u64,
    listener: Option<SyncSender<RefusedRequest>>,
    /// Those that did not fit into the listener's queue.
    missed: u64,
}

impl RefusedLog {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request. It never waits for the listener.
    pub(crate) fn add(&self, request: RefusedRequest) {
        let mut inner = self.lock();
        if let Some(listener) = &inner.listener
            && listener.try_send(request.clone()).is_err()
        {
            inner.missed += 1;
        }
        let known = inner.kinds.iter().position(|(known, _)| known.is_like(&request));
        let count = known.and_then(|at| inner.kinds.remove(at)).map_or(0, |(_, count)| count);
        inner.kinds.push_back((request, count + 1));
        if inner.kinds.len() > KINDS_MAX
            && let Some((_, count)) = inner.kinds.pop_front()
        {
            inner.forgotten += count;
        }
    }

    /// Returns the queue of the requests that are refused from now on. It ends with [`Self::close`].
    pub fn listen(&self) -> Receiver<RefusedRequest> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        self.lock().listener = Some(sender);
        receiver
    }

    /// Ends the queue of the listener.
    pub fn close(&self) {
        self.lock().listener = None;
    }

    /// Returns how many requests did not fit into the listener's queue since the last call.
    pub fn take_missed(&self) -> u64 {
        std::mem::take(&mut self.lock().missed)
    }

    /// Returns how many requests were refused, and a line for each kind, oldest first; `None` when none was refused.
    pub fn summary(&self, language: Language) -> Option<(u64, Vec<String>)> {
        let inner = self.lock();
        let total = inner.forgotten + inner.kinds.iter().map(|(_, count)| count).sum::<u64>();
        let mut lines = Vec::new();
        if inner.forgotten > 0 {
            let forgotten = inner.forgotten;
            lines.push(
                language.pick(format!("… {forgotten} others before"), format!("… 此前另有 {forgotten} 个")),
            );
        }
        lines.extend(inner.kinds.iter().map(|(request, count)| {
            let times = language.pick(format!("  ({count} times)"), format!("（共 {count} 次）"));
            let times = if *count > 1 { times } else { String::new() };
            request.line(language) + &times
        }));
        (total > 0).then_some((total, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::refused;
    use super::*;

    #[test]
    fn the_newest_kinds_are_kept_with_their_counts() {
        let log = RefusedLog::default();
        assert_eq!(log.summary(Language::English), None);
        for number in 0..25 {
            log.add(refused("x", &number.to_string()));
        }
        log.add(refused("x", "10"));
        let (total, lines) = log.summary(Language::English).unwrap();
        assert_eq!((total, lines.len()), (26, KINDS_MAX + 1));
        assert_eq!(lines[0], "… 5 others before");
        assert!(lines.last().unwrap().ends_with("40003  10  (2 times)"), "{lines:?}");
        assert!(log.summary(Language::Chinese).unwrap().1.last().unwrap().ends_with("（共 2 次）"));
    }

    #[test]
    fn a_listener_that_does_not_read_costs_no_memory() {
        let log = RefusedLog::default();
        let queue = log.listen();
        for _ in 0..QUEUE_MAX + 7 {
            log.add(refused("x", "y"));
        }
        assert_eq!([log.take_missed(), log.take_missed()], [7, 0]);
        log.close();
        assert_eq!(queue.iter().count(), QUEUE_MAX);
    }
}
