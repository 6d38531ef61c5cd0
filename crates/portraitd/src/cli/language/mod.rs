//! The language of the command line: chosen before clap parses, so that help and clap's errors come in it too.

pub(crate) mod causes;
pub(crate) mod chosen;
mod help;
mod parse_error;

use self::chosen::choose_from;
use crate::config::server::LanguageName;
use clap::error::ErrorKind;
use clap::{Arg, Parser};
use portraitd_model::Language;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

/// The option `--language` of every command. It is read before clap parses; clap checks and documents it. The variable is
/// not clap's, which would take a command without arguments for one with an argument, and print no help.
pub(super) fn option() -> Arg {
    Arg::new("language")
        .long("language")
        .value_name("LANGUAGE")
        .global(true)
        .value_parser(clap::value_parser!(LanguageName))
        .hide_possible_values(true)
        .help("The language of help, messages and output: en or zh [default: $PORTRAITD_SERVER_LANGUAGE, or the locale's]")
}

/// Chooses the language, then parses the arguments of this process. `Err` holds the exit code after help or an error.
pub(super) fn parse<C: Parser>() -> Result<C, ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    if choose_from(&words) == Language::English {
        return Ok(C::parse());
    }
    C::try_parse_from(&words).map_err(|error| {
        let is_help = matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        let in_chinese = || help::in_chinese(C::command()).try_get_matches_from(&words).err();
        let error = if is_help { in_chinese().unwrap_or(error) } else { error };
        let text = error.apply::<parse_error::Chinese>();
        show(&text, is_help)
    })
}

/// Writes what clap has to say where it would, and returns the exit code.
fn show(error: &clap::error::Error<parse_error::Chinese>, is_help: bool) -> ExitCode {
    let is_terminal =
        if error.use_stderr() { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let has_colors = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = if has_colors { error.render().ansi().to_string() } else { error.render().to_string() };
    let text = if is_help { help::with_chinese_headings(&text) } else { text };
    if error.use_stderr() {
        super::output::note_verbatim(&text);
    } else {
        super::output::say_verbatim(text.trim_end());
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
