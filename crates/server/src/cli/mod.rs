//! The command line: one file for each command. Results go to standard output, everything else to standard error.

mod account;
mod app;
mod audit;
mod backup;
mod cert;
mod certificates;
mod check;
mod client;
mod cloud;
mod dev;
mod doctor;
mod emulator;
mod env;
mod environment;
mod explain;
mod export;
mod field;
mod healthcheck;
mod hosting;
mod http;
mod import;
mod manual;
mod migrate;
mod openapi;
mod operator;
mod page;
mod profile;
mod run;
mod running;
mod secret_argument;
mod serve;
mod settings;
mod shell;
mod start;
mod token;
pub(crate) mod transfer;
mod usersig;
mod webhook;
mod words;

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
    Dev(dev::Args),
    Emulator(emulator::Args),
    Run(run::Args),
    Env(env::Args),
    Serve(serve::Args),
    Config(settings::Args),
    App(app::Args),
    Field(field::Args),
    Words(words::Args),
    Webhook(webhook::Args),
    Account(account::Args),
    Token(token::Args),
    Audit(audit::Args),
    Openapi(openapi::Args),
    Set(profile::SetArgs),
    Get(profile::GetArgs),
    Usersig(usersig::Args),
    Explain(explain::Args),
    Cert(cert::Args),
    Export(export::Args),
    Import(import::Args),
    Migrate(migrate::Args),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Check(check::CheckArgs),
    Repair(check::RepairArgs),
    Compact(check::CompactArgs),
    Doctor(doctor::Args),
    Healthcheck(healthcheck::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 failed, 2 not understood.
pub(crate) fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => return run::run(args),
        Command::Env(args) => env::run(&args),
        Command::Emulator(args) => emulator::run(&args),
        Command::Dev(args) => dev::run(args),
        Command::Serve(args) => serve::run(&args),
        Command::Config(args) => settings::run(&args),
        Command::App(args) => app::run(args),
        Command::Field(args) => field::run(args),
        Command::Words(args) => words::run(args),
        Command::Webhook(args) => webhook::run(args),
        Command::Account(args) => account::run(args),
        Command::Token(args) => token::run(args),
        Command::Audit(args) => audit::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Set(args) => profile::set(&args),
        Command::Get(args) => profile::get(&args),
        Command::Usersig(args) => usersig::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Cert(args) => cert::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Check(args) => check::check(&args),
        Command::Repair(args) => check::repair(&args),
        Command::Compact(args) => check::compact(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Completions(args) => {
            manual::completions(&args);
            Ok(())
        }
        Command::Man(args) => manual::man(&args),
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
fn now() -> portrait_model::UnixSeconds {
    use portrait_model::Clock as _;
    crate::clock::SystemClock.now().seconds()
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
    crate::utc::write_plainly(portrait_model::UnixMillis(ms))
}
