//! What was counted since the start: calls, differences by kind, command and member, and a bounded number of samples.

use crate::compare::{Compared, Difference, Kind};
use crate::report_view::{CallCounts, DifferenceView, NotCompared, ReportView, SampleView};
use crate::side::{Side, Sides};
use portraitd_model::{Command, UnixMillis, rfc3339};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most rows of differences; what is beyond is counted in one row for each kind and command.
const ROWS_MAX: usize = 1000;
/// The samples of a row.
const SAMPLES_MAX: usize = 5;
/// The most paths of commands that portraitd does not have.
const PATHS_MAX: usize = 200;
/// Stands for the members and commands beyond these.
const OTHERS: &str = "(others)";

/// Called with the first difference of each kind, command and member.
pub type OnFirst = Box<dyn Fn(&DifferenceView) + Send + Sync>;

/// The report in the making.
pub struct Report {
    on_first: OnFirst,
    counted: Mutex<Counted>,
}

struct Counted {
    since: UnixMillis,
    commands: BTreeMap<&'static str, CallCounts>,
    forwarded: BTreeMap<String, u64>,
    not_forwarded: u64,
    rows: BTreeMap<RowKey, Row>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    is_unsettled: bool,
    kind: Kind,
    command: &'static str,
    path: String,
}

struct Row {
    count: u64,
    first: UnixMillis,
    last: UnixMillis,
    samples: Vec<SampleView>,
}

impl Counted {
    fn new(since: UnixMillis) -> Self {
        Self {
            since,
            commands: BTreeMap::new(),
            forwarded: BTreeMap::new(),
            not_forwarded: 0,
            rows: BTreeMap::new(),
        }
    }

    fn of(&mut self, command: Command) -> &mut CallCounts {
        self.commands.entry(command.name()).or_default()
    }

    /// Counts one difference. Returns its row if it is the first.
    fn difference(
        &mut self,
        command: Command,
        at: UnixMillis,
        codes: Sides<u64>,
        difference: Difference,
    ) -> Option<DifferenceView> {
        let Difference { kind, path, is_unsettled, account, cloud, here } = difference;
        let command = command.name();
        let key = RowKey { is_unsettled, kind, command, path };
        let is_full = self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&key);
        let key = if is_full { RowKey { path: OTHERS.to_owned(), ..key } } else { key };
        let entry = self.rows.entry(key.clone());
        let is_first = matches!(entry, Entry::Vacant(_));
        let row = entry.or_insert_with(|| Row { count: 0, first: at, last: at, samples: Vec::new() });
        row.count += 1;
        row.last = at;
        if row.samples.len() < SAMPLES_MAX {
            let at = rfc3339::write(at);
            row.samples.push(SampleView { at, codes: codes.into(), account, cloud, here });
        }
        is_first.then(|| view(&key, row))
    }
}

impl Report {
    /// Returns an empty report.
    pub fn new(since: UnixMillis, on_first: OnFirst) -> Self {
        Self { on_first, counted: Mutex::new(Counted::new(since)) }
    }

    /// Counts a call of a command that portraitd does not have.
    pub(crate) fn forwarded(&self, path: &str) {
        let mut counted = self.lock();
        let name = shown_path(path);
        let is_full = counted.forwarded.len() >= PATHS_MAX && !counted.forwarded.contains_key(&name);
        let name = if is_full { OTHERS.to_owned() } else { name };
        *counted.forwarded.entry(name).or_default() += 1;
    }

    /// Counts a request that was answered without any side.
    pub(crate) fn not_forwarded(&self) {
        self.lock().not_forwarded += 1;
    }

    /// Counts a call whose answers are not compared.
    pub(crate) fn not_compared(&self, command: Command, reason: NotCompared) {
        let mut counted = self.lock();
        let counts = counted.of(command);
        counts.calls += 1;
        *counts.not_compared.entry(reason).or_default() += 1;
    }

    /// Counts a call whose answers were compared.
    pub(crate) fn compared(&self, command: Command, at: UnixMillis, codes: Sides<u64>, compared: Compared) {
        let mut firsts = Vec::new();
        let mut counted = self.lock();
        let counts = counted.of(command);
        counts.calls += 1;
        counts.compared += 1;
        counts.different += u64::from(compared.differences.iter().any(|difference| !difference.is_unsettled));
        for difference in compared.differences {
            firsts.extend(counted.difference(command, at, codes, difference));
        }
        drop(counted);
        firsts.iter().for_each(&self.on_first);
    }

    /// Begins to count from zero.
    pub(crate) fn clear(&self, now: UnixMillis) {
        *self.lock() = Counted::new(now);
    }

