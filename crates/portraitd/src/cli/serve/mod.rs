//! Commands of operation: the server and what looks at it.

pub mod certificates;
pub mod command;
pub mod config;
pub mod doctor;
pub mod healthcheck;
pub mod instance;
