//! `portraitd config`: the configuration's documentation, as a file that can be used.

use super::say;

/// Show the configuration
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print a commented file with every key, its default and its unit
    #[arg(long, required = true)]
    example: bool,
}

pub(super) fn run(_args: &Args) {
    say(crate::config::EXAMPLE.trim_end());
}
