//! How a new key or token is shown, once.

use crate::cli::language::chosen::localized;
use crate::cli::output::{note, say};
use std::fmt::Display;

/// Writes a new key or token, alone on standard output, so that `> FILE` keeps it and nothing else. `what` names it on
/// standard error.
pub(crate) fn say_secret(what: impl Display, secret: impl Display) {
    note(localized!("{what}; keep it, it is not shown again:", "{what}；请保存，不再显示："));
    say(secret);
}
