//! The store's threads in every order that a model checker can think of: the writer's queue, the commits, the profiles in memory and
//! the readers beside them.
//!
//! What runs is the product's own code: its files, compiled once more with shuttle's locks and threads, with a scheduling point before
//! each operation of a channel, and with a clock that only the test moves. SQLite is the real one, on real files. What stands in for
//! something: tokio's channels are whole operations here (tokio checks their insides itself), atomics are sequentially consistent,
//! and there is no checkpointer, only somebody who closes its gate.
//!
//! `SCALE=n` looks at n times as many orders. The checker is no proof: it draws orders at random (half of them with few preemptions,
//! which find most faults). `scripts/mutants` breaks the product on purpose, line by line, and shows that these tests notice.

#![expect(dead_code, unreachable_pub, reason = "only some of the product's code is called here")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../../src/codec/mod.rs"]
mod codec;
#[path = "../common/mod.rs"]
mod common;
mod open;
#[path = "../../src/operator.rs"]
mod operator;
mod orders;
#[path = "../../src/outbox.rs"]
mod outbox;
#[path = "../../src/settings.rs"]
mod settings;
mod sqlite;

use outbox::{EventState, Selection};
use portrait_store::{Change, DELETIONS_UNIT_MAX, Found, Measurements, StoreError, StoreFuture, StoreStats};
