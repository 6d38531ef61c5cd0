//! Model tests of the engine's threads under a model checker: the writer's queue, the journal, the applier, the profile cache and the
//! readers.
//!
//! They run this crate's own code, with shuttle's locks and threads (`primitives.rs` here replaces the crate's own), a scheduling point
//! before each operation of a channel, and a clock that only the test moves. SQLite and the journal are the real ones, on real
//! files, but do not wait for the disk. Simplified: an operation of a tokio channel is one step (tokio checks its channels itself),
//! and atomics are sequentially consistent.
//!
//! `cargo test -p portraitd-sqlite --features shuttle --lib` runs them: with that feature the crate's unit tests are these alone.
//! `SCALE=n` runs n times as many schedules. This is no proof: schedules are random, half of them with few preemptions, which find
//! most faults. `scripts/mutants` breaks the product on purpose, line by line, and shows that these tests fail then.

mod crash;
mod group_commit;
pub(crate) mod primitives;
mod profile_cache;
mod table;

use primitives::disk_fails;
use rusqlite::Connection;
use std::io;

/// Changes a writing connection for the models: it does not wait for the disk.
pub(crate) fn change(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = OFF;")
}

/// A sync of the journal, which may fail.
pub(crate) fn sync() -> io::Result<()> {
    if disk_fails() { Err(io::Error::other("the disk of the model")) } else { Ok(()) }
}

/// A commit of the applier, which may fail.
pub(crate) fn commit() -> rusqlite::Result<()> {
    if disk_fails() { Err(crate::connection::internal("the disk of the model")) } else { Ok(()) }
}
