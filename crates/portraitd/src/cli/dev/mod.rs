//! Commands of development: the emulator and what surrounds it.

pub mod banner;
pub mod cert;
pub mod command;
pub mod emulator;
pub mod env;
pub mod environment;
pub mod fixtures;
pub mod hosting;
pub mod run;
pub mod shell_syntax;
pub mod webhook_listen;
