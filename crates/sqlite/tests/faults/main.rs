//! Tests with failing disks: a power cut at any moment, a fault at the n-th operation, a process killed at the n-th operation, and
//! damaged files. They run the real engine on real files, with a library that is preloaded into the process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod child_process;
mod copy;
mod damage;
mod erasure;
mod nth;
mod power_loss;
mod random;
mod recording;
mod tools;
mod workload;
