//! How far the schedule is in one place: what stands there, and when the next attempt is made.

use super::counters::PlaceCounters;
use super::directory::Standing;
use super::schedule::{Schedule, retry_ms};
use portraitd_model::UnixMillis;

/// How far the schedule is in one place.
#[derive(Default)]
pub(super) struct Progress {
    /// The newest backup of this store; none of the future, which a clock that was wrong has left.
    last: Option<UnixMillis>,
    /// Failures in a row.
    failures: u32,
    /// No attempt is made before.
    not_before: UnixMillis,
}

impl Progress {
    /// Takes over what stands.
    pub(super) fn look(
        &mut self,
        standing: &[Standing],
        store: &str,
        now: UnixMillis,
        counters: Option<&PlaceCounters>,
    ) {
        let own =
            standing.iter().filter(|backup| backup.manifest.store == store && backup.name.time() <= now);
        if let Some(newest) = own.max_by_key(|backup| backup.name) {
            self.last = Some(newest.name.time());
            if let Some(counters) = counters {
                counters.stands(newest.name.time().0, newest.manifest.bytes, 0);
            }
        }
    }

    /// When the last backup that stands began.
    pub(super) fn last(&self) -> Option<UnixMillis> {
        self.last
    }

    /// The newest of the backups in the directory, if it is newer than the last one here. They are sorted by time.
    pub(super) fn newer(&self, standing: Vec<Standing>, now: UnixMillis) -> Option<Standing> {
        let last = self.last.filter(|last| *last <= now);
        let newest = standing.into_iter().rfind(|backup| backup.name.time() <= now)?;
        last.is_none_or(|last| newest.name.time() > last).then_some(newest)
    }

    /// When the next attempt is to be made. A last backup that is far in the future was named by a clock that was wrong.
    pub(super) fn due(&self, schedule: Schedule, now: UnixMillis) -> UnixMillis {
        const CLOCK_STEP_MAX_MS: u64 = 60 * 60 * 1000;
        let last = self.last.filter(|last| last.0 <= now.0.saturating_add(CLOCK_STEP_MAX_MS));
        let not_before = self.not_before.min(UnixMillis(now.0.saturating_add(CLOCK_STEP_MAX_MS)));
        schedule.due(last).max(not_before)
    }

    /// Notes a backup that stands.
    pub(super) fn succeeded(&mut self, at: UnixMillis) {
        *self = Self { last: Some(at), ..Self::default() };
    }

    /// Notes a failure; returns the time until the next attempt, in milliseconds.
    pub(super) fn failed(&mut self, now: UnixMillis) -> u64 {
        self.failures = self.failures.saturating_add(1);
        let wait = retry_ms(self.failures);
        self.not_before = UnixMillis(now.0.saturating_add(wait));
        wait
    }

    /// Notes that another backup is being taken, which is no failure.
    pub(super) fn waits(&mut self, now: UnixMillis) {
        self.not_before = UnixMillis(now.0.saturating_add(retry_ms(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Manifest;
    use super::super::name::BackupName;
    use super::*;

    fn standing(second: u64, store: &str) -> Standing {
        let (store, version, sha256) = (store.to_owned(), String::new(), String::new());
        let manifest = Manifest { store, version, bytes: 9, sha256, apps: 0, accounts: 0 };
        Standing { name: BackupName::at(UnixMillis(second * 1000)), manifest }
    }

    #[test]
    fn the_newest_own_backup_counts_and_failures_postpone() {
        let (schedule, counters) = (Schedule::Every(3_600_000), PlaceCounters::default());
        let mut progress = Progress::default();
        assert_eq!(progress.due(schedule, UnixMillis(5)), UnixMillis(0));
        let found = [standing(10, "a"), standing(30, "b"), standing(20, "a"), standing(9000, "a")];
        let now = UnixMillis(50_000);
        progress.look(&found, "a", now, Some(&counters));
        assert_eq!(
            (progress.last(), progress.due(schedule, now)),
            (Some(UnixMillis(20_000)), UnixMillis(3_620_000))
        );
        let late = UnixMillis(4_000_000);
        assert_eq!((progress.failed(late), progress.failed(late)), (60_000, 120_000));
        assert_eq!(progress.due(schedule, late), UnixMillis(4_120_000));
        progress.succeeded(late);
        assert_eq!(progress.due(schedule, late), UnixMillis(7_600_000));
        assert_eq!(progress.failed(late), 60_000, "the count begins again");
        let mut progress = Progress::default();
        progress.succeeded(UnixMillis(9_000_000_000));
        assert_eq!(progress.due(schedule, late), UnixMillis(0), "the clock was wrong, and was set right");
    }

    #[test]
    fn a_copy_of_the_directory_is_sent_once_also_after_the_clock_went_back() {
        let found = || vec![standing(10, "a"), standing(20, "a"), standing(9000, "a")];
        let newer = |progress: &Progress, now: u64| {
            progress.newer(found(), UnixMillis(now * 1000)).map(|backup| backup.name.time().0 / 1000)
        };
        let mut progress = Progress::default();
        assert_eq!((newer(&progress, 50), newer(&progress, 5)), (Some(20), None));
        progress.succeeded(UnixMillis(20_000));
        assert_eq!(newer(&progress, 50), None, "it was sent");
        progress.succeeded(UnixMillis(9_000_000));
        assert_eq!(newer(&progress, 50), Some(20), "no second one of the same second is taken");
    }
}
