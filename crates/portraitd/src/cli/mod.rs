//! The command line: one file for each command. Results go to standard output, everything else to standard error.

pub(crate) mod admin;
mod app_key;
pub(crate) mod call;
pub(crate) mod command_hint;
mod completions;
pub(crate) mod data;
pub(crate) mod dev;
mod http;
pub(crate) mod language;
mod new_secret;
pub(crate) mod output;
pub(crate) mod runtime;
mod sdk_app_id;
mod secret_argument;
pub(crate) mod serve;
mod server_url;
mod shadow;
mod store;

use self::language::causes;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// A self-hosted, drop-in replacement for the user-profile part of Tencent Cloud IM's REST API.
///
/// Back ends that call portrait_set and portrait_get change the base URL and nothing else.
/// Start with `portraitd dev`: an emulator with an app, a key and sample accounts, ready for the
/// curl commands that it prints.
///
/// 腾讯云即时通信 IM 用户资料 REST API 的自托管替代：只需更换请求地址。
/// 从 `portraitd dev` 开始。中文帮助：portraitd --language zh --help
#[derive(Debug, Parser)]
#[command(name = "portraitd", version, verbatim_doc_comment, max_term_width = 100, arg = language::option())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::command::Args),
    Emulator(dev::emulator::Args),
    Run(dev::run::Args),
    Env(dev::env::Args),
    Serve(serve::command::Args),
    Shadow(shadow::Args),
    Config(serve::config::Args),
    App(admin::app::Args),
    Field(admin::field::Args),
    Words(admin::words::Args),
    Webhook(admin::webhook::Args),
    Account(admin::account::Args),
    Token(admin::token::Args),
    Audit(admin::audit::Args),
    Log(admin::log::Args),
    Console(admin::console::Args),
    Openapi(admin::openapi::Args),
    Set(call::profile::SetArgs),
    Get(call::profile::GetArgs),
    Usersig(call::usersig::Args),
    Explain(call::explain::Args),
    Cert(dev::cert::Args),
    Export(data::export::Args),
    Import(data::import::Args),
    Migrate(data::migrate::Args),
    Backup(data::backup::BackupArgs),
    Restore(data::restore::RestoreArgs),
    Check(data::check::CheckArgs),
    Repair(data::check::RepairArgs),
    Compact(data::check::CompactArgs),
    Store(store::Args),
    Doctor(serve::doctor::Args),
    Healthcheck(serve::healthcheck::Args),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// Every command with its options, as clap parses them.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 failed, 2 not understood.
pub(crate) fn run() -> ExitCode {
    let cli: Cli = match language::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let outcome = match cli.command {
        Command::Run(args) => return dev::run::run(args),
        Command::Shadow(args) => return shadow::run(args),
        Command::Env(args) => dev::env::run(&args),
        Command::Emulator(args) => dev::emulator::run(&args),
        Command::Dev(args) => dev::command::run(args),
        Command::Serve(args) => serve::command::run(args, command_line()),
        Command::Config(args) => serve::config::run(&args, &command_line()),
        Command::App(args) => admin::app::run(args),
        Command::Field(args) => admin::field::run(args),
        Command::Words(args) => admin::words::run(args),
        Command::Webhook(args) => admin::webhook::run(args),
        Command::Account(args) => admin::account::run(args),
        Command::Token(args) => admin::token::run(args),
        Command::Audit(args) => admin::audit::run(&args),
        Command::Log(args) => admin::log::run(args),
        Command::Console(args) => admin::console::run(&args),
        Command::Openapi(args) => admin::openapi::run(&args),
        Command::Set(args) => call::profile::set(&args),
        Command::Get(args) => call::profile::get(&args),
        Command::Usersig(args) => call::usersig::run(args),
        Command::Explain(args) => call::explain::run(&args),
        Command::Cert(args) => dev::cert::run(&args),
        Command::Export(args) => data::export::run(&args),
        Command::Import(args) => data::import::run(&args),
        Command::Migrate(args) => data::migrate::run(&args),
        Command::Backup(args) => data::backup::backup(&args, &command_line()),
        Command::Restore(args) => data::restore::restore(&args, &command_line()),
        Command::Check(args) => data::check::check(&args),
        Command::Repair(args) => data::check::repair(&args),
        Command::Compact(args) => data::check::compact(&args),
        Command::Store(args) => store::run(&args, &command_line()),
        Command::Doctor(args) => serve::doctor::run(&args, &command_line()),
        Command::Healthcheck(args) => serve::healthcheck::run(&args),
        Command::Completions(args) => {
            completions::completions(&args, command_line());
            Ok(())
        }
        Command::Man(args) => completions::man(&args, command_line()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            causes::report(&error);
            ExitCode::FAILURE
        }
    }
}
