//! Values of settings: parsed with errors that name what they must be, and shown with secrets hidden.

use super::Config;
use super::setting::Setting;
use crate::cli::language::chosen::{language, localized};
use portraitd_model::Language;
use toml::Value;

impl Config {
    /// Changes a setting. The error says what the value must be.
    pub(super) fn set(&mut self, setting: &Setting, value: &Value) -> Result<(), String> {
        if let Some((least, largest)) = setting.range {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
            if !number.is_some_and(|number| (least..=largest).contains(&number)) {
                let limits = setting.limits(language()).unwrap_or_default();
                return Err(localized!("must be a whole number from {limits}", "应为整数，范围 {limits}"));
            }
        }
        let section = self.sections_mut().into_iter().find(|section| setting.is_in(section.name()));
        let section = section.ok_or_else(|| format!("{} has no section", setting.name))?;
        section.set(setting.key(), value.clone()).map_err(|error| setting.explain(&error))?;
        setting.check.map_or(Ok(()), |check| check(value))
    }

    /// The value of a setting; `None` if it is not set.
    pub(super) fn get(&self, setting: &Setting) -> Option<Value> {
        let section = self.sections().into_iter().find(|section| setting.is_in(section.name()))?;
        section.get(setting.key())
    }
}

impl Setting {
    /// Whether it belongs to the section with this name.
    pub(super) fn is_in(&self, section: &str) -> bool {
        self.name.rsplit_once('.').is_some_and(|(name, _)| name == section)
    }

    /// A good value: the example, or else the default.
    pub(super) fn good_value(&self) -> Option<Value> {
        self.example_value().or_else(|| Config::default().get(self))
    }

    /// Turns an error of serde into a sentence with the remedy.
    fn explain(&self, error: &str) -> String {
        if let Some((_, known)) =
            error.split_once("unknown variant").and_then(|(_, rest)| rest.split_once("expected "))
        {
            let chinese = known.replace(" or ", " 或 ");
            return localized!("must be {known}", "应为 {chinese}");
        }
        let remedy = self.remedy();
        if !["invalid type", "invalid value", "wanted"].iter().any(|start| error.starts_with(start)) {
            // The types of other crates say it in English alone.
            return if language() == Language::Chinese && error.is_ascii() {
                format!("无效{remedy}")
            } else {
                format!("{error}{}", if self.example.is_some() { &remedy } else { "" })
            };
        }
        match self.good_value() {
            Some(Value::Boolean(_)) => localized!("must be true or false", "应为 true 或 false"),
            Some(Value::Array(_)) => localized!("must be a list{remedy}", "应为列表{remedy}"),
            _ => localized!("must be text in quotes{remedy}", "应为带引号的文本{remedy}"),
        }
    }

    /// What a good value looks like, as the end of a sentence.
    pub(super) fn remedy(&self) -> String {
        let good = self.good_value();
        let example = |good| localized!(", for example {} = {good}", "，例如 {} = {good}", self.key());
        good.map(example).unwrap_or_default()
    }

    /// The limits of a number: "1 to 60000 milliseconds (60 s)".
    pub(super) fn limits(&self, language: Language) -> Option<String> {
        let (least, largest) = self.range?;
        let (unit, readable) = (self.unit(language), self.readable(largest, language));
        Some(match (language, readable) {
            (Language::English, None) => format!("{least} to {largest}{unit}"),
            (Language::English, Some(readable)) => format!("{least} to {largest}{unit} ({readable})"),
            (Language::Chinese, None) => format!("{least}～{largest}{unit}"),
            (Language::Chinese, Some(readable)) => format!("{least}～{largest}{unit}（{readable}）"),
        })
    }

    fn unit(&self, language: Language) -> &'static str {
        match (self.base(), language) {
            (Base::Milliseconds, Language::English) => " milliseconds",
            (Base::Milliseconds, Language::Chinese) => " 毫秒",
            (Base::Bytes, Language::English) => " bytes",
            (Base::Bytes, Language::Chinese) => " 字节",
            (Base::Mebibytes, _) => " MiB",
            (Base::One, _) => "",
        }
    }

    /// The same amount in a larger unit, where there is one without a fraction: "64 MiB".
    pub(super) fn readable(&self, number: u64, language: Language) -> Option<String> {
        const SIZES: [(u64, &str); 4] =
            [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let (units, factor): (&[_], _) = match (self.base(), language) {
            (Base::Milliseconds, Language::English) => (&[(3_600_000, "h"), (1_000, "s")], 1),
            (Base::Milliseconds, Language::Chinese) => (&[(3_600_000, "小时"), (1_000, "秒")], 1),
            (Base::Bytes, _) => (&SIZES, 1),
            // The value itself is in MiB.
            (Base::Mebibytes, _) => (&SIZES[..2], 1 << 20),
            (Base::One, _) => return None,
        };
        let number = number.checked_mul(factor)?;
        let fits = |(size, _): &&(u64, &str)| number >= *size && number.is_multiple_of(*size);
        units.iter().find(fits).map(|(size, unit)| format!("{} {unit}", number / size))
    }

    fn base(&self) -> Base {
        match self.name {
            name if name.ends_with("_ms") => Base::Milliseconds,
            name if name.ends_with("_bytes_max") => Base::Bytes,
            name if name.ends_with("_mib") => Base::Mebibytes,
            _ => Base::One,
        }
    }

    /// Hides what is secret in a value: the whole value of a setting that is named as a secret, the text of a key, and the
    /// user, the password and the query of a URL.
    pub(super) fn redact(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact_text(text)),
            Value::Array(values) => {
                Value::Array(values.into_iter().map(|value| self.redact(value)).collect())
            }
            other => other,
        }
    }

    fn redact_text(&self, text: String) -> String {
        const HIDDEN: &str = "(hidden)";
        let is_secret = ["token", "password", "secret"].iter().any(|word| self.name.contains(word));
        let is_secret = is_secret && !self.name.ends_with("_file");
        if is_secret || text.contains("-----BEGIN") {
            return HIDDEN.to_owned();
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (format!("{scheme}://"), rest),
            None if text.starts_with(['/', '.']) || text.starts_with("unix:") => return text,
            None => (String::new(), text.as_str()),
        };
        let (place, query) = rest.split_once('?').map_or((rest, ""), |(place, _)| (place, "?(hidden)"));
        match place.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}{HIDDEN}@{host}{query}"),
            None => format!("{scheme}{place}{query}"),
        }
    }
}

/// A value as TOML in one line.
pub(crate) fn one_line(value: &Value) -> String {
    let text = value.to_string();
    // TOML reads the escapes of JSON.
    if text.contains('\n') { serde_json::to_string(value).unwrap_or_default() } else { text }
}

/// What a setting's number counts.
enum Base {
    Milliseconds,
    Bytes,
    Mebibytes,
    One,
}
