//! `portraitd`: a self-hosted, drop-in replacement for the user-profile part of Tencent Cloud IM's REST API.

mod admin;
mod api;
mod cli;
mod client_address;
mod clock;
mod config;
mod gateway;
mod host;
mod limit;
mod listener;
mod observe;
mod outbound;
mod query;
mod registry;
mod secret;
mod server;
mod verified;
mod webhook;

fn main() -> std::process::ExitCode {
    cli::run()
}
