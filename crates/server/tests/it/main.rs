//! End to end: every test here starts the real binary and speaks real HTTP over TCP to it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod access;
mod apps;
mod audit;
mod backup;
mod bad_input;
mod care;
mod cert;
mod changes;
mod cli;
mod cloud;
mod cloud_rules;
mod conformance;
#[path = "../../../store/tests/faults/disk.rs"]
mod disk;
mod door;
mod durability;
mod emulator;
mod emulator_cli;
mod emulator_faults;
mod emulator_seed;
mod error_pages;
mod export;
mod faults;
mod first_run;
mod forged_usersig;
mod handshakes;
mod harness;
mod honest;
mod hostile;
mod http1;
mod http2_floods;
mod https;
mod import;
mod interrupted;
mod limit_truth;
mod limits;
mod linear;
mod listening;
mod lost_files;
mod memory_limit;
mod migrate;
mod observed;
mod otel;
mod receiver;
mod run;
mod safe_start;
mod secrets;
mod settings;
mod shutdown;
#[path = "../../../store/tests/common/small_disk.rs"]
mod small_disk;
mod store_identity;
mod tls;
mod torture;
mod transport;
mod usersig;
mod webhook;
mod webhook_torture;
