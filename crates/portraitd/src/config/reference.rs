//! Documents that are made from the declarations: the example file and the tables of OPERATIONS.

use super::Config;
use super::setting::Setting;
use portraitd_model::Language;
use toml::Value;

const ENGLISH: &str = "\
# portraitd: every setting with its default. Delete what you do not change.
# Each setting is also an environment variable: PORTRAITD_SERVER_LISTEN is `listen` in [server]. A variable wins
# over this file, and a flag wins over both. Check this file with: portraitd config check FILE
";

const CHINESE: &str = "\
# portraitd 的全部配置项及其默认值。不修改的可以删除。
# 每一项也可用环境变量设置：PORTRAITD_SERVER_LISTEN 即 [server] 的 `listen`。环境变量优先于本文件，命令行参数优先于两者。
# 检查本文件：portraitd config check FILE
";

/// Every setting with its default, as a file that can be used: what `portraitd config --example` prints.
pub(crate) fn example(language: Language) -> String {
    let mut page = String::from(match language {
        Language::English => ENGLISH,
        Language::Chinese => CHINESE,
    });
    let config = Config::default();
    for section in config.sections() {
        let entries: Vec<_> = section
            .settings()
            .iter()
            .map(|setting| entry(setting, section.get(setting.key()), language))
            .collect();
        page += &["\n[", section.name(), "]\n", &entries.join("\n")].concat();
    }
    page
}

/// The comment and the line of one setting.
fn entry(setting: &Setting, default: Option<Value>, language: Language) -> String {
    let mut lines: Vec<String> = match language {
        Language::English => setting.english.iter().map(|line| format!("#{line}")).collect(),
        Language::Chinese => {
            setting.chinese.split_inclusive('。').map(|sentence| format!("# {sentence}")).collect()
        }
    };
    let key = setting.key();
    let Some(default) = default else {
        lines.push(match language {
            Language::English => "# It is not set by default. For example:".to_owned(),
            Language::Chinese => "# 默认不设置。例如：".to_owned(),
        });
        lines.push(format!("# {key} = {}\n", setting.example.unwrap_or_default()));
        return lines.join("\n");
    };
    if let Some(limits) = setting.limits(language) {
        let shown = default_text(setting, &default, language).replace('`', "");
        lines.push(match language {
            Language::English => format!("# Allowed are {limits}; the default is {shown}."),
            Language::Chinese => format!("# 取值 {limits}，默认 {shown}。"),
        });
    }
    if let Some(example) = setting.example {
        lines.push(match language {
            Language::English => format!("# For example: {example}"),
            Language::Chinese => format!("# 例如：{example}"),
        });
    }
    lines.push(format!("{key} = {default}\n"));
    lines.join("\n")
}

/// A table with a row for each setting, for OPERATIONS.
pub fn table(language: Language) -> String {
    let head = match language {
        Language::English => "| setting | default | what it sets |",
        Language::Chinese => "| 配置项 | 默认值 | 含义 |",
    };
    let config = Config::default();
    let rows = Config::settings().map(|setting| {
        let default = match (config.get(setting), language) {
            (Some(default), language) => default_text(setting, &default, language),
            (None, Language::English) => "not set".to_owned(),
            (None, Language::Chinese) => "不设置".to_owned(),
        };
        format!("| `{}` | {default} | {} |\n", setting.name, meaning(setting, language))
    });
    format!("{head}\n| --- | --- | --- |\n{}", rows.collect::<String>())
}

fn meaning(setting: &Setting, language: Language) -> String {
    let limits = setting.limits(language);
    match language {
        Language::English => {
            let sentences: Vec<_> = setting.english.iter().map(|line| line.trim()).collect();
            let limits = limits.map(|limits| format!(" Allowed are {limits}.")).unwrap_or_default();
            let example =
                setting.example.map(|example| format!(" For example `{example}`.")).unwrap_or_default();
            format!("{}{limits}{example}", sentences.join(" "))
        }
        Language::Chinese => {
            let limits = limits.map(|limits| format!("取值 {limits}。")).unwrap_or_default();
            let example = setting.example.map(|example| format!("例如 `{example}`。")).unwrap_or_default();
            format!("{}{limits}{example}", setting.chinese)
        }
    }
}

/// A default as TOML, with the same amount in a larger unit.
fn default_text(setting: &Setting, default: &Value, language: Language) -> String {
    let number = default.as_integer().and_then(|number| u64::try_from(number).ok());
    match (number.and_then(|number| setting.readable(number, language)), language) {
        (None, _) => format!("`{default}`"),
        (Some(readable), Language::English) => format!("`{default}` ({readable})"),
        (Some(readable), Language::Chinese) => format!("`{default}`（{readable}）"),
    }
}
