//! Progress bars, on standard error and only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for a known number of bytes.
pub(crate) fn of_bytes(total: u64) -> ProgressBar {
    styled(ProgressBar::new(total), "{bar:30} {percent:>3}%  {bytes_per_sec}, {eta} left  {msg}")
}

/// A bar for steps, whose number is set later.
pub(crate) fn of_steps() -> ProgressBar {
    styled(ProgressBar::new(0), "{bar:30} {percent:>3}%  {pos}/{len}, {eta} left  {msg}")
}

/// A bar for a known number of things.
pub(crate) fn of_things(total: u64, what: &str) -> ProgressBar {
    let template =
        format!("{{bar:30}} {{percent:>3}}%  {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left  {{msg}}");
    styled(ProgressBar::new(total), &template)
}

/// A counter for an unknown number of things.
pub(crate) fn counter(what: &str) -> ProgressBar {
    styled(ProgressBar::no_length(), &format!("{{spinner}} {{pos}} {what}, {{per_sec}}  {{msg}}"))
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // The plain bar is kept if the template is not valid.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
