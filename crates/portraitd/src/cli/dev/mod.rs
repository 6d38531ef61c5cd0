//! Commands of development: the emulator and what surrounds it.

pub(crate) mod banner;
pub(crate) mod cert;
pub(crate) mod command;
pub(crate) mod emulator;
pub(crate) mod env;
pub(crate) mod environment;
pub(crate) mod fixtures;
pub(crate) mod hosting;
pub(crate) mod run;
pub(crate) mod shell_syntax;
pub(crate) mod webhook_listen;
