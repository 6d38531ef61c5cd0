//! Documents that are made from the declarations: the example file and the tables of OPERATIONS.

use super::Config;
use super::setting::Setting;
use portrait_model::Language;
use toml::Value;

/// Every setting with its default, as a file that can be used: what `portraitd config --example` prints.
pub(crate) fn example() -> String {
    let mut page = String::from(
        "# portraitd: every setting with its default. Delete what you do not change.\n\
         # Each setting is also an environment variable: PORTRAITD_SERVER_LISTEN is `listen` in [server]. A variable wins\n\
         # over this file, and a flag wins over both. Check this file with: portraitd config check FILE\n",
    );
    let config = Config::default();
    for section in config.sections() {
        page.push_str(&format!("\n[{}]\n", section.name()));
        let entries: Vec<_> =
            section.settings().iter().map(|setting| entry(setting, section.get(setting.key()))).collect();
        page.push_str(&entries.join("\n"));
    }
    page
}

/// The comment and the line of one setting.
fn entry(setting: &Setting, default: Option<Value>) -> String {
    let mut lines: Vec<String> = setting.english.iter().map(|line| format!("#{line}")).collect();
    let key = setting.key();
    match (default, setting.example) {
        (Some(default), None) => {
            if let Some(limits) = setting.limits(Language::English) {
                let default = default_text(setting, &default, Language::English).replace('`', "");
                lines.push(format!("# Allowed are {limits}; the default is {default}."));
            }
            lines.push(format!("{key} = {default}"));
        }
        (Some(default), Some(example)) => {
            lines.push(format!("# For example: {example}"));
            lines.push(format!("{key} = {default}"));
        }
        (None, example) => {
            lines.push(format!(
                "# It is not set by default. For example:\n# {key} = {}",
                example.unwrap_or_default()
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// A table with a row for each setting, for OPERATIONS.
#[cfg(feature = "internals")]
pub(crate) fn table(language: Language) -> String {
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

#[cfg(feature = "internals")]
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
