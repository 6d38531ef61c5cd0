//! `portraitd completions` and `portraitd man`: the files of a package that are generated from the command line.

use crate::cli::language::chosen::localized;
use anyhow::Context;
use std::path::PathBuf;

/// Print completions for a shell
///
/// For bash: `portraitd completions bash > /etc/bash_completion.d/portraitd`
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The directory, which is created when it does not exist
    directory: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs, mut command_line: clap::Command) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line, "portraitd", &mut script);
    crate::cli::output::say_verbatim(String::from_utf8_lossy(&script).trim_end());
}

pub(super) fn man(args: &ManArgs, command_line: clap::Command) -> anyhow::Result<()> {
    let into = || localized!("can't write into {}", "无法写入 {}", args.directory.display());
    std::fs::create_dir_all(&args.directory).with_context(into)?;
    clap_mangen::generate_to(command_line, &args.directory).with_context(into)
}
