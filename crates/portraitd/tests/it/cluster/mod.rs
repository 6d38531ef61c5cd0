//! Several nodes over one database: real `portraitd serve` processes over a real Galera cluster (`testing/galera`).
//!
//! - `nodes.rs`, `nginx.rs`, `proxy.rs`, `load.rs`: the nodes, what stands before and behind them, and their callers
//! - `contract.rs`, `in_force.rs`, `webhooks.rs`, `limits.rs`: what holds on all nodes
//! - `copy.rs`: a store goes into a database and back
//! - `operators.rs`: what operators use: sign-ins, usage, readiness, metrics, doctor, what only a directory can do
//! - `removal.rs`: an app is deleted on all nodes
//! - `start.rs`: databases that can't be used, and one that comes and goes
//! - `exactly_once.rs`, `faults.rs`, `rolling.rs`: answers that are lost; nodes of both kinds that die, freeze and are cut off

mod contract;
mod copy;
mod exactly_once;
mod faults;
mod in_force;
mod limits;
mod load;
mod nginx;
mod nodes;
mod operators;
mod proxy;
mod removal;
mod rolling;
mod start;
mod webhooks;