    /// Returns the report. `unsettled`: how many accounts are, and whether more are than can be remembered.
    pub(crate) fn view(&self, now: UnixMillis, answers_from: Side, unsettled: (usize, bool)) -> ReportView {
        let counted = self.lock();
        let mut total = CallCounts::default();
        for counts in counted.commands.values() {
            total.calls += counts.calls;
            total.compared += counts.compared;
            total.different += counts.different;
            for (reason, count) in &counts.not_compared {
                *total.not_compared.entry(*reason).or_default() += count;
            }
        }
        let rows = |is_unsettled| {
            let of_kind = counted.rows.iter().filter(|(key, _)| key.is_unsettled == is_unsettled);
            of_kind.map(|(key, row)| view(key, row)).collect::<Vec<_>>()
        };
        let (differences, unsettled_differences) = (rows(false), rows(true));
        let (unsettled_accounts, unsettled_accounts_exceeded) = unsettled;
        ReportView {
            since: rfc3339::write(counted.since),
            at: rfc3339::write(now),
            answers_from,
            is_clean: total.compared > 0
                && differences.is_empty()
                && unsettled_accounts == 0
                && !unsettled_accounts_exceeded,
            total,
            commands: counted.commands.clone(),
            forwarded: counted.forwarded.clone(),
            not_forwarded: counted.not_forwarded,
            differences,
            unsettled_differences,
            unsettled_accounts,
            unsettled_accounts_exceeded,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view(key: &RowKey, row: &Row) -> DifferenceView {
    DifferenceView {
        kind: key.kind,
        command: key.command,
        path: key.path.clone(),
        count: row.count,
        first: rfc3339::write(row.first),
        last: rfc3339::write(row.last),
        samples: row.samples.clone(),
    }
}

/// A path of the form `/v4/service/command`, or the word for all others: they may hold anything.
fn shown_path(path: &str) -> String {
    const PART_BYTES_MAX: usize = 48;
    let path = path.trim_start_matches('/');
    let mut parts = path.split('/');
    let is_name = |part: &str| {
        !part.is_empty()
            && part.len() <= PART_BYTES_MAX
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_command = parts.next() == Some("v4")
        && parts.next().is_some_and(is_name)
        && parts.next().is_some_and(is_name)
        && parts.next().is_none();
    if is_command { path.to_owned() } else { OTHERS.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn difference(path: &str, is_unsettled: bool) -> Difference {
        let text = || "x".to_owned();
        Difference {
            kind: Kind::Value,
            path: path.to_owned(),
            is_unsettled,
            account: None,
            cloud: text(),
            here: text(),
        }
    }

    fn one(report: &Report, differences: Vec<Difference>) {
        let compared = Compared { differences, ..Compared::default() };
        report.compared(Command::PortraitGet, UnixMillis(1), Sides::default(), compared);
    }

    #[test]
    fn rows_and_samples_are_bounded_and_counts_are_not() {
        let firsts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&firsts);
        let on_first = move |_: &DifferenceView| {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let report = Report::new(UnixMillis(0), Box::new(on_first));
        for round in 0..10 {
            for n in 0..ROWS_MAX + 50 {
                one(&report, vec![difference(&format!("M{n}"), false)]);
            }
            assert_eq!(firsts.load(Ordering::Relaxed), ROWS_MAX + 1, "round {round}");
        }
        let view = report.view(UnixMillis(2), Side::Cloud, (0, false));
        assert_eq!(view.differences.len(), ROWS_MAX + 1);
        assert!(view.differences.iter().all(|row| row.samples.len() <= SAMPLES_MAX));
        assert_eq!(view.differences.iter().map(|row| row.count).sum::<u64>(), 10 * (ROWS_MAX as u64 + 50));
        let others = view.differences.iter().find(|row| row.path == OTHERS).unwrap();
        assert_eq!(others.count, 500);
    }

    #[test]
    fn it_is_clean_when_calls_were_compared_and_nothing_is_left_open() {
        let report = Report::new(UnixMillis(0), Box::new(|_| {}));
        let is_clean = |unsettled| report.view(UnixMillis(1), Side::Cloud, unsettled).is_clean;
        assert!(!is_clean((0, false)));
        one(&report, vec![difference("M", true)]);
        report.not_compared(Command::Kick, NotCompared::Busy);
        assert!(is_clean((0, false)) && !is_clean((1, false)) && !is_clean((0, true)));
        let view = report.view(UnixMillis(1), Side::Cloud, (0, false));
        assert_eq!((view.total.calls, view.total.compared, view.total.different), (2, 1, 0));
        assert_eq!((view.differences.len(), view.unsettled_differences.len()), (0, 1));
        one(&report, vec![difference("M", false), difference("N", true)]);
        assert!(!is_clean((0, false)));
        report.clear(UnixMillis(3));
        assert_eq!(report.view(UnixMillis(4), Side::Here, (0, false)).total.calls, 0);
    }

    #[test]
    fn of_other_commands_the_name_is_shown_alone() {
        let report = Report::new(UnixMillis(0), Box::new(|_| {}));
        for path in [
            "/v4/openim/sendmsg",
            "//v4/openim/sendmsg",
            "/v4/openim/alice%20",
            "/v4/a/b/c",
            "/v4/\u{1b}/x",
            "/",
        ] {
            report.forwarded(path);
        }
        let view = report.view(UnixMillis(1), Side::Cloud, (0, false));
        let expected = [(OTHERS.to_owned(), 4), ("v4/openim/sendmsg".to_owned(), 2)];
        assert_eq!(view.forwarded, BTreeMap::from(expected));
        for n in 0..PATHS_MAX * 2 {
            report.forwarded(&format!("/v4/x/c{n}"));
        }
        assert!(report.view(UnixMillis(1), Side::Cloud, (0, false)).forwarded.len() <= PATHS_MAX + 1);
    }
}
