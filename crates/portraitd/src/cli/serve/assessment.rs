//! What a check of `portraitd doctor` found.

use serde::Serialize;

/// How bad it is; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Good,
    Warning,
    Bad,
}

/// A verdict, and the sentence that explains it.
pub(super) type Assessment = (Verdict, String);
