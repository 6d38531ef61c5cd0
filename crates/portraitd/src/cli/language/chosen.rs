//! Which language the command line speaks: chosen once in a process.

use portraitd_model::Language;
use std::ffi::OsString;
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
        match $crate::cli::language::chosen::language() {
            portraitd_model::Language::English => format!($english $(, $($argument)*)?),
            portraitd_model::Language::Chinese => format!($chinese $(, $($argument)*)?),
        }
    };
}
pub(crate) use localized;

/// Chooses the language of this process, once.
pub(super) fn choose_from(words: &[OsString]) -> Language {
    *CHOSEN.get_or_init(|| choose(words, |name| std::env::var(name).ok()))
}

/// Chooses by `--language`, then by [`VARIABLE`], then by the locale.
fn choose(words: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Language {
    let named = |name| variable(name).filter(|value| !value.is_empty());
    // A value that is no language is an error in the language that is chosen without it.
    let mut asked = [asked(words), named(VARIABLE)].into_iter().flatten();
    let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(named);
    let language = asked.find_map(|text| Language::parse(&text));
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
