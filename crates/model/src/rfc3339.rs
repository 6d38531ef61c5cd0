//! Times and spans as people write them: `2027-01-31T08:00:00Z`, `90d`. Times are in UTC, from 1970 to 9999.

use crate::UnixMillis;
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Span, SpanRelativeTo};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// Writes a time as `2027-01-31T08:00:00.000Z`.
pub fn write(at: UnixMillis) -> String {
    date_time(at).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Writes a time for people, as `2027-01-31 08:00:00Z`.
pub fn write_plainly(at: UnixMillis) -> String {
    date_time(at).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The end of the year 9999 for every later time.
fn date_time(at: UnixMillis) -> DateTime {
    EPOCH.saturating_add(SignedDuration::from_millis(i64::try_from(at.0).unwrap_or(i64::MAX)))
}

/// Reads `2027-01-31T08:00:00Z`, with or without a fraction, or a number of Unix milliseconds.
pub fn read(text: &str) -> Option<UnixMillis> {
    if let Ok(ms) = text.parse() {
        return Some(UnixMillis(ms));
    }
    let at = DateTime::strptime("%Y-%m-%dT%H:%M:%S%.fZ", text).ok()?;
    // jiff also takes single digits, a sign before the year, and 60 seconds for 59.
    let as_written = text.starts_with(&at.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    let ms = at.duration_since(EPOCH).as_millis();
    u64::try_from(ms).ok().filter(|_| as_written && at >= EPOCH).map(UnixMillis)
}

/// Writes a time, to the second, as it can be part of a file's name: `20270131T080000Z`.
pub fn write_compact(at: UnixMillis) -> String {
    date_time(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Reads what [`write_compact`] writes, and nothing else.
pub fn read_compact(text: &str) -> Option<UnixMillis> {
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok().filter(|at| *at >= EPOCH)?;
    let at = u64::try_from(at.duration_since(EPOCH).as_millis()).ok().map(UnixMillis)?;
    (write_compact(at) == text).then_some(at)
}

/// Reads a span in whole milliseconds: `500ms`, `30s`, `15m`, `12h`, `90d`, `1h30m`. A day has 24 hours.
pub fn span_ms(text: &str) -> Option<u64> {
    // jiff also takes spaces, signs and fractions.
    let span: Span = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let is_whole = span.subsec_nanos() % 1_000_000 == 0;
    u64::try_from(span.as_millis()).ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_in_one_form() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(read(text), expected.map(UnixMillis), "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:30:45.678Z", Some(951_827_445_678));
        check("2027-01-01T00:00:00.5Z", Some(1_798_761_600_500));
        check("2027-01-01T00:00:00.123456789Z", Some(1_798_761_600_123));
        check("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999));
        check("1795539846028", Some(1_795_539_846_028));
        let nonsense = [
            "",
            "2027-01-01",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-10T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "2027-01-01T00:00:00+08:00",
            "2027-01-01T00:00:00.Z",
            "2027-01-01T00:00:00.1234567890Z",
            "2027-01-01T00:00:00,5Z",
            "2027-01-01T23:59:60Z",
            "2027-01-01T00:00Z",
            "2027-01-01t00:00:00z",
            "2027-01-01 00:00:00Z",
            " 2027-01-01T00:00:00Z",
            "2027-01-01T00:00:00Z ",
            "2027-01-01T00:00:00 Z",
            "2027- 1-01T00:00:00Z",
            "2027-1-1T0:0:0Z",
            "+2027-01-01T00:00:00Z",
            "12027-01-01T00:00:00Z",
            "20270101T000000Z",
            "2027-01-01T00:00:00Z[UTC]",
            "2027-01-01T00:00:00[UTC]Z",
            "1969-12-31T23:59:59.9999Z",
            "-5",
            "tomorrow",
        ];
        for text in nonsense {
            check(text, None);
        }
    }

    #[test]
    fn times_in_names_are_read_in_one_form() {
        let text = write_compact(UnixMillis(951_827_445_678));
        assert_eq!(
            (text.as_str(), read_compact(&text)),
            ("20000229T123045Z", Some(UnixMillis(951_827_445_000)))
        );
        for text in [
            "",
            "20000229T123045",
            "20000230T123045Z",
            "19691231T235959Z",
            "2000-02-29T12:30:45Z",
            "20000229T123045Z2",
        ] {
            assert_eq!(read_compact(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_whole_milliseconds() {
        let spans = [
            ("0s", 0),
            ("1500ms", 1_500),
            ("2s", 2_000),
            ("3m", 180_000),
            ("1h", 3_600_000),
            ("90d", 7_776_000_000),
            ("1h30m", 5_400_000),
        ];
        for (text, ms) in spans {
            assert_eq!(span_ms(text), Some(ms), "{text}");
        }
        for text in [
            "",
            "5",
            "d",
            "-1s",
            "1.5h",
            "99999999999999999999d",
            "1 d",
            "+1s",
            "1h 30m",
            "1s,5ms",
            "1s-",
            "1:30",
            "500us",
            "1mo",
            "1y",
        ] {
            assert_eq!(span_ms(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_709_251_199, "2024-02-29 23:59:59Z"),
            (1_709_251_200, "2024-03-01 00:00:00Z"),
            (4_107_542_399, "2100-02-28 23:59:59Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(write_plainly(UnixMillis(seconds * 1_000)), expected);
        }
        assert_eq!(write(UnixMillis(u64::MAX)), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn times_read_back(ms in 0_u64..=253_402_300_799_999) {
            prop_assert_eq!(read(&write(UnixMillis(ms))), Some(UnixMillis(ms)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", dated in "[0-9]{1,5}-[0-9]{1,3}-[0-9]{1,3}T[0-9:.]{0,12}Z") {
            let _ = (read(&text), read(&dated), span_ms(&text));
        }
    }
}
