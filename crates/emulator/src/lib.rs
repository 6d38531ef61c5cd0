//! The emulator, `portraitd dev`: faults, throw-away apps, a settable clock, seeds, the control API, certificates, the
//! proxy. Nothing in this crate runs in `portraitd serve`.

mod broken_response;
mod call_log;
pub mod certificates;
pub mod clock;
pub mod command_name;
pub mod control;
mod diagnosis;
pub mod emulator;
pub mod fault;
mod line_number;
mod odd_usersig;
pub mod proxy;
pub mod public_service;
pub mod recorded_body;
mod redact;
pub mod refused;
mod ring_buffer;
pub mod sandbox;
pub mod seed;
mod suggestion;
mod toml_problem;
mod webhook_inbox;
