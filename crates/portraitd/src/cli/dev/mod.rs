//! Commands for development: the emulator, its certificates, a webhook receiver.

mod app_additions;
pub(crate) mod banner;
pub(crate) mod cert;
pub(crate) mod cloud_names;
pub(crate) mod command;
mod control_client;
pub(crate) mod emulator;
mod emulator_info;
pub(crate) mod env;
pub(crate) mod fixtures;
mod isolation;
pub(crate) mod listen_address;
mod refused_calls;
pub(crate) mod run;
pub(crate) mod shell_syntax;
mod terminal;
pub(crate) mod variables;
pub(crate) mod webhook_listen;
