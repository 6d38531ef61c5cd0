//! `portraitd completions` and `portraitd man`: what packages ship besides the binary, made by the binary itself.

use super::Cli;
use anyhow::Context;
use clap::CommandFactory;
use std::path::PathBuf;

/// Print completions for a shell
///
/// For bash: `portraitd completions bash > /etc/bash_completion.d/portraitd`
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CompletionsArgs {
    shell: clap_complete::Shell,
}

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    directory: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "portraitd", &mut script);
    super::say(String::from_utf8_lossy(&script).trim_end());
}

pub(super) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let into = || format!("can't write into {}", args.directory.display());
    std::fs::create_dir_all(&args.directory).with_context(into)?;
    clap_mangen::generate_to(Cli::command(), &args.directory).with_context(into)
}
