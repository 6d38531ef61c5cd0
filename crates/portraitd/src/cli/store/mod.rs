//! `portraitd store`: the database that several portraitd share.

mod migrate;

use clap::Subcommand;

/// Prepare the database that several portraitd share
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Migrate(migrate::Args),
}

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    match &args.command {
        Command::Migrate(args) => migrate::run(args, command_line),
    }
}
