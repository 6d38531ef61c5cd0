//! What a running server logs, as the admin API reads and changes it. The server's own part implements it.

use crate::types::log::{LogPatch, LogView};
use portraitd_model::Bilingual;

/// The log of a running server.
pub trait LogControl: Send + Sync {
    /// Returns what is logged now.
    fn current(&self) -> LogView;

    /// Checks a filter and changes nothing. The error names what is wrong with it and the accepted levels.
    fn check(&self, filter: &str) -> Result<(), Bilingual>;

    /// Changes what the patch names; returns what is logged from then on. Nothing is changed when the filter is one that
    /// [`Self::check`] refuses.
    fn change(&self, patch: &LogPatch) -> Result<LogView, Bilingual>;
}
