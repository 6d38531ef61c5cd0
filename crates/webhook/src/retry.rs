//! The retry schedule of failed deliveries. Its waits are the setting `webhook.retry_schedule`.

use portraitd_model::UnixMillis;
use portraitd_store::OutboxSeq;

/// The wait before each attempt, in milliseconds; the first is for the first attempt and nearly always 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    waits_ms: Vec<u64>,
}

impl Schedule {
    /// Returns a schedule with one attempt for each wait, and one if there is none.
    pub fn new(waits_ms: Vec<u64>) -> Self {
        Self { waits_ms }
    }

    /// Returns when to retry an event that has failed `attempts` times; `None` when it is to be parked.
    pub(super) fn retry_at(&self, seq: OutboxSeq, attempts: u32, now: UnixMillis) -> Option<UnixMillis> {
        let wait = *self.waits_ms.get(usize::try_from(attempts).ok()?)?;
        Some(UnixMillis(now.0 + wait + jitter(seq, attempts, wait)))
    }

    /// Returns the milliseconds from the first attempt to the last, without jitter.
    pub(super) fn span_ms(&self) -> u64 {
        self.waits_ms.iter().sum()
    }

    /// Returns the longest wait with jitter, in milliseconds. An attempt that is due later was scheduled before the clock
    /// was set back.
    pub(super) fn longest_wait_ms(&self) -> u64 {
        self.waits_ms.iter().max().map_or(0, |wait| wait + wait / JITTER_FRACTION)
    }
}

/// At most this fraction of a wait (one fifth) is added to it.
const JITTER_FRACTION: u64 = 5;

/// Spreads the attempts of events that failed together. Computed from the event, so that tests are deterministic.
fn jitter(seq: OutboxSeq, attempts: u32, wait_ms: u64) -> u64 {
    let mixed = (seq.0 ^ (u64::from(attempts) << 56)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (wait_ms / JITTER_FRACTION * mixed) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_a_fifth_at_most_and_end() {
        let schedule = Schedule::new(vec![0, 5_000, 300_000]);
        let at =
            |seq, attempts| schedule.retry_at(OutboxSeq(seq), attempts, UnixMillis(1_000)).map(|at| at.0);
        for seq in 1..500 {
            assert_eq!(at(seq, 0), Some(1_000));
            assert!((6_000..=7_000).contains(&at(seq, 1).unwrap()));
            assert!((301_000..=361_000).contains(&at(seq, 2).unwrap()));
            assert_eq!(at(seq, 3), None);
        }
        let different: std::collections::HashSet<_> = (0..500).map(|seq| at(seq, 1)).collect();
        assert!(different.len() > 250, "{}", different.len());
        assert_eq!((schedule.span_ms(), schedule.longest_wait_ms()), (305_000, 360_000));
        assert_eq!(Schedule::new(Vec::new()).retry_at(OutboxSeq(1), 1, UnixMillis(0)), None);
    }
}
