//! Settings that change under calls, in every order that a model checker can think of: the snapshot of the apps, the UserSigs that it
//! remembers, and kicks.
//!
//! What runs is this crate's own `registry.rs` and `sig_cache.rs`, with shuttle's locks and threads (`sync.rs` here takes the place of the crate's own) and with
//! scheduling points around the snapshot's exchange; the store is the one in memory. What stands in for something: `authenticate`
//! (`story.rs`) takes the gateway's steps one by one, since the gateway itself needs sockets. arc-swap and tokio's lock are whole operations here, and atomics are sequentially consistent.
//!
//! `cargo test -p portraitd-api --features shuttle --lib models` runs them. `SCALE=n` looks at n times as many orders. `scripts/mutants` breaks the product on purpose and shows that these tests notice.

mod story;
pub(crate) mod sync;
