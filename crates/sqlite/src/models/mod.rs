//! The engine's threads in every order that a model checker can think of: the writer's queue, the commits, the profiles in memory
//! and the readers beside them.
//!
//! What runs is this crate itself, with shuttle's locks and threads (`sync.rs` here takes the place of the crate's own), with a
//! scheduling point before each operation of a channel, and with a clock that only the test moves. SQLite is the real one, on real
//! files, but waits for no disk. What stands in for something: tokio's channels are whole operations here (tokio checks their insides
//! itself), atomics are sequentially consistent, and there is no checkpointer, only a thread that takes its write lock.
//!
//! `cargo test -p portraitd-sqlite --features shuttle --lib` runs them: with that feature the crate's unit tests are these alone.
//! `SCALE=n` looks at n times as many orders. The checker is no proof: it draws orders at random (half of them with few preemptions, which find most faults).
//! `scripts/mutants` breaks the product on purpose, line by line, and shows that these tests notice.

mod group_commit;
mod profile_cache;
pub(crate) mod sync;
mod table;

use rusqlite::Connection;

/// What the models change in a connection that writes: nothing waits for the disk, and a commit can fail (`table.rs`).
pub(crate) fn change(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;")
}
