//! How a diagnosis writes times, spans and what came from outside.

use crate::{Language, UnixMillis, UnixSeconds, rfc3339};

/// The longest piece of a UserSig that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 40;

/// The last second of the year 9999.
const LAST_DATE: u64 = 253_402_300_799;

/// Writes a time as `2026-11-29T12:00:00Z`; one after the year 9999 with its number in Unix seconds.
pub(super) fn date(at: UnixSeconds) -> String {
    if at.0 > LAST_DATE {
        return format!("> 9999-12-31 ({})", at.0);
    }
    rfc3339::write(UnixMillis(at.0 * 1000)).replace(".000Z", "Z")
}

/// Writes a span in its largest whole unit.
pub(super) fn span(seconds: u64, language: Language) -> String {
    let units =
        [(31_557_600, "years", "年"), (86_400, "days", "天"), (3_600, "h", "小时"), (60, "min", "分钟")];
    let unit = units.into_iter().find(|(size, ..)| seconds >= 2 * size).unwrap_or((1, "s", "秒"));
    let (size, english, chinese) = unit;
    format!("{} {}", seconds / size, language.pick(english, chinese))
}

/// A text from outside, in double quotes: escaped, and cut when it is long.
pub(super) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", start.escape_debug())
}

/// Percent-decodes what is percent-encoded; `None` when nothing is, or when the result is not UTF-8.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%');
        let decoded =
            digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    let changed = bytes.len() < text.len();
    String::from_utf8(bytes).ok().filter(|_| changed)
}

/// Percent-encodes everything but letters, digits, `-`, `_`, `.` and `~`.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The bytes that hexadecimal digits stand for.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let is_hex = !pairs.is_empty() && rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|_| is_hex)
}

/// The hexadecimal digits of bytes, in lower case.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of a text in UTF-16, little-endian.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
