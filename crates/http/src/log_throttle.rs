//! Log lines about what anything that reaches a port can cause, as often as it likes: for each subject one at once, and then at
//! most one a minute, with how often it happened. Otherwise it could fill a disk with them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines about one subject.
const INTERVAL: Duration = Duration::from_mins(1);
/// The most subjects that have lines of their own at once. Others share one.
const SUBJECTS_MAX: usize = 1000;

/// Decides which lines of one kind are logged, and counts those that are not. `()` is a subject for lines without one.
#[derive(Debug)]
pub struct LogThrottle<S>(Mutex<HashMap<Option<S>, Occurrences>>);

/// What happened about one subject.
#[derive(Debug)]
struct Occurrences {
    logged: Instant,
    /// How often since.
    count: u64,
}

impl<S> Default for LogThrottle<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: Eq + Hash> LogThrottle<S> {
    /// Counts an occurrence. Returns how many there were since the last line about its subject, this one included, when there
    /// is to be another line.
    pub fn count(&self, subject: S, now: Instant) -> Option<u64> {
        let mut subjects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(subject);
        if subjects.len() >= SUBJECTS_MAX && !subjects.contains_key(&key) {
            subjects.retain(|_, occurrences| now.duration_since(occurrences.logged) < INTERVAL);
            if subjects.len() >= SUBJECTS_MAX {
                key = None;
            }
        }
        let Some(occurrences) = subjects.get_mut(&key) else {
            subjects.insert(key, Occurrences { logged: now, count: 0 });
            return Some(1);
        };
        occurrences.count += 1;
        if now.duration_since(occurrences.logged) < INTERVAL {
            return None;
        }
        occurrences.logged = now;
        Some(std::mem::take(&mut occurrences.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_a_line_a_minute_with_how_often_it_happened() {
        let (throttle, start) = (LogThrottle::default(), Instant::now());
        let seconds = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(throttle.count("one", start), Some(1));
        assert!((0..60).all(|second| throttle.count("one", seconds(second)).is_none()));
        assert_eq!(throttle.count("other", seconds(59)), Some(1));
        assert_eq!(throttle.count("one", seconds(60)), Some(61));
        assert_eq!(throttle.count("one", seconds(61)), None);
        assert_eq!(throttle.count("one", seconds(1000)), Some(2));
    }

    #[test]
    fn many_subjects_share_a_line() {
        let (throttle, start) = (LogThrottle::default(), Instant::now());
        let lines = (0..5000).filter(|subject| throttle.count(*subject, start).is_some()).count();
        assert_eq!(lines, SUBJECTS_MAX + 1);
        assert!(throttle.0.lock().unwrap().len() <= SUBJECTS_MAX + 1);
        let later = start + INTERVAL;
        assert_eq!(throttle.count(9999, later), Some(1), "what is over makes room");
        assert_eq!(throttle.0.lock().unwrap().len(), 1);
    }
}
