//! `portraitd store`: the database that several portraitd share.

mod copy;
mod migrate;

use clap::Subcommand;

/// Prepare the database that several portraitd share, and copy a store into it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Migrate(migrate::Args),
    Copy(copy::Args),
}

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    match &args.command {
        Command::Migrate(args) => migrate::run(args, command_line),
        Command::Copy(args) => copy::run(args, command_line),
    }
}
