//! The command line: one file for each command. Results go to standard output, everything else to standard error.

mod dev;
mod page;
mod running;
mod serve;

use clap::{Parser, Subcommand};
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
    Serve(serve::Args),
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Dev(args) => dev::run(args),
        Command::Serve(args) => serve::run(args),
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
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
