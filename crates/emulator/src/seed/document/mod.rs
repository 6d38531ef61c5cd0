//! Seeds in TOML: apps with their settings, keys, admins, fields, words and accounts.

pub(super) mod read;
mod tables;
pub(super) mod write;
