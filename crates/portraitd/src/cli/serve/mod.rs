//! Commands of operation: the server and what looks at it.

mod assessment;
mod backups;
pub(crate) mod certificates;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod healthcheck;
pub(crate) mod instance;
mod journal;
mod notify;
mod reload;
