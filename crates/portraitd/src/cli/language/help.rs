//! Help in Chinese: the texts of clap's tree, replaced by those of a table from English to Chinese.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What clap itself writes around the texts of the tree.
const HEADINGS: [(&str, &str); 8] = [
    ("Usage:", "用法:"),
    ("Commands:", "命令:"),
    ("Arguments:", "参数:"),
    ("Options:", "选项:"),
    ("Possible values:", "可选值:"),
    ("[possible values: ", "[可选值: "),
    ("[default: ", "[默认值: "),
    ("[env: ", "[环境变量: "),
];

/// `help.zh.toml`. A test holds it against clap's tree.
#[derive(Deserialize)]
struct Table {
    lines: HashMap<String, String>,
    paragraphs: Vec<Paragraphs>,
}

/// A text of several lines.
#[derive(Deserialize)]
struct Paragraphs {
    en: String,
    zh: String,
}

static CHINESE: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    // A test reads the table.
    let Ok(Table { mut lines, paragraphs }) = toml::from_str(include_str!("help.zh.toml")) else {
        return HashMap::new();
    };
    let trimmed = |text: String| text.trim_end().to_owned();
    lines.extend(paragraphs.into_iter().map(|pair| (trimmed(pair.en), trimmed(pair.zh))));
    lines
});

/// Returns the tree with Chinese texts. It prints help; its values are not of the commands' types.
pub(super) fn in_chinese(mut command: Command) -> Command {
    // With it come the options and the command that clap adds itself.
    command.build();
    // Without line breaks of clap's, which would count a Chinese character as one column.
    translate(command.term_width(0), &|english| CHINESE.get(english).map(String::as_str))
}

/// Replaces the words that clap itself writes.
pub(super) fn with_chinese_headings(help: &str) -> String {
    HEADINGS.iter().fold(help.to_owned(), |text, (english, chinese)| text.replace(english, chinese))
}

fn translate(mut command: Command, chinese: &impl Fn(&str) -> Option<&'static str>) -> Command {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    if let Some(long_about) =
        command.get_long_about().and_then(|text| long(&text.to_string(), &about, chinese))
    {
        command = command.long_about(long_about);
    }
    if let Some(about) = chinese(&about) {
        command = command.about(about);
    }
    command.mut_args(|arg| translate_arg(arg, chinese)).mut_subcommands(|below| translate(below, chinese))
}

fn translate_arg(mut arg: Arg, chinese: &impl Fn(&str) -> Option<&'static str>) -> Arg {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if let Some(long_help) = arg.get_long_help().and_then(|text| long(&text.to_string(), &help, chinese)) {
        arg = arg.long_help(long_help);
    }
    if let Some(help) = chinese(&help) {
        arg = arg.help(help);
    }
    if let Some(heading) = arg.get_help_heading().and_then(chinese) {
        arg = arg.help_heading(heading);
    }
    let values = arg.get_possible_values();
    if values.iter().all(|value| value.get_help().is_none()) {
        return arg;
    }
    let values = values.into_iter().map(|value| {
        let help = value.get_help().and_then(|help| chinese(&help.to_string()));
        if let Some(help) = help { value.help(help) } else { value }
    });
    arg.value_parser(PossibleValuesParser::new(values))
}

/// Translates a long text, which begins with the short one.
fn long(text: &str, short: &str, chinese: &impl Fn(&str) -> Option<&'static str>) -> Option<String> {
    match text.strip_prefix(short).and_then(|rest| rest.strip_prefix("\n\n")) {
        Some(rest) if !short.is_empty() => Some([chinese(short)?, "\n\n", chinese(rest)?].concat()),
        _ => chinese(text).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    /// The width of a text on a terminal, where a Chinese character takes two columns.
    fn columns(text: &str) -> usize {
        text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
    }

    #[test]
    fn every_text_has_its_chinese_and_none_is_unused() {
        let seen = RefCell::new(BTreeSet::new());
        let mut tree = crate::cli::command_line();
        tree.build();
        translate(tree, &|english| {
            seen.borrow_mut().insert(english.to_owned());
            Some("")
        });
        let mut seen = seen.into_inner();
        // An argument whose name says all has no help. The languages are named in themselves.
        for text in ["", "English", "简体中文"] {
            seen.remove(text);
        }
        let known: BTreeSet<String> = CHINESE.keys().cloned().collect();
        assert_eq!(seen.difference(&known).collect::<Vec<_>>(), [""; 0], "help.zh.toml lacks them");
        assert_eq!(known.difference(&seen).collect::<Vec<_>>(), [""; 0], "help.zh.toml has them in vain");
    }

    #[test]
    fn chinese_help_keeps_names_and_defaults_and_fits_a_terminal() {
        const HEADINGS_LEFT: [&str; 5] = ["Usage:", "Commands:", "Options:", "Arguments:", "ossible values:"];
        fn check(english: &Command, chinese: &Command) {
            let name = english.get_name().to_owned();
            let of = |command: &Command| {
                let of = |arg: &Arg| {
                    (arg.to_string(), arg.get_default_values().to_vec(), arg.get_env().map(ToOwned::to_owned))
                };
                command.get_arguments().map(of).collect::<Vec<_>>()
            };
            assert_eq!(of(english), of(chinese), "{name}");
            let help = with_chinese_headings(&chinese.clone().render_long_help().to_string());
            for line in
                help.lines().filter(|line| !line.contains("用法:") && !line.trim_start().starts_with('['))
            {
                assert!(columns(line) <= 100, "{name}: {line}");
                let left = HEADINGS_LEFT.iter().find(|heading| line.contains(**heading));
                assert_eq!(left, None, "{name}: {line}");
            }
            for (english, chinese) in english.get_subcommands().zip(chinese.get_subcommands()) {
                check(english, chinese);
            }
        }
        let mut english = crate::cli::command_line();
        english.build();
        check(&english, &in_chinese(crate::cli::command_line()));
    }
}
