//! Results of commands: on standard output, in lines or as JSON.

use crate::cli::language::localized;
use portraitd_model::{UnixMillis, rfc3339};
use std::fmt::Display;
use std::io::Write;

/// Writes one line of a command's result.
pub(crate) fn say(line: impl Display) {
    // A reader that stops early (`| head`) is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes a new key or token, alone on standard output, so that `> FILE` keeps it and nothing else. `what` names it on
/// standard error.
pub(crate) fn say_secret(what: impl Display, secret: impl Display) {
    eprintln!("{}", localized!("{what}; keep it, it is not shown again:", "{what}；请保存，不再显示："));
    say(secret);
}

/// Writes a command's result as JSON.
pub(crate) fn print_json(value: &(impl serde::Serialize + ?Sized)) -> anyhow::Result<()> {
    say(serde_json::to_string_pretty(value)?);
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
        (None, Some(since)) => format!("not since the server's start, {}", when(since)),
        (None, None) => "noted by a running server only".to_owned(),
    }
}

/// A time for people: in UTC, to the second.
pub(crate) fn when(ms: u64) -> String {
    rfc3339::write_plainly(UnixMillis(ms))
}
