//! Backups on a schedule: when one is due (`schedule`), taking and checking it (`scheduler`, `verify`), the places where it
//! stands (`directory`, `s3`), and what is removed (`retention`).
//!
//! What has the name of a backup and a manifest was checked after it was taken: both are written last.

pub(crate) mod counters;
pub(crate) mod directory;
pub(crate) mod manifest;
pub(crate) mod name;
pub(crate) mod progress;
pub(crate) mod remote;
pub(crate) mod retention;
#[cfg(feature = "s3")]
pub(crate) mod s3;
pub(crate) mod schedule;
pub(crate) mod scheduler;
pub(crate) mod verify;
