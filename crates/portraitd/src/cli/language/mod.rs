//! The language of the command line: chosen once, before clap parses, so that help and clap's errors come in it too.

mod help;
mod parse_error;

use crate::config::server::LanguageName;
use clap::error::ErrorKind;
use clap::{Arg, Parser};
use portraitd_model::Language;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::OnceLock;

/// The variable of the setting `server.language`, which the command line follows.
const VARIABLE: &str = "PORTRAITD_SERVER_LANGUAGE";

static CHOSEN: OnceLock<Language> = OnceLock::new();

/// Returns the language of this process's command line; English in unit tests.
pub(crate) fn language() -> Language {
    CHOSEN.get().copied().unwrap_or_default()
}

/// Formats a message in the language of the command line: `localized!("no {name}", "没有 {name}")`.
macro_rules! localized {
    ($english:literal, $chinese:literal $(, $($argument:tt)*)?) => {
        match $crate::cli::language::language() {
            portraitd_model::Language::English => format!($english $(, $($argument)*)?),
            portraitd_model::Language::Chinese => format!($chinese $(, $($argument)*)?),
        }
    };
}
pub(crate) use localized;

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
    let language = choose(&words, |name| std::env::var(name).ok());
    let language = *CHOSEN.get_or_init(|| language);
    if language == Language::English {
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
        eprint!("{text}");
    } else {
        super::output::say(text.trim_end());
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Chooses by `--language`, then by [`VARIABLE`], then by the locale.
fn choose(words: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Language {
    let named = |name| variable(name).filter(|value| !value.is_empty());
    // A value that is no language is an error in the language that is chosen without it.
    let asked = [asked(words), named(VARIABLE)].into_iter().flatten();
    let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(named);
    let language = asked.filter_map(|text| Language::parse(&text)).next();
    language.or_else(|| Language::parse(&locale()?)).unwrap_or_default()
}

/// Returns the value of `--language`. What follows `--` is for another program.
fn asked(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == "--language" {
            return words.next().map(std::borrow::Cow::into_owned);
        }
        if let Some(value) = word.strip_prefix("--language=") {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wish_decides() {
        let check = |words: &str, variables: &[(&str, &str)], expected| {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(choose(&words, variable), expected, "{words:?} {variables:?}");
        };
        let (english, chinese) = (Language::English, Language::Chinese);
        check("portraitd dev", &[], english);
        check("portraitd dev", &[("LANG", "zh_CN.UTF-8")], chinese);
        check("portraitd dev", &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], english);
        check("portraitd dev", &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")], chinese);
        check("portraitd dev", &[("LC_MESSAGES", "zh_CN.UTF-8"), ("LANG", "de_DE.UTF-8")], chinese);
        check("portraitd dev", &[("LANG", "zh_CN.UTF-8"), (VARIABLE, "en")], english);
        check("portraitd dev --language zh", &[(VARIABLE, "en")], chinese);
        check("portraitd --language=en dev", &[("LANG", "zh_CN.UTF-8")], english);
        check("portraitd run -- app --language zh", &[], english);
        check("portraitd dev --language", &[], english);
        check("portraitd dev --language fr", &[("LANG", "zh_CN.UTF-8")], chinese);
    }
}
