//! The handlers of the admin API, one file for each kind of resource.

pub(crate) mod accounts;
pub mod apps;
pub(crate) mod audit;
pub mod backup;
pub(crate) mod check_changes;
pub(crate) mod download;
pub mod export;
pub(crate) mod export_lines;
pub mod fields;
pub mod import;
pub(crate) mod log;
pub(crate) mod reference;
pub(crate) mod remove_app;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod tokens;

pub(crate) mod try_call;
pub(crate) mod usage;
pub(crate) mod usersig;
pub(crate) mod webhook;
pub(crate) mod words;
