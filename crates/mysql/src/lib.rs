//! The engine on a database that speaks MySQL's protocol and is distributed itself: MariaDB with Galera, MySQL, TiDB,
//! OceanBase. Several portraitd use it at the same time; none holds anything that another lacks.
//!
//! Not allowed here: HTTP, protocol error codes, wire forms, another crate with SQL.
//!
//! - `url.rs`, `hosts.rs`, `connection.rs`, `fault.rs`: one host of several, and what its errors mean
//! - `statements.rs`, `sql.rs`: all SQL, and the values in it
//! - `clock.rs`: the time of this machine
//! - `schema.rs`, `format.rs`: the tables
//! - `writer.rs`, `transaction.rs`, `load.rs`, `apply.rs`, `save.rs`, `rows.rs`: many writes in one transaction, exactly once
//! - `reader.rs`, `reads.rs`: many reads in one statement, and those that take several
//! - `nodes.rs`, `leases.rs`, `outbox.rs`, `place.rs`: several nodes, and which of them delivers an event
//! - `beside.rs`: what nodes share besides the data: sign-ins, figures
//! - `examine.rs`: what `portraitd doctor` finds out about each host
//! - `status.rs`: the state of this node
//! - `contents.rs`, `stored_rows.rs`: everything, for `portraitd store copy`
//! - `open.rs`, `store.rs`: a start, and the trait

mod apply;
mod beside;
mod clock;
mod connection;
mod contents;
mod examine;
mod fault;
mod format;
mod hosts;
mod leases;
mod load;
mod nodes;
mod open;
mod outbox;
mod place;
mod reader;
mod reads;
mod rows;
mod save;
mod schema;
mod shared;
mod sql;
mod statements;
mod status;
mod store;
mod stored_rows;
mod transaction;
mod url;
mod writer;

pub use contents::MysqlContents;
pub use examine::{HostReport, examine};
pub use format::FORMAT;
pub use open::OpenError;
pub use schema::SchemaError;
pub use store::MysqlStore;
pub use url::{MysqlUrl, MysqlUrlError};
