//! Everything that only `dev` has: faults, throw-away apps, clock, seeds, control API, certificates, proxy. `serve` can't reach it.

mod broken_response;
mod call_log;
pub mod certificates;
pub mod clock;
pub mod control;
pub mod emulator;
pub mod fault;
pub mod front;
pub mod proxy;
mod ring_buffer;
pub mod sandbox;
pub mod seed;
mod webhook_inbox;
