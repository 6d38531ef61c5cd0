//! Model tests of the engine's threads under a model checker: the writer's queue, the commits, the profile cache and the readers.
//!
//! They run this crate's own code, with shuttle's locks and threads (`primitives.rs` here replaces the crate's own), a scheduling point
//! before each operation of a channel, and a clock that only the test moves. SQLite is the real one, on real files, but does not
//! wait for the disk. Simplified: an operation of a tokio channel is one step (tokio checks its channels itself), atomics are
//! sequentially consistent, and instead of the checkpointer there is a thread that takes the write lock.
//!
//! `cargo test -p portraitd-sqlite --features shuttle --lib` runs them: with that feature the crate's unit tests are these alone.
//! `SCALE=n` runs n times as many schedules. This is no proof: schedules are random, half of them with few preemptions, which find
//! most faults. `scripts/mutants` breaks the product on purpose, line by line, and shows that these tests fail then.

mod group_commit;
pub(crate) mod primitives;
mod profile_cache;
mod table;

use rusqlite::Connection;

/// Changes a writing connection for the models: it does not wait for the disk, and a commit can fail (`table.rs`).
pub(crate) fn change(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;")
}
