//! Texts of others on a terminal and in a log: what clients, receivers and files brought must not steer it.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns the text with every character escaped that could move the cursor, begin a line, hide itself or change the order
/// of what is read: control characters, line separators, marks of direction and characters without width. A tab is `\t`, a
/// line end `\n`; the others are written as `\u{202e}`. Joiners stay, since emoji and several scripts need them.
pub fn escape_for_terminal(text: &str) -> Cow<'_, str> {
    escape(text, steers_terminal)
}

/// Returns the text with the same characters escaped, but for line ends: for text of one's own, with texts of others in it that
/// were escaped before.
pub fn escape_lines_for_terminal(text: &str) -> Cow<'_, str> {
    escape(text, |c| c != '\n' && steers_terminal(c))
}

fn escape(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_unsafe(c) => escaped.push(c),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            // Writing to a `String` can't fail.
            c => drop(write!(escaped, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(escaped)
}

/// Returns the JSON text with the same characters escaped as JSON escapes them; line ends and indentation stay. Outside
/// strings, JSON has none of them.
pub fn escape_json_for_terminal(json: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| c != '\n' && steers_terminal(c);
    if !json.contains(is_escaped) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` can't fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Returns the start of a text of others for a log line, at most 200 characters, escaped.
pub fn shown_in_log(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let mut shown: String = text.chars().take(CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    match escape_for_terminal(&shown) {
        Cow::Borrowed(_) => shown,
        Cow::Owned(escaped) => escaped,
    }
}

/// Whether a character could steer a terminal.
pub fn steers_terminal(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (text, expected) in [
            ("爱 Ünï 👩‍👧", "爱 Ünï 👩‍👧"),
            ("a\tb\r\nc", "a\\tb\\r\\nc"),
            ("\u{1b}[31mred\u{7}\0", "\\u{1b}[31mred\\u{7}\\u{0}"),
            ("\u{9b}2J\u{85}", "\\u{9b}2J\\u{85}"),
            ("user\u{202e}gpj.exe\u{2066}", "user\\u{202e}gpj.exe\\u{2066}"),
            ("a\u{2028}b\u{2029}c\u{200b}\u{feff}", "a\\u{2028}b\\u{2029}c\\u{200b}\\u{feff}"),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(escape_for_terminal(text), expected);
        }
        assert_eq!(escape_lines_for_terminal("a\n\tb\u{9b}2J\n"), "a\n\\tb\\u{9b}2J\n");
        assert_eq!(shown_in_log("/v4/\u{202e}\n"), "/v4/\\u{202e}\\n");
        let long = shown_in_log(&"爱".repeat(32_000));
        assert_eq!(long, "爱".repeat(200) + "…");
        assert!(('\0'..=char::MAX).filter(|c| c.is_control()).all(steers_terminal), "C0 and C1");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({ "a\u{202e}": ["\u{9b}\u{7f}\n\0", "爱 \u{e0041}"] });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let escaped = escape_json_for_terminal(&text);
        assert!(!escaped.contains(|c| c != '\n' && steers_terminal(c)), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
