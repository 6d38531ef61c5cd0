//! `portraitd config`: the settings, their effective values, and whether a file is valid.

use crate::cli::dev::variables;
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{note, print_json, say};
use crate::config::flags::Flags;
use crate::config::load::{Effective, Loaded, Source};
use crate::config::reference::example;
use crate::config::value::one_line;
use clap::Subcommand;
use std::path::PathBuf;

/// Show, check and explain the settings of `serve`
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Args {
    /// Print a commented file with every setting, its default, its unit and its limits
    #[arg(long, required = true)]
    example: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every setting as `serve` would use it, and where its value comes from
    ///
    /// Reads the same file, variables and flags as `serve`. What is printed is a file that can be used,
    /// except that passwords, keys and queries of URLs are hidden.
    #[command(verbatim_doc_comment)]
    Show {
        #[command(flatten)]
        layers: Layers,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a configuration file, without variables and flags
    ///
    /// Prints every error with its line, the setting, the value and what the value must be. Exit code 1
    /// if there is one. `portraitd doctor` also checks the files, ports and limits that the settings
    /// name.
    #[command(verbatim_doc_comment)]
    Check {
        /// The configuration file (TOML)
        file: PathBuf,
    },
}

/// Where the settings of `serve` come from.
#[derive(Debug, clap::Args)]
pub(crate) struct Layers {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "PORTRAITD_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

impl Layers {
    /// A file, and the variables.
    pub(crate) fn of_file(config: Option<PathBuf>) -> Self {
        Self { config, flags: Flags::default() }
    }

    /// Reads the file, the variables and the flags. Variables of other options of the command line are accepted.
    pub(crate) fn load(&self, command_line: &clap::Command) -> anyhow::Result<Loaded> {
        Loaded::read(self.config.as_deref(), &self.flags, &own_variables(command_line))
    }
}

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    match &args.command {
        None => say(example(language()).trim_end()),
        Some(Command::Show { layers, json }) => {
            let loaded = layers.load(command_line)?;
            for warning in &loaded.warnings {
                note(localized!("warning: {warning}", "警告：{warning}"));
            }
            if *json {
                return print_json(&loaded.effective());
            }
            print_effective(&loaded.effective());
        }
        Some(Command::Check { file }) => {
            Loaded::read_file(file)?;
            say(localized!("{} is valid", "{} 有效", file.display()));
        }
    }
    Ok(())
}

fn print_effective(settings: &[Effective]) {
    let mut current = "";
    for Effective { name, value, source } in settings {
        let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
        if section != current {
            let space = if current.is_empty() { "" } else { "\n" };
            say(format_args!("{space}[{section}]"));
            current = section;
        }
        let (line, origin) = match (value, source) {
            (Some(value), source) => (format!("{key} = {}", one_line(value)), source.to_string()),
            (None, Source::Default) => (format!("# {key}"), localized!("not set", "未设置")),
            (None, source) => (format!("# {key}"), localized!("{source}; not UTF-8", "{source}；不是 UTF-8")),
        };
        say(format_args!("{line:<48} # {origin}"));
    }
}

/// The environment variables of command line options, and those that `run` and `env` set. They are not settings, and no
/// warning is given for them.
fn own_variables(command_line: &clap::Command) -> Vec<String> {
    let mut commands = vec![command_line.clone()];
    let mut names: Vec<String> = variables::OWN_NAMES.iter().map(ToString::to_string).collect();
    while let Some(command) = commands.pop() {
        let variables = command.get_arguments().filter_map(clap::Arg::get_env);
        names.extend(variables.filter_map(|name| name.to_str()).map(str::to_owned));
        commands.extend(command.get_subcommands().cloned());
    }
    names
}
