//! Which backups are removed once a new one stands.

use super::name::BackupName;
use portraitd_model::UnixMillis;

/// Which backups are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Retention {
    /// How many, at least 1.
    pub(crate) keep: usize,
    /// For how many days; 0 = for ever.
    pub(crate) keep_days: u64,
}

impl Retention {
    /// The backups to remove, the oldest first, when `new` has just been checked. One from the future, which a clock that was
    /// wrong has left, is neither counted nor removed.
    pub(crate) fn expired(
        self,
        standing: &[BackupName],
        new: BackupName,
        now: UnixMillis,
    ) -> Vec<BackupName> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        let mut older: Vec<BackupName> = standing.iter().copied().filter(|name| *name < new).collect();
        older.sort_unstable();
        older.dedup();
        let too_many = older.len().saturating_sub(self.keep.saturating_sub(1));
        let oldest = match self.keep_days {
            0 => UnixMillis(0),
            days => UnixMillis(now.0.saturating_sub(days.saturating_mul(DAY_MS))),
        };
        let expired = older.into_iter().enumerate();
        expired
            .filter(|(place, name)| *place < too_many || name.time() < oldest)
            .map(|(_, name)| name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn name(day: u64) -> BackupName {
        BackupName::at(UnixMillis(day * DAY))
    }

    #[test]
    fn count_and_age_decide_and_the_new_one_stays() {
        let check = |keep, keep_days, standing: &[u64], expected: &[u64]| {
            let standing: Vec<_> = standing.iter().map(|day| name(*day)).collect();
            let expired =
                Retention { keep, keep_days }.expired(&standing, name(100), UnixMillis(100 * DAY + 5));
            let expected: Vec<_> = expected.iter().map(|day| name(*day)).collect();
            assert_eq!(expired, expected, "{keep} {keep_days} {standing:?}");
        };
        check(3, 0, &[99, 98, 100], &[]);
        check(3, 0, &[97, 99, 100, 98], &[97]);
        check(3, 0, &[97, 99, 98], &[97]);
        check(1, 0, &[97, 99, 100, 98], &[97, 98, 99]);
        check(9, 2, &[97, 99, 100, 98], &[97, 98]);
        check(9, 0, &[1, 2, 100], &[]);
        // What a wrong clock has named.
        check(2, 30, &[99, 100, 5000, 6000], &[]);
        check(1, 1, &[100], &[]);
    }
}
