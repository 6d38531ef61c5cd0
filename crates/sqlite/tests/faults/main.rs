//! Disks that fail: a power cut at any moment, the n-th operation that goes wrong, a process killed at the n-th operation,
//! files that were damaged. The real engine on its real files, through a library that is preloaded into the process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod damage;
mod nth;
mod power_loss;
mod random;
mod recording;
mod story;
mod teller;
