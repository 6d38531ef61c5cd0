//! Shared by the tests of several crates: fixtures, the suite that every engine must pass, disks that are small or fail on
//! command, a database cluster, thread schedules. Not part of the product.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests: the name of a function says what it proves"
)]

pub mod disk;
pub mod fixtures;
pub mod galera;
pub mod packages;
pub mod schedules;
pub mod small_disk;
pub mod suite;
