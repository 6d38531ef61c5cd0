//! Times and spans as people write them: `2027-01-31T08:00:00Z`, `90d`.

use crate::UnixMillis;

const DAY_MS: u64 = 86_400_000;

/// Writes a time as `2027-01-31T08:00:00.000Z`.
pub fn write(at: UnixMillis) -> String {
    let (date, time) = date_and_time(at);
    format!("{date}T{time}.{:03}Z", at.0 % 1000)
}

/// Writes a time for people, as `2027-01-31 08:00:00Z`.
pub fn write_plainly(at: UnixMillis) -> String {
    let (date, time) = date_and_time(at);
    format!("{date} {time}Z")
}

/// `2027-01-31` and `08:00:00`.
fn date_and_time(at: UnixMillis) -> (String, String) {
    let (days, ms) = (at.0 / DAY_MS, at.0 % DAY_MS);
    let (year, month, day) = civil(days);
    let (second, minute, hour) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"))
}

/// Reads `2027-01-31T08:00:00Z`, with or without a fraction, or a number of Unix milliseconds.
pub fn read(text: &str) -> Option<UnixMillis> {
    if let Ok(ms) = text.parse() {
        return Some(UnixMillis(ms));
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    let digits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let ms: u64 = format!("{fraction:0<3}").get(..3).filter(|_| digits)?.parse().ok()?;
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day);
    // A day that the month does not have comes back as another one.
    (civil(days) == (year, month, day)).then_some(())?;
    Some(UnixMillis(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts = text.split(separator).map(|part| {
        let plain = !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    });
    parts.collect::<Option<Vec<u64>>>()?.try_into().ok()
}

/// Reads a span: `500ms`, `30s`, `15m`, `12h`, `90d`.
pub fn span_ms(text: &str) -> Option<u64> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", DAY_MS)];
    let (number, unit) = units.iter().find_map(|(name, ms)| Some((text.strip_suffix(name)?, *ms)))?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// The date of a day counted from 1970-01-01 (Howard Hinnant's algorithm, for days that are not negative).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The day of a date from 1970 on; a month or day that does not exist gives some other day.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { (month + 9) % 12 };
    let of_year = ((153 * from_march + 2) / 5 + day).saturating_sub(1);
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_and_spans_are_read_and_nonsense_is_not() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(read(text), expected.map(UnixMillis), "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:30:45.678Z", Some(951_827_445_678));
        check("2027-01-01T00:00:00.5Z", Some(1_798_761_600_500));
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
            "-5",
            "tomorrow",
        ];
        for text in nonsense {
            check(text, None);
        }
        let spans =
            [("1500ms", 1_500), ("2s", 2_000), ("3m", 180_000), ("1h", 3_600_000), ("90d", 90 * DAY_MS)];
        for (text, ms) in spans {
            assert_eq!(span_ms(text), Some(ms), "{text}");
        }
        for text in ["", "5", "d", "-1s", "1.5h", "99999999999999999999d", "1 d", "+1s"] {
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
