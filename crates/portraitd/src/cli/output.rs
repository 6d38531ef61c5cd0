//! What commands print: results on standard output, in lines or as JSON, and notes on standard error. Nothing in it steers a
//! terminal; the tests of `tidy.rs` see that no command prints past this file.

use crate::cli::language::chosen::localized;
use portraitd_model::terminal::{escape_for_terminal, escape_json_for_terminal, escape_lines_for_terminal};
use portraitd_model::{UnixMillis, rfc3339};
use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;

/// Writes one line of a command's result. A text of others in it, which must not begin a line, goes through [`foreign`].
pub(crate) fn say(line: impl Display) {
    say_verbatim(&escape_lines_for_terminal(&line.to_string()));
}

/// Writes a text of portraitd's own as it is: with colours, or a script.
pub(crate) fn say_verbatim(text: &str) {
    // A reader that stops early (`| head`) is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Writes one line to standard error, as [`say`] does.
pub(crate) fn note(line: impl Display) {
    note_verbatim(&format!("{}\n", escape_lines_for_terminal(&line.to_string())));
}

/// Writes a question to standard error, after which the answer is typed.
pub(crate) fn ask(question: impl Display) {
    note_verbatim(&escape_lines_for_terminal(&question.to_string()));
}

/// Writes a text of portraitd's own to standard error as it is.
pub(crate) fn note_verbatim(text: &str) {
    // There is nowhere to say that it failed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A text of others within a line: of a client, a receiver, a server or a file.
pub(crate) fn foreign(text: &str) -> Cow<'_, str> {
    escape_for_terminal(text)
}

/// Writes a command's result as JSON.
pub(crate) fn print_json(value: &(impl serde::Serialize + ?Sized)) -> anyhow::Result<()> {
    say_verbatim(&escape_json_for_terminal(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Writes a command's result as JSON in one line.
pub(crate) fn print_json_line(value: &(impl serde::Serialize + ?Sized)) -> anyhow::Result<()> {
    say_verbatim(&escape_json_for_terminal(&serde_json::to_string(value)?));
    Ok(())
}

/// A number with its noun: "1 row", "2 rows".
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The last use of a key or a token, for people. `since`: when the server started to note uses.
pub(crate) fn last_use(last: Option<u64>, since: Option<u64>) -> String {
    match (last, since) {
        (Some(last), _) => when(last),
        (None, Some(since)) => {
            localized!("not since the server's start, {}", "服务启动（{}）以来未使用", when(since))
        }
        (None, None) => localized!("noted by a running server only", "仅由运行中的服务记录"),
    }
}

/// A text with spaces behind it up to this width; a Chinese character is two wide.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let columns: usize =
        text.chars().map(|letter| if letter.is_ascii() || letter == '…' { 1 } else { 2 }).sum();
    format!("{text}{:1$}", "", width.saturating_sub(columns))
}

/// Writes a name and its value. The values of one width start in one column.
pub(crate) fn say_member(width: usize, name: &str, value: impl Display) {
    say(format_args!("{}{value}", padded(name, width)));
}

/// Writes a row of a table: each cell with its width, and a last one.
pub(crate) fn say_row<const N: usize>(cells: [(&str, usize); N], last: &str) {
    let cells = cells.map(|(text, width)| padded(text, width));
    say(format_args!("{} {last}", cells.join(" ")));
}

/// A time for people: in UTC, to the second.
pub(crate) fn when(ms: u64) -> String {
    rfc3339::write_plainly(UnixMillis(ms))
}
