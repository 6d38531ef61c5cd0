//! The handlers of the admin API, a file for each kind of resource.

pub mod accounts;
pub mod apps;
pub mod audit;
pub mod fields;
pub mod server;
pub mod tokens;
pub mod transfer;
pub mod usage;
pub mod webhook;
pub mod words;
