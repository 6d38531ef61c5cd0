//! clap's errors in Chinese, with the same suggestions.

use super::causes;
use clap::builder::{StyledStr, Styles};
use clap::error::{ContextKind, ContextValue, Error, ErrorFormatter, ErrorKind};
use std::error::Error as _;
use std::fmt::Write;
use std::num::ParseIntError;

/// Formats an error of clap in Chinese.
pub(super) struct Chinese;

impl ErrorFormatter for Chinese {
    fn format_error(error: &Error<Self>) -> StyledStr {
        let red = Styles::styled().get_error().to_owned();
        let mut text = format!("{red}错误：{red:#}{}", sentence(error));
        for (number, tip) in tips(error).iter().enumerate() {
            let space = if number == 0 { "\n\n" } else { "\n" };
            // Writing to a `String` can't fail.
            let _ = write!(text, "{space}  提示：{tip}");
        }
        if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
            let usage = usage.ansi().to_string().replace("Usage:", "用法:");
            let _ = write!(text, "\n\n{usage}");
        }
        text.push_str("\n\n更多信息请使用 '--help'。\n");
        text.into()
    }
}

/// Says what is wrong.
fn sentence(error: &Error<Chinese>) -> String {
    let argument = one(error, ContextKind::InvalidArg);
    let value = one(error, ContextKind::InvalidValue);
    let number = |kind| match error.get(kind) {
        Some(ContextValue::Number(number)) => *number,
        _ => 0,
    };
    let found = number(ContextKind::ActualNumValues);
    match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("'{argument}' 需要一个值{}", list(error, "可选值", ContextKind::ValidValue))
        }
        ErrorKind::InvalidValue => {
            format!("'{argument}' 的值 '{value}' 无效{}", list(error, "可选值", ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => {
            let cause = error.source().map(cause).unwrap_or_default();
            format!("'{argument}' 的值 '{value}' 无效：{cause}")
        }
        ErrorKind::UnknownArgument => format!("未知的参数 '{argument}'"),
        ErrorKind::InvalidSubcommand => {
            format!("未知的命令 '{}'", one(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => format!(
            "'{}' 之后需要一个命令{}",
            one(error, ContextKind::InvalidSubcommand),
            list(error, "命令", ContextKind::ValidSubcommand)
        ),
        ErrorKind::MissingRequiredArgument => {
            format!("缺少以下必需的参数：\n  {}", all(error, ContextKind::InvalidArg).join("\n  "))
        }
        ErrorKind::ArgumentConflict => {
            let others = all(error, ContextKind::PriorArg);
            if others.contains(&argument) {
                format!("参数 '{argument}' 只能使用一次")
            } else if argument.is_empty() {
                format!(
                    "命令 '{}' 不能与 '{}' 同时使用",
                    one(error, ContextKind::InvalidSubcommand),
                    others.join("'、'")
                )
            } else {
                format!("参数 '{argument}' 不能与 '{}' 同时使用", others.join("'、'"))
            }
        }
        ErrorKind::NoEquals => format!("'{argument}' 与其值之间需要等号"),
        ErrorKind::TooManyValues => format!("'{argument}' 多了一个值 '{value}'"),
        ErrorKind::TooFewValues => {
            format!("'{argument}' 至少需要 {} 个值，现有 {found} 个", number(ContextKind::MinValues))
        }
        ErrorKind::WrongNumberOfValues => {
            format!("'{argument}' 需要 {} 个值，现有 {found} 个", number(ContextKind::ExpectedNumValues))
        }
        ErrorKind::InvalidUtf8 => "有参数不是有效的 UTF-8".to_owned(),
        kind => kind.to_string(),
    }
}

/// Says why a value is invalid. Our own parsers speak Chinese already; those of numbers do not.
fn cause(cause: &(dyn std::error::Error + 'static)) -> String {
    let text = causes::describe(cause);
    if cause.is::<ParseIntError>() {
        "应为整数，且不能过大".to_owned()
    } else if let Some((_, range)) = text.split_once(" is not in ") {
        format!("应在 {range} 之内")
    } else {
        text
    }
}

/// The suggestions: a similar name, or another way to write what was meant.
fn tips(error: &Error<Chinese>) -> Vec<String> {
    let similar = [
        (ContextKind::SuggestedSubcommand, "命令"),
        (ContextKind::SuggestedArg, "参数"),
        (ContextKind::SuggestedValue, "值"),
    ];
    let similar = similar.into_iter().filter_map(|(kind, noun)| {
        let names = all(error, kind);
        (!names.is_empty()).then(|| format!("有相近的{noun} '{}'", names.join("'、'")))
    });
    let others: &[StyledStr] = match error.get(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(others)) => others,
        _ => &[],
    };
    similar.chain(others.iter().map(|tip| translated_tip(&tip.to_string()))).collect()
}

/// Translates the sentences of clap that have no context of their own.
fn translated_tip(tip: &str) -> String {
    // `'A' exists`, `subcommand 'A' exists; to use it, remove the '--' before it`, `to pass 'A' as a value, use 'B'`
    let quoted: Vec<&str> = tip.split('\'').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [one] => format!("有 '{one}'"),
        [name, "--"] => format!("有命令 '{name}'；请去掉它前面的 '--'"),
        [value, instead] => format!("若 '{value}' 是一个值，请写 '{instead}'"),
        _ => tip.to_owned(),
    }
}

/// The values of a list in brackets, on a line of its own.
fn list(error: &Error<Chinese>, name: &str, kind: ContextKind) -> String {
    let values = all(error, kind);
    if values.is_empty() { String::new() } else { format!("\n  [{name}: {}]", values.join(", ")) }
}

fn one(error: &Error<Chinese>, kind: ContextKind) -> String {
    all(error, kind).concat()
}

fn all(error: &Error<Chinese>, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
