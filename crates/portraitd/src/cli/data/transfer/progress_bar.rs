//! Progress bars: on standard error, and only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A part of so many bytes.
pub(crate) fn of_bytes(total: u64) -> ProgressBar {
    styled(ProgressBar::new(total), "{bar:30} {percent:>3}%  {bytes_per_sec}, {eta} left  {msg}")
}

/// A part of so many steps.
pub(crate) fn of_steps() -> ProgressBar {
    styled(ProgressBar::new(0), "{bar:30} {percent:>3}%  {pos}/{len}, {eta} left  {msg}")
}

/// Something without a known end, counted.
pub(crate) fn counter(what: &str) -> ProgressBar {
    styled(ProgressBar::no_length(), &format!("{{spinner}} {{pos}} {what}, {{per_sec}}  {{msg}}"))
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // A template that can't be read leaves the plain one.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
