//! What a seed holds.

use portraitd_model::{AccountSeed, AppSettings};

/// An app to start with.
pub struct SeedApp {
    /// Its settings, with its keys.
    pub settings: AppSettings,
    /// Its accounts with their profiles, in the order of the file.
    pub accounts: Vec<AccountSeed>,
}
