//! Tests of settings that change during calls, in the orders that a model checker (shuttle) chooses: the registry's
//! snapshot, its cache of UserSigs, and kicks.
//!
//! The tests run this crate's own `registry.rs` and `sig_cache.rs` with shuttle's locks and threads (`primitives.rs` here replaces
//! the crate's own), with scheduling points around the exchange of the snapshot, and the store in memory. `authenticate` in
//! `app_settings.rs` repeats the gateway's steps, since the gateway itself needs sockets. Operations of arc-swap and tokio's
//! lock are atomic here, and atomics are sequentially consistent.
//!
//! `cargo test -p portraitd-api --features shuttle --lib models` runs them. `SCALE=n` tries n times as many orders.
//! `scripts/mutants` breaks the product on purpose and shows that these tests fail.

mod app_settings;
pub(crate) mod primitives;
