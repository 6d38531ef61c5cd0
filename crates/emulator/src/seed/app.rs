//! The parsed form of a seed.

use portraitd_model::{AccountSeed, AppSettings};

/// An app of a seed.
pub struct SeedApp {
    /// Its settings, with its keys.
    pub settings: AppSettings,
    /// Whether its keys are of the file; otherwise it names none, and one was generated.
    pub has_own_keys: bool,
    /// Its accounts with their profiles, in the order of the file.
    pub accounts: Vec<AccountSeed>,
}
