//! Every statement on a real database: what MariaDB with Galera, MySQL 8, TiDB and OceanBase must all do, so that the engine
//! runs on them. `scripts/cluster-check URL` runs this on any server; `docs/STATEMENTS.md` has the pages that promise it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod conflicts;
mod each;
mod server;
mod values;
// The statements themselves, which no other crate may use.
#[path = "../../src/sql.rs"]
mod sql;
#[path = "../../src/statements.rs"]
#[expect(dead_code, reason = "CREATE_… is run by `ALL`")]
mod statements;
