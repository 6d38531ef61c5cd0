//! End to end: every test here starts the real binary and speaks real HTTP over TCP to it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod access;
mod apps;
mod attack_support;
mod audit;
mod authorization;
mod backup;
mod bad_input;
mod cert;
mod cli;
mod cloud;
mod cloud_rules;
mod conformance;
mod doctor;
mod durability;
mod emulator;
mod emulator_cli;
mod emulator_faults;
mod emulator_seed;
mod error_pages;
mod explained;
mod export;
mod faults;
mod first_run;
mod forged_usersig;
mod handshakes;
mod harness;
mod hostile;
mod http1;
mod https;
mod import;
mod import_resume;
mod isolation;
mod limit_truth;
mod limits;
mod linearizability;
mod listening;
mod lost_files;
mod memory_limit;
mod migrate;
mod mistakes;
#[path = "../namespaces/mod.rs"]
mod namespaces;
mod observability;
mod otel;
mod others;
mod receiver;
mod refused_calls;
mod roles;
#[path = "../routes/mod.rs"]
mod routes;
mod run;
mod safe_start;
mod secrets;
mod settings;
mod settings_under_load;
mod shutdown;
mod store_identity;
mod tls;
mod torture;
mod transport;
mod usersig;
mod usersig_causes;
mod webhook;
mod webhook_torture;
