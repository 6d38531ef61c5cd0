//! The handlers of the admin API, one file for each kind of resource.

pub(crate) mod accounts;
pub mod apps;
pub(crate) mod audit;
pub mod fields;
pub(crate) mod server;
pub(crate) mod tokens;
pub mod transfer;
pub(crate) mod usage;
pub(crate) mod webhook;
pub mod words;
