//! The command line: one file for each command. Results go to standard output, everything else to standard error.

pub(crate) mod admin;
pub(crate) mod call;
mod completions;
pub(crate) mod data;
pub(crate) mod dev;
mod http;
mod secret_argument;
pub(crate) mod serve;

use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// A self-hosted, drop-in replacement for the user-profile part of Tencent Cloud IM's REST API.
///
/// Back ends that call portrait_set and portrait_get change the base URL and nothing else.
/// Start with `portraitd dev`: an emulator with an app, a key and sample accounts, ready for the
/// curl commands that it prints.
///
/// 腾讯云即时通信 IM 用户资料 REST API 的自托管替代：只需更换请求地址。
/// 从 `portraitd dev` 开始（中文输出：portraitd dev --language zh）。
#[derive(Debug, Parser)]
#[command(name = "portraitd", version, verbatim_doc_comment, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(crate::cli::dev::command::Args),
    Emulator(crate::cli::dev::emulator::Args),
    Run(crate::cli::dev::run::Args),
    Env(crate::cli::dev::env::Args),
    Serve(crate::cli::serve::command::Args),
    Config(crate::cli::serve::config::Args),
    App(crate::cli::admin::app::Args),
    Field(crate::cli::admin::field::Args),
    Words(crate::cli::admin::words::Args),
    Webhook(crate::cli::admin::webhook::Args),
    Account(crate::cli::admin::account::Args),
    Token(crate::cli::admin::token::Args),
    Audit(crate::cli::admin::audit::Args),
    Openapi(crate::cli::admin::openapi::Args),
    Set(crate::cli::call::profile::SetArgs),
    Get(crate::cli::call::profile::GetArgs),
    Usersig(crate::cli::call::usersig::Args),
    Explain(crate::cli::call::explain::Args),
    Cert(crate::cli::dev::cert::Args),
    Export(crate::cli::data::export::Args),
    Import(crate::cli::data::import::Args),
    Migrate(crate::cli::data::migrate::Args),
    Backup(crate::cli::data::backup::BackupArgs),
    Restore(crate::cli::data::backup::RestoreArgs),
    Check(crate::cli::data::check::CheckArgs),
    Repair(crate::cli::data::check::RepairArgs),
    Compact(crate::cli::data::check::CompactArgs),
    Doctor(crate::cli::serve::doctor::Args),
    Healthcheck(crate::cli::serve::healthcheck::Args),
    Completions(crate::cli::completions::CompletionsArgs),
    Man(crate::cli::completions::ManArgs),
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 failed, 2 not understood.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => return crate::cli::dev::run::run(args),
        Command::Env(args) => crate::cli::dev::env::run(&args),
        Command::Emulator(args) => crate::cli::dev::emulator::run(&args),
        Command::Dev(args) => crate::cli::dev::command::run(args),
        Command::Serve(args) => crate::cli::serve::command::run(&args),
        Command::Config(args) => crate::cli::serve::config::run(&args),
        Command::App(args) => crate::cli::admin::app::run(args),
        Command::Field(args) => crate::cli::admin::field::run(args),
        Command::Words(args) => crate::cli::admin::words::run(args),
        Command::Webhook(args) => crate::cli::admin::webhook::run(args),
        Command::Account(args) => crate::cli::admin::account::run(args),
        Command::Token(args) => crate::cli::admin::token::run(args),
        Command::Audit(args) => crate::cli::admin::audit::run(&args),
        Command::Openapi(args) => crate::cli::admin::openapi::run(&args),
        Command::Set(args) => crate::cli::call::profile::set(&args),
        Command::Get(args) => crate::cli::call::profile::get(&args),
        Command::Usersig(args) => crate::cli::call::usersig::run(args),
        Command::Explain(args) => crate::cli::call::explain::run(&args),
        Command::Cert(args) => crate::cli::dev::cert::run(&args),
        Command::Export(args) => crate::cli::data::export::run(&args),
        Command::Import(args) => crate::cli::data::import::run(&args),
        Command::Migrate(args) => crate::cli::data::migrate::run(&args),
        Command::Backup(args) => crate::cli::data::backup::backup(&args),
        Command::Restore(args) => crate::cli::data::backup::restore(&args),
        Command::Check(args) => crate::cli::data::check::check(&args),
        Command::Repair(args) => crate::cli::data::check::repair(&args),
        Command::Compact(args) => crate::cli::data::check::compact(&args),
        Command::Doctor(args) => crate::cli::serve::doctor::run(&args),
        Command::Healthcheck(args) => crate::cli::serve::healthcheck::run(&args),
        Command::Completions(args) => {
            crate::cli::completions::completions(&args);
            Ok(())
        }
        Command::Man(args) => crate::cli::completions::man(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The runtime that a command's work runs on.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // One core is the store's writer's: a thread more only takes turns with it, and sets wait. TOKIO_WORKER_THREADS
    // says otherwise.
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        builder.worker_threads(cores.saturating_sub(1).max(1));
    }
    Ok(builder.enable_all().build()?)
}

/// The time, for what is made now.
fn now() -> portraitd_model::UnixSeconds {
    use portraitd_model::Clock as _;
    portraitd_api::clock::SystemClock.now().seconds()
}

/// Writes one line of a command's result.
fn say(line: impl Display) {
    // Whoever reads may stop reading (`| head`): no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes a command's result as JSON.
fn print_json(value: &(impl serde::Serialize + ?Sized)) -> anyhow::Result<()> {
    say(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A time for people: in UTC, to the second.
fn when(ms: u64) -> String {
    portraitd_model::rfc3339::write_plainly(portraitd_model::UnixMillis(ms))
}
