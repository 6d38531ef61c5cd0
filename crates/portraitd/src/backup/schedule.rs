//! When backups are due.

use portraitd_model::{UnixMillis, rfc3339};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// When backups are due: by the age of the last one, or each day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Schedule {
    /// So many milliseconds after the last one.
    Every(u64),
    /// At so many milliseconds after midnight, UTC.
    Daily(u64),
}

impl Schedule {
    /// Reads a span from `1m` to `30d`, or a time of day such as `03:30`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(span) = rfc3339::span_ms(text) {
            return (MINUTE_MS..=30 * DAY_MS).contains(&span).then_some(Self::Every(span));
        }
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str, below: u64| {
            let is_plain = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
            text.parse().ok().filter(|number: &u64| is_plain && *number < below)
        };
        Some(Self::Daily((number(hour, 24)? * 60 + number(minute, 60)?) * MINUTE_MS))
    }

    /// When the next one is due; the past for one that was missed, and when there is none yet.
    pub(crate) fn due(self, last: Option<UnixMillis>) -> UnixMillis {
        let Some(last) = last else { return UnixMillis(0) };
        UnixMillis(match self {
            Self::Every(span) => last.0.saturating_add(span),
            Self::Daily(time) => {
                let today = (last.0 / DAY_MS * DAY_MS).saturating_add(time);
                if today > last.0 { today } else { today.saturating_add(DAY_MS) }
            }
        })
    }

    /// The time between two backups, in seconds.
    pub(crate) fn interval_seconds(self) -> u64 {
        match self {
            Self::Every(span) => span / 1000,
            Self::Daily(_) => DAY_MS / 1000,
        }
    }
}

/// The wait after so many failures in a row, in milliseconds: a minute, then twice as long each time, an hour at most.
pub(crate) fn retry_ms(failures: u32) -> u64 {
    const HOUR_MS: u64 = 60 * MINUTE_MS;
    MINUTE_MS.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_times_of_day_are_read() {
        for (text, expected) in [
            ("1m", Some(Schedule::Every(60_000))),
            ("24h", Some(Schedule::Every(DAY_MS))),
            ("30d", Some(Schedule::Every(30 * DAY_MS))),
            ("00:00", Some(Schedule::Daily(0))),
            ("23:59", Some(Schedule::Daily(DAY_MS - 60_000))),
            ("59s", None),
            ("31d", None),
            ("24:00", None),
            ("03:60", None),
            ("3:30", None),
            ("+3:30", None),
            ("03:30:00", None),
            ("", None),
            ("daily", None),
        ] {
            assert_eq!(Schedule::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_last_one_decides_when_the_next_is_due() {
        let at = |text: &str| rfc3339::read(text).unwrap();
        let due =
            |every: &str, last: &str| rfc3339::write(Schedule::parse(every).unwrap().due(Some(at(last))));
        assert_eq!(due("6h", "2026-11-30T01:00:00Z"), "2026-11-30T07:00:00.000Z");
        assert_eq!(due("03:30", "2026-11-30T03:29:59Z"), "2026-11-30T03:30:00.000Z");
        assert_eq!(due("03:30", "2026-11-30T03:30:00Z"), "2026-12-01T03:30:00.000Z");
        assert_eq!(due("03:30", "2026-11-30T12:00:00Z"), "2026-12-01T03:30:00.000Z");
        assert_eq!(Schedule::Daily(5).due(None), UnixMillis(0), "the first one at once");
    }

    #[test]
    fn failures_are_retried_ever_more_rarely() {
        let waits: Vec<u64> = [1, 2, 3, 6, 7, 1000].map(|failures| retry_ms(failures) / MINUTE_MS).to_vec();
        assert_eq!(waits, [1, 2, 4, 32, 60, 60]);
    }
}
